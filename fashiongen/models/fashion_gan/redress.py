"""The verbs of FashionGAN: other clothes from a sentence, several from noise, and the way from one sentence to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

import torch
from torch import Tensor

from fashiongen.models.fashion_gan.representation import SCHEME
from fashiongen.models.fashion_gan.text import Vocabulary
from fashiongen.models.verbs import batched, check_annotations, in_scheme
from fashiongen.types import Person, to_pil

if TYPE_CHECKING:
    from PIL import Image

Varied = Literal["both", "shape", "picture"]


class Redress:
    """`redress(person, text)`, `sample(n, person)` and `interpolate(person, first, last)`. The model implements `dress`."""

    name: ClassVar[str]
    needs_to_run: ClassVar[frozenset[str]]
    vocabulary: Vocabulary
    #: (people, codes for shape and picture, noise of shape and picture, **controls) -> (B, 3, H, W) in [-1, 1].
    dress: Callable[..., Tensor]
    #: sentences -> (B, code).
    encode: Callable[..., Tensor]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the networks work at."""
        raise AttributeError(f"{type(self).__name__} has no size")

    @overload
    def redress(self, person: Person, text: str, **controls: Any) -> Image.Image | Tensor: ...

    @overload
    def redress(self, person: Person, text: Sequence[str], **controls: Any) -> list[Image.Image] | Tensor: ...

    @overload
    def redress(self, person: Sequence[Person], text: str | Sequence[str], **controls: Any) -> list[Image.Image]: ...

    def redress(
        self,
        person: Any,
        text: str | Sequence[str],
        picture_text: str | Sequence[str] | None = None,
        shape_noise: Tensor | None = None,
        picture_noise: Tensor | None = None,
        unknown: Literal["error", "skip"] = "error",
        batch_size: int = 32,
        **controls: Any,
    ) -> Any:
        """Dress people as sentences say.

        Args:
            person: a `Person` with parsing, a list of them, or a batch; label schemes other than "fashiongan7" are translated.
            text: a sentence such as "the lady was wearing a blue sleeveless dress.", or a list of them; one sentence is for
                everybody, and everybody's sentences for one person.
            picture_text: another sentence, or list of them, for the colours, while `text` decides the shape.
            shape_noise, picture_noise: (N, noise), what the sentence leaves open; drawn by PyTorch's generator when None.
            unknown: "error" refuses words that the model does not know, "skip" goes on without them and warns.
            batch_size: how many pictures are drawn at a time; the result does not depend on it.
            controls: of `dress`: output, keep, skin, background, statistics, dropout.

        Returns:
            one picture for one person and one sentence, a list for lists, a (B, 3, H, W) tensor in [-1, 1] for batches of
            people; at the size that the model works at.

        Raises:
            TypeError: when `person` or `text` is something else.
            ValueError: when the lists have different lengths, for unknown words, and when a person has no parsing.
        """
        one = isinstance(person, Person) and person.image.ndim == 3
        people = self._people(person)
        sentences = _listed(text, "text")
        painted = sentences if picture_text is None else _listed(picture_text, "picture_text")
        counts = {len(people.image), len(sentences), len(painted)} - {1}
        if len(counts) > 1:
            raise ValueError(
                f"{len(people.image)} people, {len(sentences)} sentences for the shape and {len(painted)} for the picture: give as "
                "many of each, or one"
            )
        count = max(counts, default=1)
        pictures = self._draw(
            _each(people, count), _each(self.encode(sentences, unknown), count), _each(self.encode(painted, unknown), count),
            self._noise_for(count, shape_noise, "shape_noise"), self._noise_for(count, picture_noise, "picture_noise"),
            batch_size, controls,
        )  # fmt: skip
        if isinstance(person, Person) and not one:
            return pictures
        images = [to_pil(picture) for picture in pictures]
        return images[0] if one and isinstance(text, str) and count == 1 else images

    def sample(
        self, n: int, person: Person, text: str | None = None, vary: Varied = "both", batch_size: int = 32, **controls: Any
    ) -> list[Image.Image]:
        """Dress a person in several ways.

        Args:
            n: how many pictures.
            person: one `Person` with parsing.
            text: what the clothes are: noise then decides what the sentence leaves open. None draws a sentence for each picture.
            vary: which noise differs between the pictures: that of the "shape", of the "picture", or "both".
            batch_size: how many are drawn at a time.
            controls: of `dress`.

        Returns:
            n pictures.

        Raises:
            ValueError: for n below 1, another `vary`, unknown words, or a person without parsing.
        """
        if n < 1:
            raise ValueError(f"sample draws at least 1 picture, not {n}")
        shape, picture = _varied(vary)
        subject = self.vocabulary.subject(person.text) if isinstance(person.text, str) else None
        sentences = [text] if text is not None else [self.vocabulary.compose(subject) for _ in range(n)]
        code = _each(self.encode(sentences), n)
        noise = [_each(self._noise_for(n if differs else 1, None, ""), n) for differs in (shape, picture)]
        return self._pictures(person, code, code, *noise, batch_size, controls)

    def interpolate(
        self, person: Person, first: str, last: str, steps: int = 8, vary: Varied = "both", batch_size: int = 32, **controls: Any
    ) -> list[Image.Image]:
        """The way from one sentence to another, with the same noise all along: codes are mixed linearly (figure 6 of the paper).

        Args:
            person: one `Person` with parsing.
            first, last: the sentences.
            steps: number of pictures, ends included.
            vary: what follows the way: the "shape", the "picture", or "both"; the other one stays at `first`.
            batch_size: how many are drawn at a time.
            controls: of `dress`.

        Returns:
            `steps` pictures.

        Raises:
            ValueError: for fewer than 2 steps, another `vary`, unknown words, or a person without parsing.
        """
        if steps < 2:
            raise ValueError(f"a way from one sentence to another has at least 2 steps, not {steps}")
        start, end = self.encode([first, last])
        way = torch.lerp(start, end, torch.linspace(0, 1, steps, device=start.device)[:, None])
        codes = [way if differs else start.expand_as(way) for differs in _varied(vary)]
        noise = [_each(self._noise_for(1, None, ""), steps) for _ in range(2)]
        return self._pictures(person, *codes, *noise, batch_size, controls)

    def _pictures(self, person: Person, *given: Any) -> list[Image.Image]:
        people = self._people(person)
        if len(people.image) != 1:
            raise ValueError(f"pass one person, not {len(people.image)}")
        return [to_pil(picture) for picture in self._draw(_each(people, len(given[0])), *given)]

    def _people(self, person: Any) -> Person:
        device = next(self.parameters()).device  # type: ignore[attr-defined]
        people = in_scheme(batched(person, self.size, device, "person"), SCHEME)
        check_annotations(people, self.needs_to_run, self.name)
        return people

    def _draw(
        self, people: Person, shape_code: Tensor, picture_code: Tensor, shape_noise: Tensor, picture_noise: Tensor, batch_size: int,
        controls: dict[str, Any],
    ) -> Tensor:  # fmt: skip
        if batch_size < 1:
            raise ValueError(f"batch_size is at least 1, not {batch_size}")
        single = people.unbind()
        given = (shape_code, picture_code, shape_noise, picture_noise)
        was_training = self.training  # type: ignore[attr-defined]
        self.eval()  # type: ignore[attr-defined]
        with torch.no_grad():
            pictures = [
                self.dress(Person.stack(single[start : start + batch_size]), *(each[start : start + batch_size] for each in given),
                           **controls)
                for start in range(0, len(single), batch_size)
            ]  # fmt: skip
        self.train(was_training)  # type: ignore[attr-defined]
        return torch.cat(pictures)

    def _noise_for(self, count: int, given: Tensor | None, option: str) -> Tensor:
        """(count, noise) on the device of the model."""
        numbers = self.hparams["noise"]  # type: ignore[attr-defined]
        if given is None:
            given = torch.randn(count, numbers)
        elif given.shape not in ((count, numbers), (1, numbers)):
            raise ValueError(f"{option} is ({count}, {numbers}) numbers, not {tuple(given.shape)}")
        device = next(self.parameters()).device  # type: ignore[attr-defined]
        return _each(given.to(device, torch.float32), count)


def _varied(vary: str) -> tuple[bool, bool]:
    """Whether the shape differs, and whether the picture does."""
    if vary not in ("both", "shape", "picture"):
        raise ValueError(f"vary is 'both', 'shape' or 'picture', not {vary!r}")
    return vary != "picture", vary != "shape"


def _listed(text: Any, option: str) -> list[str]:
    sentences = [text] if isinstance(text, str) else text
    if not isinstance(sentences, (list, tuple)) or not all(isinstance(each, str) for each in sentences):
        raise TypeError(f"{option} is a sentence or a list of sentences, not {type(text).__name__}")
    if not sentences:
        raise ValueError(f"the list of sentences ({option}) is empty")
    return list(sentences)


def _each(items: Any, count: int) -> Any:
    """One of a batch for all `count`, or the batch as it is."""
    if isinstance(items, Person):
        return items if len(items.image) == count else Person.stack(items.unbind() * count)
    return items if len(items) == count else items.expand(count, -1)
