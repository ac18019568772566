"""The verbs of Disentangled PIG: people to codes, and codes sampled, exchanged, mixed and interpolated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from fashiongen.models.disentangled_pig.codes import FACTORS, Codes, linear_path, regions_named, spherical_path
from fashiongen.models.disentangled_pig.networks import JOINTS, REGIONS
from fashiongen.models.verbs import batched, check_annotations
from fashiongen.types import Person, to_pil

if TYPE_CHECKING:
    from PIL import Image

People = Person | Sequence[Person]


class Inversion(NamedTuple):
    """Noise that was found for people.

    Attributes:
        noise: what `FactorVerbs.map` turns into `codes`.
        codes: close to those of the people.
        error: distance of each code to that of the people, relative to the length of theirs, (B, 1) each.
    """

    noise: Codes
    codes: Codes
    error: Codes


class FactorVerbs:
    """`sample`, `encode`, `decode`, `interpolate`, `invert`, `mix`, `exchange` and `virtual`.

    Wherever a factor is asked for, it may be a `Person`, several (a list or a batch: as many as pictures), or a code of `encode`
    and `map`; a pose may also be key points (18, 3) in pixels of `size`. What has a batch axis gives a (B, 3, H, W) tensor in
    [-1, 1], other things give Pillow pictures. Papers implement `appearance`, `draw`, `encode_pose`, `decode_pose` and `map`.
    """

    name: ClassVar[str]
    hparams: Any
    appearance: Any
    draw: Any
    encode_pose: Any
    decode_pose: Any
    map: Any
    training: bool

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors that the model has codes of."""
        raise AttributeError(f"{type(self).__name__} has no factors")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the networks work at."""
        raise AttributeError(f"{type(self).__name__} has no size")

    # ------------------------------------------------------------------------------------------------ codes
    def encode(self, person: People) -> Codes:
        """The codes of people.

        Args:
            person: a `Person` with key points, a list of them, or a batch.

        Returns:
            `Codes` with a batch axis, also for one person. A region of which no joint is visible has the code 0.

        Raises:
            ValueError: when key points are missing.
        """
        people = self._people(person)
        with self._at_rest():
            foreground, background = self.appearance(people.image, people.keypoints)
            return Codes(foreground, background, self.encode_pose(people.keypoints))

    def decode(self, codes: Codes, keypoints: Tensor | None = None) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1] of codes.

        Args:
            codes: of B people.
            keypoints: (B, 18, 3) poses in pixels of `size`, in place of the codes'.
        """
        with self._at_rest():
            pose = self.decode_pose(codes.pose) if keypoints is None else keypoints
            return self.draw(codes.foreground, codes.background, pose).clamp(-1, 1)

    def noise(self, count: int, seed: int | None = None) -> Codes:
        """Noise of `count` people, for `map`: normal with the model's standard deviation.

        Args:
            count: of people.
            seed: the same seed gives the same noise on every device; without one it comes from torch's global generator.
        """
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        options = self.hparams
        lengths = {"foreground": len(REGIONS) * options["region_code"], "background": options["background_code"]}
        lengths["pose"] = options["pose_code"]
        drawn = {name: torch.randn(count, length, generator=generator) * options["noise"] for name, length in lengths.items()}
        given = {name: tensor.to(self._weights_device) if name in self.factors else None for name, tensor in drawn.items()}
        return Codes(**given)  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------ verbs
    def sample(
        self,
        n: int = 1,
        foreground: People | Tensor | None = None,
        background: People | Tensor | None = None,
        pose: People | Tensor | None = None,
        pose_source: Literal["mapper", "autoencode"] = "mapper",
        seed: int | None = None,
        batch_size: int = 32,
    ) -> list[Image.Image] | Tensor:
        """Draw people; every factor that is not given is sampled.

        Args:
            n: number of pictures.
            foreground: whose body and clothes: one for all pictures, or one a picture.
            background: whose background.
            pose: whose pose. A `Person` and key points are taken as they are, a code is decoded.
            pose_source: "mapper": a pose that is not given comes from noise. "autoencode": a given pose passes through the pose
                auto-encoder, which is what the released testers call sampling a pose.
            seed: of the noise; without one it comes from torch's global generator. With the same seed the factors that are sampled
                stay the same whichever others are given.
            batch_size: how many pictures are drawn at a time.

        Returns:
            `n` pictures, or a (`n`, 3, H, W) tensor when a factor that was given has a batch axis.

        Raises:
            TypeError: when a factor is something else.
            ValueError: for wrong numbers or shapes, missing key points, or a background that the model has no code of.
        """
        if n < 1 or batch_size < 1:
            raise ValueError(f"n and batch_size are at least 1, not {n} and {batch_size}")
        if pose_source not in ("mapper", "autoencode"):
            raise ValueError(f"pose_source is 'mapper' or 'autoencode', not {pose_source!r}")
        if pose_source == "autoencode" and pose is None:
            raise ValueError("pose_source='autoencode' passes given poses through the auto-encoder; give pose=")
        noise = self.noise(n, seed)
        with self._at_rest():
            sampled = self.map(noise)
            given = {"foreground": foreground, "background": background}
            codes = {
                name: self._given_code(name, factor, n) if factor is not None else getattr(sampled, name)
                for name, factor in given.items()
            }
            keypoints = self._given_pose(pose, n) if pose is not None else self.decode_pose(sampled.pose)
            if pose_source == "autoencode":
                keypoints = self.decode_pose(self.encode_pose(keypoints))
            pictures = self._drawn(Codes(codes["foreground"], codes["background"], sampled.pose), keypoints, batch_size)
        is_batch = any(_has_batch_axis(factor) for factor in (foreground, background)) or _has_batch_axis(pose, joints=True)
        return pictures if is_batch else [to_pil(picture) for picture in pictures]

    def exchange(self, person: People, donor: People, factor: str | Sequence[str]) -> Tensor:
        """People with one factor of others.

        Args:
            person: B people.
            donor: as many, whose factor is taken.
            factor: "foreground", "background" or "pose", or one of these for each person.

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: for an unknown factor, different numbers, or missing key points.
        """
        people, donors = self._people(person), self._people(donor)
        count = len(people.image)
        wanted = [factor] * count if isinstance(factor, str) else list(factor)
        for name in wanted:
            self._check_factor(name)
        if not count == len(donors.image) == len(wanted):
            raise ValueError(f"{count} people, {len(donors.image)} donors and {len(wanted)} factors: give as many of each")
        own, other = self.encode(people), self.encode(donors)
        takes = {name: torch.tensor([each == name for each in wanted], device=self._weights_device)[:, None] for name in FACTORS}
        foreground = torch.where(takes["foreground"], other.foreground, own.foreground)
        background = None
        if own.background is not None and other.background is not None:
            background = torch.where(takes["background"], other.background, own.background)
        assert people.keypoints is not None and donors.keypoints is not None
        keypoints = torch.where(takes["pose"][..., None], donors.keypoints, people.keypoints)
        return self.decode(Codes(foreground, background, own.pose), keypoints)

    def mix(
        self,
        person: Person,
        regions: Mapping[str, Person],
        background: Person | None = None,
        pose: Person | Tensor | None = None,
    ) -> Image.Image | Tensor:
        """A person of which some body regions are other people's.

        Args:
            person: who gives what is not named, or a batch of people.
            regions: name of a region (`fashiongen.models.disentangled_pig.networks.REGIONS`), or "top" or "bottom", -> whose it is;
                later entries win.
            background: whose background; by default that of `person`.
            pose: whose pose, or key points; by default that of `person`.

        Returns:
            one picture for one person, a (B, 3, H, W) tensor for a batch.

        Raises:
            ValueError: for an unknown region, or one that is not visible on the person who should give it.
        """
        people = self._people(person)
        count = len(people.image)
        own = self.encode(people)
        mixed = own.regions().clone()
        for name, donor in regions.items():
            places = list(regions_named(name))
            given = self._given_code("foreground", donor, count).unflatten(1, (len(REGIONS), -1))[:, places]
            if (given == 0).all(dim=-1).any():
                raise ValueError(f"{name} is not visible on the person who should give it: none of its joints has been found there")
            mixed[:, places] = given
        behind = own.background if background is None else self._given_code("background", background, count)
        keypoints = people.keypoints if pose is None else self._given_pose(pose, count)
        pictures = self.decode(Codes(mixed.flatten(1), behind, own.pose), keypoints)
        return pictures if _has_batch_axis(person) else to_pil(pictures[0])

    def interpolate(
        self,
        a: Person | Codes,
        b: Person | Codes,
        factor: str = "foreground",
        steps: int = 8,
        space: Literal["codes", "noise"] = "codes",
        path: Literal["linear", "spherical"] = "linear",
    ) -> list[Image.Image] | Tensor:
        """Pictures between two people, of whom one factor, or all, go from one to the other.

        Args:
            a: where it begins; who keeps the other factors. One person, or codes with B = 1.
            b: where it ends.
            factor: "foreground", "background", "pose" or "all".
            steps: number of pictures, both ends included.
            space: "codes", or "noise": between the noises that `invert` finds for the two, as the paper does.
            path: "linear", or "spherical" for an arc.

        Returns:
            `steps` pictures, or a (`steps`, 3, H, W) tensor for codes. Poses are the decoder's: also those at the ends, where they
            change.

        Raises:
            ValueError: for an unknown factor, space or path, fewer than two steps, or several people.
        """
        if factor != "all":
            self._check_factor(factor)
        if steps < 2:
            raise ValueError(f"an interpolation has at least 2 steps, not {steps}")
        if space not in ("codes", "noise") or path not in ("linear", "spherical"):
            raise ValueError(f"space is 'codes' or 'noise', path 'linear' or 'spherical'; not {space!r}, {path!r}")
        ends = [end if isinstance(end, Codes) else self.encode(end) for end in (a, b)]
        if any(len(end.foreground) != 1 for end in ends):
            raise ValueError("an interpolation goes from one person to one other; call it for each pair")
        if space == "noise":
            ends = [self._inverted(end, 300, 0.02).noise for end in ends]
        walk = linear_path if path == "linear" else spherical_path
        at = torch.linspace(0, 1, steps)
        moved = {
            name: walk(low[0], high[0], at)
            for name, low, high in zip(FACTORS, *ends, strict=True)
            if low is not None and high is not None
        }
        between = Codes(moved["foreground"], moved.get("background"), moved["pose"])
        if space == "noise":
            with self._at_rest():
                between = self.map(between)
        own = a if isinstance(a, Codes) else self.encode(a)
        still = Codes(*(None if code is None else code.expand(steps, -1) for code in own))  # type: ignore[arg-type]
        codes = between if factor == "all" else still._replace(**{factor: getattr(between, factor)})
        keypoints = None
        if factor not in ("all", "pose") and isinstance(a, Person):
            keypoints = self._given_pose(a, steps)
        pictures = self.decode(codes, keypoints)
        return pictures if isinstance(a, Codes) else [to_pil(picture) for picture in pictures]

    def invert(self, person: People, steps: int = 300, learning_rate: float = 0.02) -> Inversion:
        """Noise that becomes the codes of people: gradient descent through the mappers.

        What the paper describes in words; no code of it was released. A region that is not seen has the code 0, which no mapper
        quite reaches.

        Args:
            person: a `Person` with key points, a list of them, or a batch.
            steps: of Adam, from zero noise.
            learning_rate: of Adam.
        """
        return self._inverted(self.encode(person), steps, learning_rate)

    def virtual(
        self,
        identities: int | People | Tensor,
        poses: People | Tensor | None = None,
        pictures: int = 24,
        seed: int = 0,
        first: int = 0,
        batch_size: int = 32,
    ) -> Iterator[tuple[str, Tensor]]:
        """A data set for re-identification of people who do not exist: as the authors' Virtual Market, which has 500 people.

        An identity is one foreground code; each of its pictures has a background from new noise and one of `poses`, drawn at
        random. A picture depends on the seed, its name and `pictures` alone.

        Args:
            identities: number of identities from noise; or people, or codes (N, C), who are the identities.
            poses: people whose poses are taken, or key points (N, 18, 3) in pixels of `size`; None takes poses from noise.
            pictures: of each identity.
            seed: of noise and choices.
            first: number of the identity to begin with, from 0; it and the following ones are as they would be after all others.
            batch_size: how many pictures are drawn at a time.

        Yields:
            name without ending, as in Market-1501 (`0001_c1s1_000001_00`: identities and pictures count from 1), and the picture
            (3, H, W) in [-1, 1].

        Raises:
            ValueError: for fewer than one identity or picture, or missing key points.
        """
        if isinstance(identities, int):
            foregrounds, count = None, identities
        else:
            foregrounds = self._codes("foreground", identities)
            count = len(foregrounds)
        if pictures < 1 or count < 1:
            raise ValueError(f"give at least 1 identity and 1 picture of each, not {count} and {pictures}")
        known = None if poses is None else self._poses(poses)
        for identity in range(first, count):
            generator = torch.Generator().manual_seed((seed * 1_000_003 + identity) % 2**63)
            with self._at_rest():
                codes = self.map(self.noise(pictures, int(torch.randint(2**62, (), generator=generator))))
                own = codes.foreground[:1] if foregrounds is None else foregrounds[identity : identity + 1]
                if known is None:
                    keypoints = self.decode_pose(codes.pose)
                else:
                    keypoints = known[torch.randint(len(known), (pictures,), generator=generator).to(known.device)]
                drawn = self._drawn(codes._replace(foreground=own.expand(pictures, -1)), keypoints, batch_size)
            for number, picture in enumerate(drawn, 1):
                yield f"{identity + 1:04d}_c1s1_{number:06d}_00", picture

    # ------------------------------------------------------------------------------------------------ what they share
    @property
    def _weights_device(self) -> torch.device:
        return next(self.parameters()).device  # type: ignore[attr-defined]

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        """In evaluation mode and without gradients."""
        was_training = self.training
        self.eval()  # type: ignore[attr-defined]
        try:
            with torch.no_grad():
                yield
        finally:
            self.train(was_training)  # type: ignore[attr-defined]

    def _drawn(self, codes: Codes, keypoints: Tensor, batch_size: int) -> Tensor:
        parts = [None if code is None else code.split(batch_size) for code in (codes.foreground, codes.background)]
        poses = keypoints.split(batch_size)
        foregrounds, backgrounds = parts[0] or (), parts[1] or [None] * len(poses)
        drawn = [self.draw(*part).clamp(-1, 1) for part in zip(foregrounds, backgrounds, poses, strict=True)]
        return torch.cat(drawn)

    def _inverted(self, codes: Codes, steps: int, learning_rate: float) -> Inversion:
        wanted = {name: code for name, code in zip(FACTORS, codes, strict=True) if code is not None}
        with self._at_rest(), torch.enable_grad():
            noise = {name: torch.zeros_like(code, requires_grad=True) for name, code in wanted.items()}
            optimizer = torch.optim.Adam(noise.values(), lr=learning_rate)
            for _ in range(steps):
                reached = self.map(_as_codes(noise))
                loss = sum((getattr(reached, name) - code).square().mean(dim=1).sum() for name, code in wanted.items())
                gradients = torch.autograd.grad(loss, list(noise.values()))
                for tensor, gradient in zip(noise.values(), gradients, strict=True):
                    tensor.grad = gradient
                optimizer.step()
        found = _as_codes({name: tensor.detach() for name, tensor in noise.items()})
        with self._at_rest():
            reached = self.map(found)
        error = {
            name: (getattr(reached, name) - code).norm(dim=1, keepdim=True) / code.norm(dim=1, keepdim=True).clamp_min(1e-12)
            for name, code in wanted.items()
        }
        return Inversion(found, reached, _as_codes(error))

    def _people(self, person: People) -> Person:
        people = batched(person, self.size, self._weights_device, "person")
        check_annotations(people, frozenset({"keypoints"}), self.name)
        return people

    def _check_factor(self, name: str) -> None:
        if name not in self.factors:
            raise ValueError(f"this {self.name} has no factor {name!r}; it has {', '.join(self.factors)}")

    def _codes(self, name: str, given: Any) -> Tensor:
        """(N, C) codes of the appearance, from people or codes."""
        self._check_factor(name)
        if not isinstance(given, Tensor):
            return getattr(self.encode(given), name)
        length = getattr(self.noise(1, seed=0), name).shape[1]
        if given.ndim not in (1, 2) or given.shape[-1] != length:
            raise ValueError(f"a {name} code is ({length},) or (N, {length}) numbers, not {tuple(given.shape)}")
        return given.to(self._weights_device, torch.float32).view(-1, length)

    def _poses(self, given: Any) -> Tensor:
        """(N, 18, 3) key points in pixels of `size`, from people, key points or codes."""
        if not isinstance(given, Tensor):
            keypoints = self._people(given).keypoints
            assert keypoints is not None
            return keypoints
        if given.ndim in (2, 3) and given.shape[-2:] == (JOINTS, 3):
            return given.to(self._weights_device, torch.float32).view(-1, JOINTS, 3)
        length = self.hparams["pose_code"]
        if given.ndim in (1, 2) and given.shape[-1] == length:
            with self._at_rest():
                return self.decode_pose(given.to(self._weights_device, torch.float32).view(-1, length))
        raise ValueError(
            f"a pose is key points (18, 3) or (N, 18, 3), or a code ({length},) or (N, {length}), not {tuple(given.shape)}"
        )

    def _given_code(self, name: str, given: Any, count: int) -> Tensor:
        return _spread(self._codes(name, given), count, f"{name}s")

    def _given_pose(self, given: Any, count: int) -> Tensor:
        return _spread(self._poses(given), count, "poses")


def _as_codes(named: Mapping[str, Tensor]) -> Codes:
    return Codes(named["foreground"], named.get("background"), named["pose"])


def _spread(tensor: Tensor, count: int, what: str) -> Tensor:
    if len(tensor) not in (1, count):
        raise ValueError(f"{len(tensor)} {what} for {count} pictures: give one for all, or one for each")
    return tensor.expand(count, *tensor.shape[1:])


def _has_batch_axis(factor: Any, joints: bool = False) -> bool:
    if isinstance(factor, Tensor):
        return factor.ndim == 3 or (factor.ndim == 2 and not (joints and factor.shape == (JOINTS, 3)))
    return isinstance(factor, Person) and factor.image.ndim == 4
