"""`sample`, `portray` and `encode`: people from nothing, on a body, or from a sketch, with colours under control."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from fashiongen.layers.segment_colours import segment_colours
from fashiongen.layers.sketch_colours import colour_code, from_bytes
from fashiongen.models.base import FashionModule
from fashiongen.models.clothnet.sketch import LABELS, body_map, checked, fit, labels_of, levels, square
from fashiongen.types import Person, to_pil

if TYPE_CHECKING:
    from PIL import Image

Maps = Tensor | Person | Sequence[Tensor] | Sequence[Person]
"""Label maps: (H, W) or (B, H, W) integers, people who have them, or a list of either. Maps that are not square are padded."""

Colours = Mapping[str, Sequence[int]] | Tensor | Person | Sequence[Person]
"""Label name -> RGB in 0..255; or a table (22, 3) or (B, 22, 3) of them; or people whose colours are taken."""

Output = Literal["picture", "sketch", "labels"]
#: Authors' batches, whose statistics normalise samples.
_FROM_NOTHING, _ON_BODIES = 30, 40
_PICTURES = 16


class SampleAndPortray(FashionModule):
    """The verbs of ClothNet."""

    sample_codes: Callable[..., Tensor]
    draw: Callable[..., Tensor]
    portrait: Callable[..., Tensor]
    draw_colours: Callable[..., Tensor]
    module: Callable[[str], Any]

    def sample(
        self,
        n: int = 1,
        body: Maps | None = None,
        sketch: Maps | None = None,
        colours: Colours | None = None,
        code: Tensor | None = None,
        output: Output = "picture",
        clean: bool = True,
        seed: int | None = None,
        batch_size: int | None = None,
    ) -> list[Image.Image] | Tensor:
        """Draw people whom nobody has seen.

        Args:
            n: how many; with bodies or sketches, how many of each.
            body: whose bodies they have: people with `parts`, or such maps (0..10, see `Person.parts`).
            sketch: sketches to paint, in place of sampled ones: people with parsing "clothnet22", or such maps (0..21). Drawings of
                one sketch differ in their colours (`portray_colours`) and in dropout (`dropout="always"`) alone.
            colours: of clothes and skin, see `portray`.
            code: (n, N) codes of the sketches in place of random ones, of `encode` for example; `torch.lerp` between two of them
                turns one person into the other.
            output: "picture"; "sketch", the sketches shown in colours; or "labels", their label maps.
            clean: shrink lips, nose and eyes of sampled sketches, as the authors do before they portray them.
            seed: the same seed gives the same people; None draws from PyTorch's generator.
            batch_size: sketches drawn together, 30 by default, 40 on bodies. Where batch statistics normalise
                (`sketch_statistics="batch"`) the samples depend on it, and batches are always full.

        Returns:
            a list of n pictures (n of the first body, n of the second, ...); a (n, 3, H, W) tensor in [-1, 1] where `body` or
            `sketch` is a batch; (n, H, W) uint8 for "labels".

        Raises:
            TypeError: when `body`, `sketch` or `colours` is something else.
            ValueError: when the model lacks a module that this needs, for another `output`, or maps with unknown ids.
        """
        if output not in ("picture", "sketch", "labels"):
            raise ValueError(f"output is 'picture', 'sketch' or 'labels', not {output!r}")
        if n < 1:
            raise ValueError(f"n is at least 1, not {n}")
        if sketch is not None and (body is not None or code is not None):
            raise ValueError("a given sketch leaves nothing for body= and code= to say; pass one of them")
        with self._drawing(seed):
            if sketch is not None:
                labels = self._maps(sketch, "sketch").repeat_interleave(n, dim=0)
            else:
                bodies = None if body is None else self._maps(body, "body")
                labels = self._sampled(n, bodies, code, clean, batch_size)
            return self._shown(labels, colours, output, _is_batch(body) or _is_batch(sketch))

    def portray(
        self,
        parsing: Maps,
        colours: Colours | None = None,
        seed: int | None = None,
    ) -> Image.Image | list[Image.Image] | Tensor:
        """Paint sketches.

        Args:
            parsing: people with parsing "clothnet22", or such maps (0..21).
            colours: for a model with `portray_colours`: names of labels and their RGB, as in `{"skirt": (178, 24, 30)}` (the others
                are drawn from the wardrobe: colours of people seen in training); a table (22, 3) for everybody or (B, 22, 3); or
                people whose colours are taken. All are drawn when None.
            seed: of what is drawn; None draws from PyTorch's generator.

        Returns:
            one picture for one sketch, a list for a list, a (B, 3, H, W) tensor in [-1, 1] for a batch.

        Raises:
            TypeError: when `parsing` or `colours` is something else.
            ValueError: when the model lacks the module or takes no colours, or maps have unknown ids.
        """
        with self._drawing(seed):
            pictures = self._shown(self._maps(parsing, "sketch"), colours, "picture", _is_batch(parsing))
        return pictures[0] if isinstance(parsing, Person | Tensor) and not _is_batch(parsing) else pictures

    def encode(self, sketch: Maps, body: Maps | None = None) -> Tensor:
        """Codes of sketches, for `sample`.

        Args:
            sketch: as in `portray`.
            body: whose bodies they are on, for a model that draws on bodies; as in `sample`.

        Returns:
            (B, N): the means of their distributions.

        Raises:
            ValueError: when the model lacks the module, or maps have unknown ids.
        """
        with self._drawing(None):
            labels = self._maps(sketch, "sketch")
            if body is None:
                return self.module("sketch").encode(labels)[0]
            network = self.module("body_sketch")
            return network.encode(labels, network.embed(self._maps(body, "body")))[0]

    def colours_of(self, person: Person | Sequence[Person]) -> Tensor:
        """(B, 22, 3) uint8: the colour of each label of people with parsing "clothnet22", black for what they do not wear."""
        people = [person] if isinstance(person, Person) else list(person)
        tables = []
        for each in people:
            batch = each if each.image.ndim == 4 else Person.stack([each])
            batch = batch.to(self.device)
            tables.append(segment_colours(levels(batch.image), labels_of(batch), self.hparams["colour_statistic"]))
        return torch.cat(tables)

    # ------------------------------------------------------------------------------------------------ parts of the verbs
    @contextmanager
    def _drawing(self, seed: int | None) -> Iterator[None]:
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad(), torch.random.fork_rng(enabled=seed is not None):
                if seed is not None:
                    torch.manual_seed(seed)
                yield
        finally:
            self.train(was_training)

    def _sampled(
        self,
        n: int,
        bodies: Tensor | None,
        code: Tensor | None,
        clean: bool,
        batch_size: int | None,
    ) -> Tensor:
        length = self.hparams["code"]
        if code is not None and code.shape != (n, length):
            raise ValueError(f"code is ({n}, {length}) for {n} samples of this model, not {tuple(code.shape)}")
        count = 1 if bodies is None else len(bodies)
        # The body changes fastest, so that a batch holds different ones.
        whose = torch.arange(count, device=self.device).repeat(n)
        size = batch_size or (_FROM_NOTHING if bodies is None else _ON_BODIES)
        # Full batches, as batch statistics depend on what is drawn together.
        total = -(-len(whose) // size) * size if self.hparams["sketch_statistics"] == "batch" else len(whose)
        codes = self.sample_codes(total, bodies is not None)
        if code is not None:
            codes[: len(whose)] = code.to(codes).repeat_interleave(count, dim=0)
        whose = whose.repeat(-(-total // len(whose)))[:total]
        drawn = []
        for some, places in zip(codes.split(size), whose.split(size), strict=True):
            drawn.append(self.draw(some, None if bodies is None else bodies[places], clean))
        labels = torch.cat(drawn)[: n * count]
        return labels.unflatten(0, (n, count)).transpose(0, 1).flatten(0, 1)

    def _shown(
        self,
        labels: Tensor,
        colours: Colours | None,
        output: Output,
        as_tensor: bool,
    ) -> Any:
        if output == "labels":
            return labels
        if output == "sketch":
            pictures = from_bytes(colour_code(labels))
        else:
            table = self._table(colours, labels)
            # Where batch statistics normalise pictures the authors draw them one by one.
            size = 1 if self.hparams["portray_statistics"] == "batch" else _PICTURES
            tables = [None] * len(labels) if table is None else table.split(size)
            pictures = torch.cat([self.portrait(*pair) for pair in zip(labels.split(size), tables, strict=False)])
        return pictures if as_tensor else [to_pil(picture) for picture in pictures]

    def _table(self, colours: Colours | None, labels: Tensor) -> Tensor | None:
        if colours is None:
            return None
        if isinstance(colours, Mapping):
            return self.draw_colours(labels, colours)
        people = isinstance(colours, Person) or (isinstance(colours, list | tuple) and isinstance(colours[0], Person))
        table = self.colours_of(colours) if people else colours  # type: ignore[arg-type]
        if not isinstance(table, Tensor):
            raise TypeError(f"colours: pass names and colours, a table of them, or people, not {type(colours).__name__}")
        table = checked(table if table.ndim == 3 else table[None], 256, "levels of colours").to(labels.device, torch.uint8)
        if table.shape[1:] != (len(LABELS), 3) or len(labels) % len(table):
            raise ValueError(f"colours of {len(labels)} sketches are ({len(LABELS)}, 3) each, not {tuple(table.shape)}")
        return table.repeat_interleave(len(labels) // len(table), dim=0)

    def _maps(self, maps: Maps, what: Literal["sketch", "body"]) -> Tensor:
        """(B, S, S) ids of `LABELS` or `BODY` at the size of the networks."""
        if isinstance(maps, list | tuple):
            if not maps:
                raise ValueError(f"the list of {what} maps is empty")
            return torch.cat([self._maps(each, what) for each in maps])
        if isinstance(maps, Person):
            if what == "sketch":
                ids = labels_of(maps)
            elif maps.parts is None:
                raise ValueError("clothnet draws on the body of a person: it needs parts; pass body=parts, a map of ids 0..10")
            else:
                ids = maps.parts
        elif isinstance(maps, Tensor):
            ids = maps
        else:
            raise TypeError(f"{what}: pass label maps, a Person, or a list of them, not {type(maps).__name__}")
        if ids.ndim not in (2, 3):
            raise ValueError(f"a {what} map is (H, W), or (B, H, W) for a batch, not {tuple(ids.shape)}")
        ids = ids.to(self.device)
        ids = body_map(ids) if what == "body" else checked(ids, len(LABELS), "sketch labels").to(torch.uint8)
        return fit(square(ids if ids.ndim == 3 else ids[None]), self.hparams["size"])


def _is_batch(maps: Any) -> bool:
    return (isinstance(maps, Person) and maps.image.ndim == 4) or (isinstance(maps, Tensor) and maps.ndim == 3)
