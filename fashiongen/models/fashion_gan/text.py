"""Sentences about clothes: their words, what they say, and the recurrent network that turns them into codes.

Authors' code: `language/` (PyTorch). The names of the classes are not published; they were recovered by asking the authors'
trained encoder.
"""

from __future__ import annotations

import difflib
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.data.attributes import CATEGORIES, COLOURS, GENDERS, SLEEVES
from fashiongen.models.fashion_gan.word_map import read_word_map

HEADS = {"category": len(CATEGORIES), "colour": len(COLOURS), "gender": len(GENDERS), "sleeve": len(SLEEVES)}
"""What the encoder learns to tell from a sentence, and the number of classes of each."""

UNSAID = -1
"""Class of what a sentence does not say and cannot be assumed."""

_SUBJECTS = {"lady": 0, "woman": 0, "girl": 0, "man": 1, "boy": 1}
_SLEEVE_WORDS = {"long-sleeved": 0, "short-sleeved": 1, "sleeveless": 2, "half-sleeved": 3}
_DETAILS = ("anchor", "bolt", "butterflies", "butterfly", "cat", "crown", "diamond", "diamonds", "face", "flower", "flowers",
            "heart", "leaf", "leaves", "letters", "lightning", "logo", "moon", "numbers", "patterns", "prints", "smiley", "star",
            "stars", "stripe")  # fmt: skip
VOCABULARY = (
    "the", *_SUBJECTS, "was", "is", "wearing", "wears", "wore", "a", "an", *_SLEEVE_WORDS,
    *(colour for colour in COLOURS if colour not in ("unknown", "silver", "khaki")),
    "blazer", "blouse", "cardigan", "coat", "dress", "henley", "jacket", "sweater", "tank", "tee", "top",
    "with", *_DETAILS,
)  # fmt: skip
"""Words of the sentences of the mannequin world: the default of the model, and a part of the authors' 539."""


class Attributes(NamedTuple):
    """What sentences say, in numbers of the tuples above; int64 (B,) each, `UNSAID` where nothing is said."""

    category: Tensor
    colour: Tensor
    gender: Tensor
    sleeve: Tensor


def words(sentence: str) -> list[str]:
    """The words of a sentence as the authors' code cuts it: the first line, without blanks around it and full stops at its end."""
    lines = sentence.strip().splitlines()
    return lines[0].strip().rstrip(".").split() if lines else []


def read_attributes(sentences: Iterable[str]) -> Attributes:
    """Labels for the encoder, read off the grammar of the data set's sentences.

    The first word that names a category, a colour, a person or a sleeve counts. Without a colour the label is "multicolor", which
    the data set also uses for "not mentioned", without a sleeve "other"; without a category or a person it is `UNSAID`.

    Returns:
        labels of all sentences.
    """

    def first(found: Sequence[str], numbers: Mapping[str, int], otherwise: int) -> int:
        return next((numbers[word] for word in found if word in numbers), otherwise)

    categories, colours = ({name: number for number, name in enumerate(names)} for names in (CATEGORIES, COLOURS))
    rows = [
        (
            first(found, categories, UNSAID),
            first(found, colours, COLOURS.index("multicolor")),
            first(found, _SUBJECTS, UNSAID),
            first(found, _SLEEVE_WORDS, SLEEVES.index("other")),
        )
        for found in ([word.lower() for word in words(sentence)] for sentence in sentences)
    ]
    return Attributes(*torch.tensor(rows, dtype=torch.int64).reshape(-1, len(HEADS)).unbind(1))


def read_vocabulary(path: str | Path) -> list[str]:
    """Words in the order of their numbers.

    Args:
        path: the authors' `map.mat`; a .json with a list of words, or with word -> number from 1; or a text of one word a line.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming it, when it holds no vocabulary.
    """
    file = Path(path)
    if file.suffix == ".mat":
        found: Any = read_word_map(file)
    elif not file.is_file():
        raise FileNotFoundError(f"there is no file {file}; a vocabulary is the authors' map.mat, a .json or a text of words")
    else:
        try:
            content = file.read_text(encoding="utf-8")
            found = json.loads(content) if file.suffix == ".json" else content.split()
        except ValueError as error:
            raise ValueError(f"{file} is not readable as words: {error}") from error
    if isinstance(found, dict):
        ordered = sorted(found, key=lambda word: str(found[word]).zfill(9))
        if [found[word] for word in ordered] != list(range(1, len(found) + 1)):
            raise ValueError(f"{file} does not number its {len(found)} words from 1 to {len(found)}")
        found = ordered
    if not isinstance(found, list) or not found or not all(isinstance(word, str) and word for word in found):
        raise ValueError(f"{file} holds no words; a vocabulary is a list of them, or word -> number from 1")
    return found


