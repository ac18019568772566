"""Models by name, from the Hub, from folders and from checkpoints; and back into folders and repositories."""

from __future__ import annotations

import hashlib
import inspect
import pickle
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch
import yaml
from safetensors import SafetensorError

from fashiongen import __version__, registry
from fashiongen.card import model_card
from fashiongen.folder import CONFIG, FILES, FORMAT, WEIGHTS, HubError, plain, read_folder, write_folder

if TYPE_CHECKING:
    from fashiongen.models.base import FashionModule

__all__ = ["HubError", "create", "load", "locate", "push", "save"]

_BUNDLED = Path(__file__).parent / "weights"
_CHECKPOINT = ".ckpt"
_CONFIGS = Path(__file__).parent / "configs"
_ADDED_BY_CLI = ("_class_path", "_instantiator")
_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


# ---------------------------------------------------------------------------------------------------- create
def create(name: str, preset: str | None = None, **options: Any) -> FashionModule:
    """An untrained model.

    Args:
        name: registry name, see `fashiongen.list_models`.
        preset: a shipped configuration of the model, for example "official"; None takes the defaults of its class.
        options: arguments of its class; they win over the preset.

    Raises:
        KeyError: for an unknown model, preset or option, with the nearest known names.
    """
    model = registry.model_class(name)
    if preset is not None:
        file = _CONFIGS / name / f"{registry.find(preset, registry.CARDS[name].presets, f'{name} preset')}.yaml"
        options = yaml.load(file.read_text(encoding="utf-8"), _PresetLoader)["model"].get("init_args", {}) | options
    _check_options(name, options)
    return model(**options)


class _PresetLoader(yaml.SafeLoader):
    """Reads 2e-4 as a number, as the command line does; YAML 1.1 takes it for a string."""


_PresetLoader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), "-+.0123456789")


def _check_options(name: str, options: Mapping[str, Any]) -> None:
    known = _options_of(name)
    for option in options:
        registry.find(option, known, f"{name} option")


def _options_of(name: str) -> set[str]:
    known: set[str] = set()
    for base in registry.model_class(name).__mro__:
        if "__init__" in vars(base):
            parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
            known.update(p.name for p in parameters if p.kind is not p.VAR_KEYWORD)
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return known


# ---------------------------------------------------------------------------------------------------- load
def load(
    source: str | Path,
    *,
    device: str | torch.device = "cpu",
    revision: str | None = None,
    token: str | bool | None = None,
    **options: Any,
) -> FashionModule:
    """A trained model in evaluation mode, in float32. Never with random weights.

    What `source` means is decided in this order:

    1. what ends in ".ckpt" is a Lightning checkpoint on this disk, opened without running code from it;
    2. a registry name, alone or with a tag ("viton", "viton.mannequin"), is bundled weights, alone the first ones; a folder of
       that name is written "./viton";
    3. an existing folder, unless `revision` is given, is one in Hub layout;
    4. "user/name" or "user/name@revision" is a repository of the Hub. Where the Hub does not answer, the copy in the cache of
       `huggingface_hub` is used.

    Folders and repositories hold what the verbs need; networks that only training needs (discriminators) start fresh.

    Args:
        source: see above; a `Path` is never a repository.
        device: where the model goes.
        revision: branch, tag or commit of a repository.
        token: of the Hub, in place of the one that was logged in with.
        options: hyper-parameters in place of the saved ones.

    Raises:
        KeyError: for an unknown name or option, with the nearest known ones.
        HubError: when there are no weights, when they are damaged or do not fit, when the repository cannot be read.
    """
    path = locate(source, revision=revision, token=token)
    model = _from_checkpoint(path, options) if path.suffix == _CHECKPOINT else _from_folder(path, options, _cure(path))
    return model.to(device).eval()


def locate(source: str | Path, *, revision: str | None = None, token: str | bool | None = None) -> Path:
    """The checkpoint or folder in Hub layout that `load` opens; a repository is fetched.

    Args:
        source: as `load` takes it.
        revision: branch, tag or commit of a repository.
        token: of the Hub, in place of the one that was logged in with.

    Raises:
        KeyError, HubError: as `load`.
    """
    path = Path(source).expanduser()
    name = str(source).partition(".")[0]
    is_checkpoint = path.suffix == _CHECKPOINT
    is_name = isinstance(source, str) and "/" not in source and name in registry.CARDS
    if revision is not None and (is_checkpoint or is_name or isinstance(source, Path)):
        raise HubError(f"{source} is no repository of the Hub, it has no revision {revision!r}")
    if is_name and not is_checkpoint:
        return _bundled(name, str(source))
    if is_checkpoint or (path.is_dir() and revision is None):
        return path
    return _download(*_repository_of(source, revision), token)


