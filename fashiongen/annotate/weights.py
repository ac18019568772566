"""Pretrained networks of others: which, at which commit, under which licence; told before the first download."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

_FILES = ("*.json", "*.safetensors")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class WeightsError(OSError):
    """Weights of others that cannot be had."""


@dataclass(frozen=True)
class Weights:
    """A repository of the Hub.

    Attributes:
        role: what the network does.
        repository: "user/name".
        revision: commit, tag or branch; "main" is resolved to a commit when it is downloaded.
        licence: as the repository states it; empty where it has to be asked for.
        note: what else a user should know before using it.
    """

    role: str
    repository: str
    revision: str
    licence: str = ""
    note: str = ""

    def __str__(self) -> str:
        told = f"{self.role}: {self.repository} at {self.revision}, licence {self.licence or 'not stated'}"
        return f"{told} ({self.note})" if self.note else told

    def record(self) -> dict[str, str]:
        """For JSON."""
        return {name: value for name, value in asdict(self).items() if value}


DETECTOR = Weights("person detector", "PekingU/rtdetr_r50vd_coco_o365", "457857cec8ac28ddede40ecee9eed2beca321af8", "apache-2.0")
POSE = Weights("key points", "usyd-community/vitpose-base-simple", "a93ac0c67e0b7e2c55287d21d4c460c8f3c54d45", "apache-2.0")
PARSER = Weights(
    "clothes parser",
    "sayeed99/segformer_b3_clothes",
    "804445899db7bd3c0ae5d0ec133e09458ad48930",
    "mit",
    "its backbone is SegFormer's, whose own licence allows non-commercial use only",
)


def is_here(weights: Weights) -> bool:
    """Whether weights lie in the cache of `huggingface_hub`; asks nobody."""
    from huggingface_hub import try_to_load_from_cache

    files = ("config.json", "model.safetensors")
    return all(isinstance(try_to_load_from_cache(weights.repository, file, revision=weights.revision), str) for file in files)


def fetch(weights: Weights) -> tuple[Path, Weights]:
    """The folder of a repository, and what was fetched, with the commit in place of a branch and with its licence.

    Before the first download a line on stderr tells the licence.

    Raises:
        WeightsError: when the weights are neither in the cache nor to be downloaded.
    """
    from huggingface_hub import HfApi, snapshot_download

    try:
        if not is_here(weights):
            if not weights.licence or not _COMMIT.fullmatch(weights.revision):
                found = HfApi().model_info(weights.repository, revision=weights.revision)
                stated = found.card_data.license if found.card_data is not None else None
                weights = replace(weights, revision=found.sha or weights.revision, licence=weights.licence or str(stated or ""))
            print(f"fashiongen downloads the weights of others: {weights}", file=sys.stderr)
        folder = Path(snapshot_download(weights.repository, revision=weights.revision, allow_patterns=list(_FILES)))
    except Exception as error:  # the client raises what its HTTP library raises
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"cannot get {weights.repository} at {weights.revision} from the Hub: {reason}. Download it once where there is a "
            "network, or annotate with annotator='mannequin' or 'files:FOLDER'"
        ) from error
    return folder, replace(weights, revision=folder.name)