class Vocabulary:
    """Words and their numbers.

    Args:
        known: the words, in the order of their numbers.

    Raises:
        ValueError: when there are none, or one twice.
    """

    def __init__(self, known: Sequence[str]) -> None:
        self.known = tuple(known)
        self.numbers = {word: number for number, word in enumerate(self.known)}
        if not self.known or len(self.numbers) != len(self.known):
            twice = sorted({word for word in self.known if self.known.count(word) > 1})
            raise ValueError(f"a vocabulary has each word once; {', '.join(twice) or 'this one is empty'}")

    def __len__(self) -> int:
        return len(self.known)

    def encode(self, sentence: str, unknown: Literal["error", "skip"] = "error") -> list[int]:
        """Numbers of the words of a sentence, from 0; the authors' files count from 1.

        A word is looked up as it is, then in lower case.

        Args:
            sentence: see `words`.
            unknown: what to do with words that are not known: "error", or "skip" them with a warning that names them.

        Raises:
            ValueError: for unknown words, with the nearest known ones, and for sentences of which no word is left.
        """
        if unknown not in ("error", "skip"):
            raise ValueError(f"unknown is 'error' or 'skip', not {unknown!r}")
        found = words(sentence)
        numbers = [self.numbers.get(word, self.numbers.get(word.lower())) for word in found]
        strange = [word for word, number in zip(found, numbers, strict=True) if number is None]
        kept = [number for number in numbers if number is not None]
        if strange and (unknown == "error" or not kept):
            raise ValueError(
                f"{sentence!r}: {'; '.join(self._told(word) for word in dict.fromkeys(strange))}. The model knows {len(self)} "
                "words (`vocabulary`)" + ("; unknown='skip' goes on without the others" if kept else "")
            )
        if strange:
            warnings.warn(
                f"{sentence!r} is read without {', '.join(dict.fromkeys(strange))}, which the model does not know", stacklevel=2
            )
        if not kept:
            raise ValueError(
                f"the sentence {sentence!r} has no words; say something like 'the lady wears a blue sleeveless dress.'"
            )
        return kept

    def _told(self, word: str) -> str:
        near = difflib.get_close_matches(word.lower(), self.known, n=3)
        return f"unknown word {word!r}" + (f" (did you mean {' or '.join(near)}?)" if near else "")

    def compose(self, subject: str | None = None) -> str:
        """A random sentence in the data set's grammar, of the words that are known; PyTorch's generator decides.

        Args:
            subject: who wears the clothes, such as "lady"; None leaves it to chance.

        Raises:
            ValueError: when the vocabulary has no person or no garment.
        """

        def draw(names: Iterable[str]) -> str:
            offered = [name for name in names if name in self.numbers]
            return offered[int(torch.randint(len(offered), ()))] if offered else ""

        who, garment = subject or draw(_SUBJECTS), draw(CATEGORIES)
        if not who or not garment:
            raise ValueError("this vocabulary cannot say who wears what; pass a sentence")
        phrase = " ".join(filter(None, (draw(COLOURS), draw(_SLEEVE_WORDS), garment)))
        article = "an" if phrase[0] in "aeiou" and "an" in self.numbers else "a"
        return f"the {who} was wearing {article} {phrase}."

    def subject(self, sentence: str | None) -> str | None:
        """The word of a sentence that says who wears the clothes, when there is one that is known."""
        found = words(sentence or "")
        return next((word for word in found if word in _SUBJECTS and word in self.numbers), None)


class LanguageEncoder(nn.Module):
    """An Elman network of two layers over the words of a sentence; its last state is the code of the sentence.

    Four linear heads on the code tell category, colour, gender and sleeve; only its own training needs them.

    Args:
        words: size of the vocabulary (539 of the authors).
        code: numbers of the code (100 in the paper).
    """

    def __init__(self, words: int, code: int = 100) -> None:
        super().__init__()
        self.rnn = nn.RNN(words, code, num_layers=2, batch_first=True)
        self.heads = nn.ModuleDict({name: nn.Linear(code, classes) for name, classes in HEADS.items()})

    def forward(self, sentences: Sequence[Sequence[int]]) -> Tensor:
        """Codes of sentences, given as numbers of words: (B, code) in (-1, 1)."""
        weight = next(self.rnn.parameters())
        last = torch.tensor([len(each) - 1 for each in sentences])
        padded = nn.utils.rnn.pad_sequence([torch.tensor(each) for each in sentences], batch_first=True)
        states, _ = self.rnn(F.one_hot(padded, self.rnn.input_size).to(weight.device, weight.dtype))
        # What follows the last word of a shorter sentence is never looked at.
        return states[torch.arange(len(last)), last]

    def classify(self, code: Tensor) -> dict[str, Tensor]:
        """Logits (B, classes) of every head, from codes (B, code)."""
        return {name: head(code) for name, head in self.heads.items()}

    def losses(self, code: Tensor, attributes: Attributes) -> dict[str, Tensor]:
        """Cross entropy of every head, and "total", their sum. Labels that are `UNSAID` do not count."""
        losses = {}
        for name, logits in self.classify(code).items():
            labels = getattr(attributes, name).to(logits.device)
            said = (labels != UNSAID).sum().clamp(min=1)
            losses[name] = F.cross_entropy(logits, labels, ignore_index=UNSAID, reduction="sum") / said
        return {**losses, "total": torch.stack(list(losses.values())).sum()}
