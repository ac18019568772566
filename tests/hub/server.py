"""A small Hub on 127.0.0.1: the endpoints that huggingface_hub asks for when it creates, uploads, lists and downloads."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import unquote, urlsplit

TOKEN = "hf_test"
Files = dict[str, bytes]


@dataclass
class Repository:
    """`commits` maps ids to all files at that commit, `branches` names to ids."""

    private: bool
    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: Files) -> str:
        digest = hashlib.sha1(f"{len(self.commits)}".encode())
        for path, content in sorted(files.items()):
            digest.update(path.encode() + content)
        self.commits[digest.hexdigest()] = files
        self.branches[branch] = digest.hexdigest()
        return digest.hexdigest()

    def resolve(self, revision: str) -> str | None:
        return self.branches.get(revision) or (revision if revision in self.commits else None)


def is_large(path: str) -> bool:
    """Whether the Hub keeps a file outside git."""
    return path.endswith(".safetensors")


def object_id(path: str, content: bytes) -> str:
    """What the Hub names a file by: SHA-256 outside git, git's blob id inside."""
    if is_large(path):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class HubServer:
    """Context manager; what it holds and what it was asked can be read and changed by a test.

    Attributes:
        repositories: by "user/name".
        requests: "METHOD path" of everything that was asked, in order.
        failures: status codes to answer with, by a part of "METHOD path".
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.large: Files = {}
        self.requests: list[str] = []
        self.failures: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No longer answer; may be called twice."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def change(self, repository: str, **files: bytes | None) -> str:
        """Commit changed files (`config_json=...` for config.json) to main; None removes one."""
        kept = self.repositories[repository]
        content = dict(kept.commits[kept.branches["main"]])
        for name, change in files.items():
            path = name.replace("_", ".")
            content.pop(path, None)
            if change is not None:
                content[path] = change
        return kept.commit("main", content)


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    # Closes the connection after every answer, so that a stopped server does not go on answering over an open one.
    protocol_version = "HTTP/1.0"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, status: int, content: Any = None, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _missing(self, what: str, status: int = 404) -> None:
        self._answer(status, {"error": what}, {"X-Error-Code": f"{what}NotFound", "X-Error-Message": f"{what} not found"})

    def _serve(self) -> None:
        path = urlsplit(self.path).path
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.hub.requests.append(f"{self.command} {path}")
        for part, status in self.hub.failures.items():
            if part in self.hub.requests[-1]:
                return self._answer(status, {"error": "out of order"}, {"X-Error-Message": "out of order"})
        if self.command != "GET" and self.command != "HEAD" and not self._known and not path.startswith("/large/"):
            return self._answer(403, {"error": "forbidden"}, {"X-Error-Message": "no right to write"})
        for method, pattern, action in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                return action(self, **{name: unquote(value) for name, value in found.groupdict().items()})
        return self._answer(404, {"error": f"no endpoint {self.command} {path}"})

    do_GET = do_HEAD = do_POST = do_PUT = _serve

    @property
    def _known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _repository(self, name: str) -> Repository | None:
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and not self._known):
            self._missing("Repo", 404 if self._known else 401)
            return None
        return repository

    def _files(self, name: str, revision: str) -> tuple[str, Files] | None:
        repository = self._repository(name)
        if repository is None:
            return None
        commit = repository.resolve(revision)
        if commit is None:
            self._missing("Revision")
            return None
        return commit, repository.commits[commit]

    # ------------------------------------------------------------------------------------------------ writing
    def create(self) -> None:
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'someone'}/{asked['name']}"
        address = {"url": f"{self.hub.address}/{name}"}
        if name in self.hub.repositories:
            return self._answer(409, address)
        self.hub.repositories[name] = Repository(private=asked.get("visibility") == "private")
        self.hub.repositories[name].commit("main", {".gitattributes": b"*.safetensors filter=lfs\n"})
        return self._answer(200, address)

    def branch(self, name: str, revision: str) -> None:
        repository = self._repository(name)
        if repository is None:
            return None
        if revision in repository.branches:
            return self._answer(409, {"error": "branch exists"})
        repository.branches[revision] = repository.branches["main"]
        return self._answer(200, {})

    def validate_yaml(self) -> None:
        front_matter = json.loads(self.body)["content"].startswith("---\n")
        self._answer(200, {"errors": [] if front_matter else [{"message": "no front matter"}], "warnings": []})

    def preupload(self, name: str, revision: str) -> None:
        if there := self._files(name, revision):
            answer = []
            for file in json.loads(self.body)["files"]:
                path = file["path"]
                known = {"oid": object_id(path, there[1][path])} if path in there[1] else {}
                answer.append({"path": path, "uploadMode": "lfs" if is_large(path) else "regular", "shouldIgnore": False, **known})
            self._answer(200, {"files": answer})

    def large_batch(self, name: str) -> None:
        objects = json.loads(self.body)["objects"]
        for item in objects:
            if item["oid"] not in self.hub.large:
                item["actions"] = {"upload": {"href": f"{self.hub.address}/large/{item['oid']}"}}
        self._answer(200, {"transfer": "basic", "objects": objects}, {"Content-Type": "application/vnd.git-lfs+json"})

    def large_upload(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self._answer(400, {"error": "sha256 does not match"})
        self.hub.large[oid] = self.body
        return self._answer(200)

    def commit(self, name: str, revision: str) -> None:
        if there := self._files(name, revision):
            files = dict(there[1])
            for line in self.body.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                match entry["key"]:
                    case "file":
                        files[value["path"]] = base64.b64decode(value["content"])
                    case "lfsFile":
                        files[value["path"]] = self.hub.large[value["oid"]]
                    case "deletedFile":
                        del files[value["path"]]
            commit = self.hub.repositories[name].commit(revision, files)
            self._answer(200, {"commitUrl": f"{self.hub.address}/{name}/commit/{commit}", "commitOid": commit, "success": True})

    # ------------------------------------------------------------------------------------------------ reading
    def model_info(self, name: str, revision: str = "main") -> None:
        if there := self._files(name, revision):
            commit, files = there
            private = self.hub.repositories[name].private
            siblings = [{"rfilename": path} for path in files]
            self._answer(200, {"_id": "0", "id": name, "sha": commit, "private": private, "tags": [], "siblings": siblings})

    def tree(self, name: str, revision: str) -> None:
        if there := self._files(name, revision):
            entries = []
            for path, content in there[1].items():
                oid, size = object_id(path, content), len(content)
                large = {"lfs": {"oid": oid, "size": size, "pointerSize": 134}} if is_large(path) else {}
                entries.append({"type": "file", "path": path, "oid": oid, "size": size, **large})
            self._answer(200, entries)

    def resolve(self, name: str, revision: str, path: str) -> None:
        if there := self._files(name, revision):
            commit, files = there
            if path not in files:
                return self._missing("Entry")
            headers = {"X-Repo-Commit": commit, "ETag": f'"{object_id(path, files[path])}"'}
            if self.command == "HEAD":
                headers["Content-Length"] = str(len(files[path]))
            return self._answer(200, files[path], headers)
        return None


_NAME, _REVISION = r"(?P<name>[^/]+/[^/]+)", r"(?P<revision>[^/]+)"
_ROUTES: list[tuple[tuple[str, ...], str, Any]] = [
    (("POST",), r"/api/repos/create", _Handler.create),
    (("POST",), r"/api/validate-yaml", _Handler.validate_yaml),
    (("POST",), rf"/api/models/{_NAME}/branch/{_REVISION}", _Handler.branch),
    (("POST",), rf"/api/models/{_NAME}/preupload/{_REVISION}", _Handler.preupload),
    (("POST",), rf"/api/models/{_NAME}/commit/{_REVISION}", _Handler.commit),
    (("POST",), rf"/{_NAME}\.git/info/lfs/objects/batch", _Handler.large_batch),
    (("PUT",), r"/large/(?P<oid>\w+)", _Handler.large_upload),
    (("GET",), rf"/api/models/{_NAME}/tree/{_REVISION}", _Handler.tree),
    (("GET",), rf"/api/models/{_NAME}/revision/{_REVISION}", _Handler.model_info),
    (("GET",), rf"/api/models/{_NAME}", _Handler.model_info),
    (("GET", "HEAD"), rf"/{_NAME}/resolve/{_REVISION}/(?P<path>.+)", _Handler.resolve),
]
