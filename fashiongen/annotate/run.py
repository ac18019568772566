"""Whole folders of photographs: on several devices, and on where it stopped when it is started again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import RichProgressBar
from torch.utils.data import DataLoader, Dataset

from fashiongen.annotate.folder import AnnotatedFolder
from fashiongen.annotate.photographs import Annotation, Annotator, Body, Photograph, PhotographError, checked, read_photograph

ENDINGS = (".bmp", ".heic", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Endings of photographs in a folder; a file that is named itself may have another."""

Item = tuple[str, Photograph | PhotographError]


@dataclass(frozen=True)
class Report:
    """What came of a run.

    Attributes:
        done: number of photographs of the run that are annotated now.
        problems: kind and message of what is wrong with the others, by name.
    """

    done: int
    problems: dict[str, dict[str, str]]


def photographs_of(sources: Sequence[str | Path]) -> dict[str, Path]:
    """The photographs that folders and files stand for, by the name of the file without its ending, in order of these names.

    Raises:
        FileNotFoundError: for a folder or file that does not exist, and when there is no photograph at all.
        ValueError: when two photographs have one name.
    """
    files: list[Path] = []
    for source in map(Path, sources):
        if source.is_dir():
            files += [path for path in source.iterdir() if path.suffix.lower() in ENDINGS and path.is_file()]
        elif source.is_file():
            files.append(source)
        else:
            raise FileNotFoundError(f"there is no folder or photograph {source}")
    if not files:
        raise FileNotFoundError(f"no photographs in {', '.join(map(str, sources))}; their files end in {', '.join(ENDINGS)}")
    twice = [stem for stem, count in Counter(path.stem for path in files).items() if count > 1]
    if twice:
        same = ", ".join(str(path) for path in files if path.stem == twice[0])
        raise ValueError(f"{same} would be written to the same files; rename all but one of them")
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


def annotate_photographs(
    sources: Sequence[str | Path],
    out: str | Path,
    annotator: Annotator,
    body: Body = "upper",
    scheme: str | None = "lip20",
    batch_size: int = 4,
    num_workers: int = 0,
    progress: bool = True,
    **trainer: Any,
) -> Report:
    """Annotate photographs into a folder (`fashiongen.annotate.folder`).

    A photograph that was annotated before is left alone, one that could not be is tried again. However often the run is killed
    and started again, the folder ends with the same files as after a run that never stopped.

    Args:
        sources: folders of photographs, or their files.
        out: the folder.
        annotator: finds people.
        body: what must be in a picture, see `fashiongen.annotate.photographs.checked`.
        scheme: label scheme of the maps that are written; None keeps the annotator's.
        batch_size: photographs of one call of the annotator.
        num_workers: processes that read ahead.
        progress: show a bar.
        trainer: options of Lightning's `Trainer`: accelerator, devices, strategy, ...

    Raises:
        FileNotFoundError: when there are no photographs.
        FileExistsError: when `out` holds annotations of another annotator or of other options.
        ValueError: when two photographs have one name, or lie in `out`.
    """
    photographs = photographs_of(sources)
    if any(path.parent.resolve() == Path(out).resolve() for path in photographs.values()):
        raise ValueError(f"the photographs lie in {out}, where the annotated ones would go; name another folder")
    folder = AnnotatedFolder(out, {"annotator": dict(annotator.record), "body": body}, scheme)
    folder.open()
    left = {name: path for name, path in photographs.items() if not folder.is_done(name)}
    is_first = True
    if left:
        data = DataLoader(_Photographs(left), batch_size=batch_size, num_workers=num_workers, collate_fn=list)
        logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(_is_warning)
        runner = Trainer(
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=progress,
            callbacks=[RichProgressBar()] if progress else None,
            **trainer,
        )
        runner.predict(_Run(annotator, folder, body), data, return_predictions=False)
        runner.strategy.barrier()
        is_first = runner.is_global_zero
    problems = folder.finish() if is_first else {}
    problems = {name: problem for name, problem in problems.items() if name in photographs}
    return Report(len(photographs) - len(problems), problems)


class _Photographs(Dataset[Item]):
    def __init__(self, files: dict[str, Path]) -> None:
        self.files = list(files.items())

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, place: int) -> Item:
        name, path = self.files[place]
        try:
            return name, read_photograph(path)
        except PhotographError as error:
            return name, error


class _Run(LightningModule):
    def __init__(self, annotator: Annotator, folder: AnnotatedFolder, body: Body) -> None:
        super().__init__()
        self.annotator, self.folder, self.body = annotator, folder, body

    def transfer_batch_to_device(self, batch: list[Item], device: Any, dataloader_idx: int) -> list[Item]:
        return batch  # annotators bring photographs of many sizes to their networks' own

    def predict_step(self, batch: list[Item], batch_idx: int) -> list[str]:
        readable = [(name, item) for name, item in batch if isinstance(item, Photograph)]
        found = self.annotator.detect([photograph for _, photograph in readable]) if readable else []
        results: dict[str, Annotation | PhotographError] = {name: item for name, item in batch if isinstance(item, PhotographError)}
        for (name, photograph), annotation in zip(readable, found, strict=True):
            results[name] = annotation
            if isinstance(annotation, Annotation):
                try:
                    results[name] = checked(annotation, photograph, self.body)
                except PhotographError as error:
                    results[name] = error
        photographs = dict(readable)
        for name, result in results.items():
            if isinstance(result, PhotographError):
                self.folder.refuse(name, result)
            else:
                self.folder.add(name, photographs[name], result)
        return list(results)


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