def _cure(folder: Path) -> str:
    """What helps when a folder is damaged."""
    if folder.parent == _BUNDLED:
        return "install fashiongen again"
    if folder.parent.name == "snapshots":
        return f"delete {folder.parents[1]} and load again; if that does not help, the repository itself has to be repaired"
    return "save or copy the folder again"


def _bundled(name: str, source: str) -> Path:
    bundled = registry.CARDS[name].pretrained
    if not bundled:
        raise HubError(f"{name} has no bundled weights; fashiongen.create({name!r}) makes an untrained model")
    return _BUNDLED / (bundled[0] if source == name else registry.find(source, bundled, f"{name} with bundled weights"))


def _repository_of(source: str | Path, revision: str | None) -> tuple[str, str | None]:
    repository, _, named = str(source).partition("@")
    if isinstance(source, Path) or not _REPOSITORY.fullmatch(repository):
        if isinstance(source, str) and "/" not in source:
            registry.find(source, registry.CARDS, "folder or model")
        raise HubError(f"there is no folder {source}; repositories of the Hub are written user/name or user/name@revision")
    if named and revision and named != revision:
        raise HubError(f"{source} names the revision {named!r}, revision={revision!r} another one; give one of them")
    return repository, revision or named or None


def _from_folder(folder: Path, options: Mapping[str, Any], cure: str) -> FashionModule:
    record = read_folder(folder, cure)
    model = _build(record["model"], record["hyper_parameters"], options, folder / CONFIG)
    weights = folder / WEIGHTS
    try:
        model.load_inference_state(safetensors.torch.load_file(weights))
    except (SafetensorError, ValueError) as error:
        raise HubError(f"{weights}: {error}") from error
    return model


def _from_checkpoint(path: Path, options: Mapping[str, Any]) -> FashionModule:
    if not path.is_file():
        raise HubError(f"there is no checkpoint {path}")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise HubError(f"{path} is damaged, or cannot be opened without running code from it: {reason}") from error
    try:
        name, saved, state = checkpoint["fashiongen"]["model"], checkpoint["hyper_parameters"], checkpoint["state_dict"]
    except (KeyError, TypeError) as error:
        raise HubError(f"{path} does not come from a training with fashiongen: {type(error).__name__} {error}") from error
    model = _build(name, _hyper_parameters(saved, path), options, path)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise HubError(f"{path}: {' '.join(str(error).split())}") from error
    return model


def _build(name: str, saved: Mapping[str, Any], options: Mapping[str, Any], file: Path) -> FashionModule:
    if name not in registry.CARDS:
        raise HubError(
            f"{file} names the model {name!r}; fashiongen {__version__} knows {', '.join(registry.CARDS)}, "
            "a newer one may know more: pip install --upgrade fashiongen"
        )
    _check_options(name, options)
    try:
        _check_options(name, saved)
        return registry.model_class(name)(**{**saved, **options})
    except (KeyError, TypeError, ValueError) as error:
        raise HubError(f"{file} does not describe a {name} of fashiongen {__version__}: {error}") from error


def _hyper_parameters(saved: Mapping[str, Any], file: Path) -> dict[str, Any]:
    return {key: plain(value, f"hyper-parameter {key} of {file}") for key, value in saved.items() if key not in _ADDED_BY_CLI}


# ---------------------------------------------------------------------------------------------------- save, push
def save(
    module: FashionModule,
    folder: str | Path,
    *,
    data: str | None = None,
    licence: str = "apache-2.0",
    figures: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.float32,
    repository: str | None = None,
) -> Path:
    """Write a model as a folder in Hub layout (`fashiongen.folder`); the same model and record give the same bytes.

    A model of a subclass in another project is written as that of the paper, so that everybody can load it; options that the
    subclass added are noted under `training`.

    Args:
        module: its `inference_state` is written.
        folder: made if it does not exist; an older model in it is replaced only once the new one is written.
        data: what it was trained on: a name of `fashiongen.registry.DATA`, a data set of the Hub, or a sentence.
        licence: of the weights, as the Hub abbreviates it.
        figures: measured with these weights: metric -> value.
        training: how they were trained: machine, steps, seed, preset, ...
        dtype: of the floating tensors in the file; torch.float16 halves it.
        repository: where the model will be published, for the model card.

    Returns:
        The folder.

    Raises:
        HubError: for a hyper-parameter that JSON cannot hold, and for weights that are not finite in `dtype`.
    """
    weights = safetensors.torch.save(_tensors(module, dtype), metadata={"format": "pt"})
    options = _hyper_parameters(module.hparams, Path(folder) / CONFIG)
    own = {key: options.pop(key) for key in options.keys() - _options_of(module.name)}
    added = {f"options of {type(module).__name__}": dict(sorted(own.items()))} if own else {}
    record = {
        "format": FORMAT,
        "library_name": "fashiongen",
        "library_version": __version__,
        "model": module.name,
        "hyper_parameters": options,
        "weights": {
            "sha256": hashlib.sha256(weights).hexdigest(),
            "bytes": len(weights),
            "dtype": str(dtype).removeprefix("torch."),
        },
        "data": data,
        "licence": licence,
        "figures": plain(figures or {}, "a figure"),
        "training": plain({**(training or {}), **added}, "an entry of training"),
    }
    return write_folder(folder, record, weights, model_card(record, repository))


