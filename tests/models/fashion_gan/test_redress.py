import dataclasses
import importlib.util
from pathlib import Path

import pytest
import torch
from PIL import Image

from fashiongen.types import Person

_spec = importlib.util.spec_from_file_location("fashion_gan_examples", Path(__file__).with_name("test_module.py"))
assert _spec is not None and _spec.loader is not None
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)
SENTENCES, figure, tiny = made.SENTENCES, made.figure, made.tiny


def noise(count):
    shape, picture = torch.randn(2, count, 4, generator=torch.Generator().manual_seed(0))
    return {"shape_noise": shape, "picture_noise": picture}


def test_single_lists_and_batches():
    module, people = tiny(), [figure(0), figure(1)]
    picture = module.redress(people[0], SENTENCES[1])
    assert isinstance(picture, Image.Image) and picture.size == (32, 32)
    many = module.redress(people, list(SENTENCES[:2]), **noise(2))
    assert [type(each) for each in many] == [Image.Image] * 2
    batch = module.redress(Person.stack(people), list(SENTENCES[:2]), **noise(2))
    assert batch.shape == (2, 3, 32, 32) and batch.abs().max() <= 1
    assert many[1].tobytes() == module.redress(people[1], SENTENCES[1], **noise_of(1)).tobytes()
    assert len(module.redress(people, SENTENCES[0])) == 2
    assert len(module.redress(people[0], list(SENTENCES[:3]))) == 3
    assert isinstance(module.redress(people[0], [SENTENCES[0]]), list)
    assert module.training  # as before


def noise_of(place):
    return {name: each[place : place + 1] for name, each in noise(2).items()}


def test_the_result_does_not_depend_on_the_batch_size():
    module, people = tiny(), Person.stack([figure(place) for place in range(3)])
    whole = module.redress(people, SENTENCES[0], **noise(3))
    torch.testing.assert_close(module.redress(people, SENTENCES[0], batch_size=1, **noise(3)), whole, atol=1e-5, rtol=1e-4)
    torch.manual_seed(7)
    first = module.redress(people, SENTENCES[0])
    torch.manual_seed(7)
    torch.testing.assert_close(module.redress(people, SENTENCES[0], batch_size=2), first, atol=1e-5, rtol=1e-4)


def test_controls():
    module, person = tiny(keep_background=True), Person.stack([figure(0)])
    given = noise(1)
    picture = module.redress(person, SENTENCES[1], **given)
    outputs = {output: module.redress(person, SENTENCES[1], output=output, **given) for output in ("picture", "painted", "map")}
    assert torch.equal(outputs["picture"], picture) and not torch.equal(outputs["painted"], picture)
    bare = module.redress(person, SENTENCES[1], keep=(), skin=False, background=False, **given)
    torch.testing.assert_close(bare, outputs["painted"])
    kept = module.redress(person, SENTENCES[1], keep=range(7), skin=False, **given)
    torch.testing.assert_close(kept, person.image)
    other = module.redress(person, SENTENCES[1], picture_text=SENTENCES[0], output="map", **given)
    assert torch.equal(other, outputs["map"])
    assert not torch.equal(module.redress(person, SENTENCES[1], picture_text=SENTENCES[0], **given), picture)
    with pytest.raises(ValueError, match="output is one of picture, painted, map, not 'mask'"):
        module.redress(person, SENTENCES[1], output="mask")


def test_people_of_other_sizes_are_resized():
    person = figure(0)
    double = {
        name: getattr(person, name).repeat_interleave(2, -1).repeat_interleave(2, -2) for name in ("image", "parsing", "parts")
    }
    assert tiny().redress(dataclasses.replace(person, **double), SENTENCES[0]).size == (32, 32)


def test_samples_differ_where_noise_is_varied():
    module, person = tiny(), figure(0)
    for vary, differs in (("both", ("map", "picture")), ("shape", ("map", "picture")), ("picture", ("picture",))):
        for output in ("map", "picture"):
            torch.manual_seed(1)
            # An untrained shape stage calls everything alike: its logits are pulled apart.
            torch.nn.init.normal_(module.shape.output.weight, std=5.0)
            torch.nn.init.normal_(module.picture.output[1].weight, std=0.5)
            drawn = {
                each.tobytes() for each in module.sample(3, person, SENTENCES[0], vary=vary, output=output, keep=(), skin=False)
            }
            assert len(drawn) == (3 if output in differs else 1), (vary, output)
    assert [type(each) for each in module.sample(2, person)] == [Image.Image] * 2
    with pytest.raises(ValueError, match="at least 1 picture, not 0"):
        module.sample(0, person)
    with pytest.raises(ValueError, match="vary is 'both', 'shape' or 'picture', not 'colour'"):
        module.sample(1, person, vary="colour")


def test_the_way_from_one_sentence_to_another():
    module, person = tiny(), figure(0)
    torch.manual_seed(2)
    way = module.interpolate(person, SENTENCES[0], SENTENCES[1], steps=4)
    assert len(way) == 4
    torch.manual_seed(2)
    backwards = module.interpolate(person, SENTENCES[1], SENTENCES[0], steps=4)
    assert [each.tobytes() for each in backwards] == [each.tobytes() for each in reversed(way)]
    torch.manual_seed(2)
    maps = module.interpolate(person, SENTENCES[0], SENTENCES[1], steps=3, vary="picture", output="map")
    assert len({each.tobytes() for each in maps}) == 1
    with pytest.raises(ValueError, match="at least 2 steps, not 1"):
        module.interpolate(person, SENTENCES[0], SENTENCES[1], steps=1)
    with pytest.raises(ValueError, match="pass one person, not 2"):
        module.interpolate(Person.stack([person, person]), SENTENCES[0], SENTENCES[1])


def test_what_cannot_be_drawn_is_told():
    module, person = tiny(), figure(0)
    with pytest.raises(ValueError, match=r"unknown word 'sari'"):
        module.redress(person, "the lady wears a blue sari.")
    with pytest.warns(UserWarning, match="is read without sari"):
        module.redress(person, "the lady wears a blue sari.", unknown="skip")
    with pytest.raises(TypeError, match="text is a sentence or a list of sentences, not int"):
        module.redress(person, 5)
    with pytest.raises(ValueError, match=r"the list of sentences \(text\) is empty"):
        module.redress(person, [])
    with pytest.raises(ValueError, match="2 people, 3 sentences"):
        module.redress([person, person], list(SENTENCES[:3]))
    with pytest.raises(ValueError, match="needs parsing of the person"):
        module.redress(dataclasses.replace(person, parsing=None), SENTENCES[0])
    with pytest.raises(ValueError, match=r"shape_noise is \(1, 4\) numbers, not \(2, 3\)"):
        module.redress(person, SENTENCES[0], shape_noise=torch.zeros(2, 3))
    with pytest.raises(ValueError, match="batch_size is at least 1, not 0"):
        module.redress(person, SENTENCES[0], batch_size=0)


def test_other_label_schemes_are_translated():
    module, person = tiny(), figure(0)
    lip = dataclasses.replace(person, parsing=torch.full_like(person.parsing, 5), scheme="lip20")  # upper clothes everywhere
    own = dataclasses.replace(person, parsing=torch.full_like(person.parsing, 3))
    pictures = [module.redress(each, SENTENCES[0], **noise_of(0)) for each in (lip, own)]
    assert pictures[0].tobytes() == pictures[1].tobytes()
