"""The page over HTTP, as a program would use it that is no browser."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from standins import Standin

from fashiongen.demo.server import serving
from fashiongen.demo.studio import Studio
from fashiongen.demo.uploads import Limits

QUICK = Limits(megabytes=0.2, waiting=10)


class Visitor:
    """Asks as the page does: a request joins the queue, its answer comes as events."""

    def __init__(self, address, name):
        self.client, self.name = httpx.Client(base_url=address, timeout=60), name
        self.config = self.client.get("config").json()
        self.ids = {each["props"].get("elem_id"): each["id"] for each in self.config["components"]}

    def event(self, name, kind="click"):
        """The event that a component with the given name starts."""
        return next(each for each in self.config["dependencies"] if [self.ids[name], kind] in map(list, each["targets"]))

    def ask(self, event, data):
        """The answer's data, or what was said instead."""
        words = {"data": data, "fn_index": event["id"], "session_hash": self.name}
        joined = self.client.post("gradio_api/queue/join", json=words)
        if joined.status_code != 200:
            return joined.text
        with self.client.stream("GET", "gradio_api/queue/data", params={"session_hash": self.name}) as events:
            for line in events.iter_lines():
                said = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if said.get("msg") == "process_completed":
                    return said["output"]["data"] if said["success"] else json.dumps(said["output"])
        return "no answer"

    def upload(self, content, name="picture.png"):
        return self.client.post("gradio_api/upload", files={"files": (name, content)})


@pytest.fixture(scope="module")
def page():
    models = {"plain": Standin(seconds=0.02)}
    with serving(Studio(models, QUICK, annotator=None)) as address:
        yield address, models["plain"]


@pytest.fixture
def visitor(page, request):
    return Visitor(page[0], request.node.name)


def test_a_request_is_answered_in_the_page_itself(visitor):
    results, way = visitor.ask(visitor.event("sample-button"), [["plain"], 3, 5])[:2]
    assert results.count("src='data:image/png;base64,") == 3 and way == ""


def test_settings_of_the_page(visitor):
    assert visitor.config["analytics_enabled"] is False
    assert visitor.config["app_id"] and not visitor.config.get("is_space")
    assert all(each["api_visibility"] == "private" for each in visitor.config["dependencies"])
    assert visitor.client.get("gradio_api/info").json()["named_endpoints"] == {}
    assert "googleapis" not in visitor.client.get("").text


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([["plain"], 10**9, 0], "8"),
        ([["plain"], float("nan"), 0], ""),
        ([["other"], 1, 0], "other"),
        ([[], 1, 0], "choose at least one model"),
        ([["plain"], "many", 0], ""),
    ],
)
def test_the_server_checks_what_the_page_would_not_send(page, visitor, data, told):
    asked = page[1].asked
    if data[1] != data[1]:
        data = [data[0], None, data[2]]
    answer = visitor.ask(visitor.event("sample-button"), data)
    assert isinstance(answer, str) and told in answer and "/" not in answer.replace("\\/", "").replace("</", "")
    assert page[1].asked == asked


def test_a_file_of_the_server_cannot_be_read(visitor, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    event = visitor.event("try-on-person-upload", "upload")
    for path in (str(secret), "/etc/passwd", "../../etc/passwd"):
        answer = visitor.ask(event, [{"path": path, "meta": {"_type": "gradio.FileData"}}])
        assert isinstance(answer, str) and "secret" not in answer.replace(str(secret), "")
        assert visitor.client.get(f"gradio_api/file={path}").status_code in (403, 404)
    assert secret.read_bytes() == b"secret"


def test_uploads_are_limited_and_gone_when_they_were_read(visitor):
    assert visitor.upload(bytes(300_000)).status_code == 413
    (path,) = visitor.upload(b"<svg/>").json()
    assert os.environ["GRADIO_TEMP_DIR"] in path and Path(path).exists()
    answer = visitor.ask(visitor.event("try-on-person-upload", "upload"), [{"path": path, "meta": {"_type": "gradio.FileData"}}])
    assert "not a JPEG, PNG or WebP" in answer
    assert not Path(path).exists()


def test_a_hundred_requests_at_once_are_answered_or_refused(page):
    first = Visitor(page[0], "crowd")
    event = first.event("sample-button")

    def visit(number):
        visitor = object.__new__(Visitor)
        visitor.client, visitor.name = httpx.Client(base_url=page[0], timeout=120), f"crowd-{number}"
        return visitor.ask(event, [["plain"], 1, number])

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(visit, range(100)))
    answered = [answer for answer in answers if isinstance(answer, list)]
    refused = [answer for answer in answers if isinstance(answer, str)]
    assert len(answered) >= 10 and all("ueue is full" in answer for answer in refused), set(refused)
    assert page[1].most_at_work == 1
    assert isinstance(first.ask(event, [["plain"], 1, 0]), list)


def test_nothing_is_left_when_the_server_ends():
    with serving(Studio({"plain": Standin()}, QUICK, annotator=None)) as address:
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        assert folder.stat().st_mode & 0o777 == 0o700
        Visitor(address, "last").upload(b"something")
        assert any(folder.rglob("picture.png"))
    assert not folder.exists()


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from standins import Standin
from fashiongen.demo.server import serve
from fashiongen.demo.studio import Studio
serve(Studio({"plain": Standin()}), "127.0.0.1", None)
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_leaves_nothing(tmp_path, ending):
    words = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)]
    run = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(tmp_path)})
    assert "fashiongen demo: http://127.0.0.1:" in run.stdout.readline()
    assert list(tmp_path.glob("fashiongen-demo-*"))
    run.send_signal(ending)
    assert run.wait(30) == 0
    time.sleep(0.1)
    assert not list(tmp_path.glob("fashiongen-demo-*"))