def _tensors(module: FashionModule, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    tensors = {}
    for key, tensor in module.inference_state().items():
        tensor = tensor.detach().to("cpu", dtype if tensor.is_floating_point() else None, copy=True).contiguous()
        if not tensor.isfinite().all():
            raise HubError(f"{key} of this {module.name} is not finite in {dtype}: the training diverged, or dtype is too narrow")
        tensors[key] = tensor
    return tensors


def push(
    source: FashionModule | str | Path,
    repository: str,
    *,
    private: bool = False,
    token: str | bool | None = None,
    revision: str | None = None,
    message: str | None = None,
    **card: Any,
) -> str:
    """Publish a model, or a folder in Hub layout, on the Hub; where nothing has changed there is no new commit.

    Args:
        source: a model, or a folder that `save` wrote.
        repository: "user/name"; made if it does not exist.
        private: whether a new repository is visible to its owner alone; an existing one stays as it is.
        token: of the Hub, in place of the one that was logged in with.
        revision: branch to commit to; made if it does not exist.
        message: of the commit.
        card: options of `save`, for a model.

    Returns:
        The address of the commit; of the latest one where nothing has changed.

    Raises:
        HubError: when the model cannot be saved, or the Hub refuses it.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise HubError(f"cannot push to {repository}: repositories of the Hub are written user/name")
    with tempfile.TemporaryDirectory() as temporary:
        if isinstance(source, str | Path):
            if card:
                raise HubError(f"the folder {source} has its card already; {', '.join(card)} can be set for a model alone")
            folder = Path(source).expanduser()
        else:
            folder = save(source, Path(temporary) / "model", repository=repository, **card)
        record = read_folder(folder)
        message = message or f"{record['model']} of fashiongen {record['library_version']}"
        return _upload(folder, repository, private=private, token=token, revision=revision, message=message)


# ---------------------------------------------------------------------------------------------------- the Hub's client
def _upload(folder: Path, repository: str, *, private: bool, token: str | bool | None, revision: str | None, message: str) -> str:
    from huggingface_hub import HfApi

    api = HfApi(token=token, library_name="fashiongen", library_version=__version__)
    with _explained("push to", repository, revision):
        api.create_repo(repository, private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(repository, branch=revision, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            revision=revision,
            allow_patterns=list(FILES),
            commit_message=message,
        )
    return str(commit.commit_url)


def _download(repository: str, revision: str | None, token: str | bool | None) -> Path:
    from huggingface_hub import snapshot_download

    with _explained("load", repository, revision):
        snapshot = snapshot_download(
            repository,
            revision=revision,
            token=token,
            allow_patterns=list(FILES),
            library_name="fashiongen",
            library_version=__version__,
        )
    return Path(snapshot)


@contextmanager
def _explained(verb: str, repository: str, revision: str | None) -> Iterator[None]:
    """Whatever the client raises becomes one `HubError` that says what to do; the cause is chained."""
    try:
        yield
    except Exception as error:
        reason = " ".join(_reason(error, repository, revision).split())
        raise HubError(f"cannot {verb} {repository}: {reason}") from error


def _reason(error: Exception, repository: str, revision: str | None) -> str:
    from huggingface_hub import constants, errors

    # The client says in the cause why it turned to its cache.
    cause = error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError) else error
    match cause:
        case errors.GatedRepoError():
            return f"its terms have to be accepted first, on {constants.ENDPOINT}/{repository}"
        case errors.RepositoryNotFoundError():
            return "there is no such repository, or it is private: check the name, or log in with `hf auth login` or token="
        case errors.RevisionNotFoundError():
            return f"it has no revision {revision!r}; {constants.ENDPOINT}/{repository}/tree/main lists them"
        case errors.OfflineModeIsEnabled():
            return "it is not in the cache, and HF_HUB_OFFLINE forbids to fetch it"
        case errors.HfHubHTTPError():
            status = cause.response.status_code
            advice = "check the token and its rights" if status in (401, 403) else "try again later"
            return f"the Hub answered {status} ({cause.server_message or cause.response.reason_phrase}); {advice}"
        case errors.HFValidationError():
            return f"the Hub allows no such name: {cause}"
    if isinstance(error, errors.LocalEntryNotFoundError):
        return f"{constants.ENDPOINT} cannot be reached, and the cache holds no copy"
    return str(error) or type(error).__name__
