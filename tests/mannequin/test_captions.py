from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path

import pytest
import torch

from fashiongen.data.attributes import GENDERS
from fashiongen.mannequin import captions, glyphs, palette
from fashiongen.mannequin.textures import KINDS, paint, sample_pattern

GOLDEN = Path(os.environ.get("FASHIONGEN_GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))


def describe_all(count: int) -> tuple[captions.Attributes, list[str]]:
    seed = torch.arange(count)
    labels = captions.attributes(
        gender=(seed % 2).float(),
        dress=(seed % 2 == 1) & (seed % 7 == 0),
        coat=seed % 5 == 0,
        long_coat=seed % 10 == 0,
        sleeve=torch.tensor([-1, 0.3, 0.5, 0.95, 0.97])[seed % 5],
        collar=seed % 6 == 0,
        loose=(seed % 11) / 11,
        pattern=sample_pattern(seed, 11, "top"),
    )
    return labels, captions.describe(labels, seed)


def names(table: tuple[str, ...], ids: torch.Tensor) -> list[str]:
    return [table[number] for number in ids.tolist()]


def test_sentences_have_the_grammar():
    grammar = re.compile(
        r"the (lady|woman|girl|man|boy) (was wearing|is wearing|wears|wore) an? "
        r"[a-z]+ ((long|short|half)-sleeved |sleeveless )?[a-z]+( with [a-z ]+)?\."
    )
    _, sentences = describe_all(400)
    for sentence in sentences:
        assert grammar.fullmatch(sentence), sentence
    assert any(" an orange " in sentence for sentence in sentences)
    assert not any(re.search(r" a [aeiou]", sentence) for sentence in sentences)
    assert len(set(sentences)) > 300


def test_sentences_tell_the_labels():
    labels, sentences = describe_all(300)
    for row, sentence in enumerate(sentences):
        assert captions.COLOURS[labels.colour[row]] in sentence and captions.CATEGORIES[labels.category[row]] in sentence
        assert (sentence.split()[1] in ("man", "boy")) == (GENDERS[labels.gender[row]] == "male")
        assert ("half" in sentence or "sleeve" not in sentence) == (captions.SLEEVES[labels.sleeve[row]] == "other")


def test_every_word_is_in_the_vocabulary_of_fashiongan():
    path = GOLDEN / "fashion_gan" / "vocabulary.json"
    if not path.exists():
        pytest.skip(f"no vocabulary at {path}")
    vocabulary = json.loads(path.read_text())
    said = {word for sentence in describe_all(2000)[1] for word in sentence.removesuffix(".").split()}
    sayable = {
        word for table in (captions.COLOURS, captions.CATEGORIES, captions.DETAILS) for text in table for word in text.split()
    }
    assert said | sayable - {"unknown"} <= vocabulary.keys()


def test_categories_and_sleeves():
    count = 8
    plain = sample_pattern(torch.arange(count), 15, "shoes")
    yes, no = torch.ones(count, dtype=torch.bool), torch.zeros(count, dtype=torch.bool)
    bare, short, half, long = (torch.full((count,), length) for length in (-1.0, 0.33, 0.5, 0.95))
    she, he = torch.ones(count), torch.zeros(count)
    tight, wide = torch.zeros(count), torch.ones(count)

    def label(gender, dress, coat, long_coat, sleeve, collar, loose):
        found = captions.attributes(gender, dress, coat, long_coat, sleeve, collar, loose, plain)
        return set(names(captions.CATEGORIES, found.category)), set(names(captions.SLEEVES, found.sleeve))

    assert label(she, no, no, no, bare, no, tight) == ({"tank"}, {"sleeveless"})
    assert label(he, no, no, no, short, no, tight) == ({"tee"}, {"short"})
    assert label(she, no, no, no, half, no, tight) == ({"blouse"}, {"other"})
    assert label(she, no, no, no, long, yes, tight) == ({"blouse"}, {"long"})
    assert label(he, no, no, no, long, yes, tight) == ({"henley"}, {"long"})
    assert label(he, no, no, no, long, no, wide) == ({"sweater"}, {"long"})
    assert label(she, yes, no, no, bare, no, tight) == ({"dress"}, {"sleeveless"})
    assert label(she, yes, yes, yes, bare, no, tight) == ({"coat"}, {"long"})
    jackets, sleeves = label(he, no, yes, no, short, no, tight)
    assert jackets <= {"jacket", "blazer", "cardigan"} and len(jackets) > 1 and sleeves == {"long"}


def test_colours_are_called_by_their_names():
    table = {
        **{"white": (0.95, 0.95, 0.94), "black": (0.1, 0.1, 0.11), "gray": (0.5, 0.5, 0.5), "beige": (0.85, 0.76, 0.62)},
        **{"red": (0.7, 0.12, 0.12), "blue": (0.15, 0.25, 0.5), "green": (0.2, 0.5, 0.3), "yellow": (0.95, 0.82, 0.3)},
        **{"orange": (0.93, 0.55, 0.2), "pink": (0.92, 0.65, 0.72), "brown": (0.35, 0.23, 0.16), "purple": (0.42, 0.28, 0.55)},
    }
    found = names(captions.COLOURS, captions.name_colour(torch.tensor(list(table.values()))))
    assert found == list(table)
    assert "unknown" not in names(captions.COLOURS, captions.name_colour(torch.tensor(palette.TOPS)))


def test_multicolor_means_that_the_second_colour_covers_much():
    pattern = sample_pattern(torch.arange(400), 11, "top")
    black_white = dataclasses.replace(
        pattern, base=torch.full((400, 3), 0.05), second=torch.full((400, 3), 0.95), accent=torch.full((400, 3), 0.05)
    )
    chest = torch.rand(400, 500, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.2, 0.3]) + torch.tensor(
        [-0.1, 0.5]
    )
    x, y = chest.reshape(-1, 2).T.contiguous()
    index, yes = torch.arange(400).repeat_interleave(500), torch.ones(200_000, dtype=torch.bool)
    share = paint(black_white, index, x, y, yes, x, y, 256, yes)[:, 0].view(400, 500).gt(0.5).float().mean(1)
    flat = torch.zeros(400)
    labels = captions.attributes(flat, flat > 0, flat > 0, flat > 0, flat, flat > 0, flat, black_white)
    several = labels.colour == captions.COLOURS.index("multicolor")
    for number in range(len(KINDS)):
        of_kind = pattern.kind == number
        if of_kind.any():
            assert several[of_kind].all() or not several[of_kind].any()
            assert several[of_kind].all() == bool(share[of_kind].mean() > 0.33), KINDS[number]


def test_details_name_what_is_printed():
    pattern = sample_pattern(torch.arange(400), 11, "top")
    flat = torch.zeros(400)
    details = names(captions.DETAILS, captions.attributes(flat, flat > 0, flat > 0, flat > 0, flat, flat > 0, flat, pattern).detail)
    for kind, front, motif, detail in zip(
        pattern.kind.tolist(), pattern.front.tolist(), pattern.motif.tolist(), details, strict=True
    ):
        if "stripes" in KINDS[kind]:
            assert detail == "stripe"
        elif KINDS[kind] == "lettering":
            assert detail == ("numbers" if glyphs.NAMES[front].isdigit() else "letters")
        elif front >= 0:
            assert detail == "logo" or glyphs.NAMES[front] in detail
        elif motif >= 0:
            assert detail in ("prints", "stars", "flowers", "leaves", "diamonds", "butterflies")
        elif KINDS[kind] in ("plain", "gradient", "block"):
            assert detail == ""


def test_a_print_on_the_back_alone_is_named():
    coats = sample_pattern(torch.arange(300), 14, "coat")
    flat = torch.zeros(300)
    details = captions.attributes(flat, flat > 0, flat > -1, flat > 0, flat, flat > 0, flat, coats).detail
    assert (details[coats.back >= 0] > 0).all()
