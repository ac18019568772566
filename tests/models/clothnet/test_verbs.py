import dataclasses

import pytest
import torch
from PIL import Image

from fashiongen.models.clothnet.module import ClothNet
from fashiongen.types import Person

SIDE = 16
TINY = dict(
    size=SIDE, sketch_width=4, sketch_growth=2, code=4, portray_width=4, portray_growth=2, discriminator_width=4, dropout="never",
)  # fmt: skip


def model(**options):
    torch.manual_seed(0)
    return ClothNet(**{**TINY, **options}).eval()


def coloured(**options):
    module = model(portray_colours=True, wardrobe=2, **options)
    module.wardrobe[:, 1:] = torch.randint(1, 256, (2, 21, 3), dtype=torch.uint8)
    return module


def person(shift=0, size=(SIDE, SIDE)):
    labels, parts = torch.zeros(2, *size, dtype=torch.uint8)
    labels[2:8, 4 + shift : 9 + shift], labels[8:14, 4 + shift : 9 + shift] = 4, 5
    parts[labels == 4], parts[labels == 5] = 2, 7
    return Person(torch.zeros(3, *size), parsing=labels, scheme="clothnet22", parts=parts)


def batch():
    return Person.stack([person(0), person(3), person(5)])


def test_people_from_nothing():
    pictures = model().sample(3)
    assert [type(each) for each in pictures] == [Image.Image] * 3 and pictures[0].size == (SIDE, SIDE)


def test_samples_repeat_for_a_seed_and_else_follow_the_generator():
    module = model()
    first, second = (module.sample(2, seed=seed, output="labels") for seed in (1, 2))
    assert torch.equal(first, module.sample(2, seed=1, output="labels")) and not torch.equal(first, second)
    torch.manual_seed(7)
    following = module.sample(2, output="labels")
    torch.manual_seed(7)
    module.sample(2, seed=1)
    assert torch.equal(module.sample(2, output="labels"), following)


def test_modes_are_restored():
    module = model().train()
    module.sample(1)
    assert module.training
    with pytest.raises(ValueError, match="output is"):
        module.sample(1, output="words")
    assert module.training


@pytest.mark.parametrize("body", [batch(), batch().parts, [person(0), person(3), person(5)], [person(0).parts, batch().parts[1:]]])
def test_people_on_bodies(body):
    labels = model().sample(2, body=body, seed=0, output="labels")
    assert labels.shape == (6, SIDE, SIDE) and labels.dtype == torch.uint8
    code = torch.randn(2, 4)
    module = model()
    labels = module.sample(2, body=body, code=code, output="labels")
    alone = module.sample(2, body=person(3), code=code, output="labels")
    assert torch.equal(labels[2:4], alone)  # all samples of a body lie together


def test_what_comes_back_follows_what_was_given():
    module = model()
    assert isinstance(module.sample(2, body=person()), list)
    assert module.sample(2, body=batch()).shape == (6, 3, SIDE, SIDE)
    assert module.sample(2, sketch=batch().parsing).shape == (6, 3, SIDE, SIDE)
    assert len(module.sample(2, sketch=[person(), person(1)], output="sketch")) == 4
    assert isinstance(module.portray(person()), Image.Image) and isinstance(module.portray(person().parsing), Image.Image)
    assert [type(each) for each in module.portray([person(), person().parsing])] == [Image.Image] * 2
    assert module.portray(batch()).shape == module.portray(batch().parsing.long()).shape == (3, 3, SIDE, SIDE)


def test_pictures_of_a_batch_do_not_depend_on_each_other():
    module = model()
    together = module.portray(batch())
    assert torch.allclose(together[1:2], module.portray(Person.stack([person(3)])), atol=1e-5)


def test_samples_depend_on_their_batch_only_where_batch_statistics_normalise():
    code = torch.randn(3, 4)
    for statistics, depends in (("running", False), ("batch", True)):
        module = model(sketch_statistics=statistics)
        module.sketch.decoder[0].norm.running_mean.normal_()
        logits = module.sketch.decode(code)
        assert torch.allclose(logits[:1], module.sketch.decode(code[:1]), atol=1e-5) != depends


def test_batches_are_full_where_batch_statistics_normalise():
    module = model(sketch_statistics="batch")
    sizes = []
    decode = module.sketch.decode
    module.sketch.decode = lambda code, body=None: (sizes.append(len(code)), decode(code, body))[1]
    assert len(module.sample(3, output="labels")) == 3
    module.sample(5, batch_size=4)
    assert sizes == [30, 4, 4]
    sizes.clear()
    module.hparams["sketch_statistics"] = "running"
    module.sample(5, batch_size=4)
    assert sizes == [4, 1]


def test_codes_are_what_sketches_become():
    module = model()
    codes = module.encode(batch())
    assert codes.shape == (3, 4)
    assert torch.equal(codes, module.encode([person(0), person(3).parsing, person(5)]))
    between = torch.lerp(codes[0], codes[1], torch.linspace(0, 1, 5)[:, None])
    labels = module.sample(5, code=between, output="labels", clean=False)
    assert torch.equal(labels[:1], module.draw(codes[:1], clean=False))
    assert module.encode(batch(), body=batch()).shape == (3, 4)


def test_other_sizes_are_padded_and_scaled():
    module = model()
    wide = torch.zeros(16, 32, dtype=torch.uint8)
    wide[4:12, 8:24] = 4
    labels = module.sample(1, sketch=wide, output="labels")[0]
    assert (labels[6:10, 4:12] == 4).all() and (labels[:6] == 0).all() and (labels[10:] == 0).all()


def test_colours_can_be_chosen():
    module = coloured()
    torch.manual_seed(0)
    table = module.draw_colours(batch().parsing, {"skirt": (178, 24, 30)})
    assert (table[:, 5] == torch.tensor([178, 24, 30])).all() and table[:, 4].any() and not table[:, 6].any()
    red, blue = (module.portray(batch(), colours={"skirt": colour}, seed=1) for colour in ((255, 0, 0), (0, 0, 255)))
    assert not torch.allclose(red, blue)
    assert torch.equal(red, module.portray(batch(), colours={"skirt": (255, 0, 0)}, seed=1))


def test_colours_can_be_taken_from_people():
    module = coloured()
    other = dataclasses.replace(person(3), image=torch.rand(3, SIDE, SIDE) * 2 - 1)
    table = module.colours_of(other)
    assert table.shape == (1, 22, 3) and table[0, 4].any() and not table[0, 6].any()
    expected = module.portray(batch(), colours=table)
    assert torch.equal(module.portray(batch(), colours=other), expected)
    assert torch.equal(module.portray(batch(), colours=table[0]), expected)
    assert torch.equal(module.portray(batch(), colours=[other] * 3), expected)
    assert module.sample(2, sketch=batch(), colours=table.repeat(3, 1, 1)).shape == (6, 3, SIDE, SIDE)


def test_sketches_without_a_wardrobe_need_all_colours():
    module = model(portray_colours=True)
    with pytest.raises(ValueError, match="no wardrobe to draw colours from; give those of upper-clothes, skirt too"):
        module.portray(person())
    with pytest.raises(ValueError, match="give those of upper-clothes too"):
        module.portray(person(), colours={"skirt": (1, 2, 3)})
    assert module.portray(person(), colours={"skirt": (1, 2, 3), "upper-clothes": (0, 0, 0)})


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda module: module.sample(0), ValueError, "n is at least 1, not 0"),
        (lambda module: module.sample(1, sketch=person(), body=person()), ValueError, "leaves nothing for body="),
        (lambda module: module.sample(2, code=torch.zeros(2, 5)), ValueError, r"code is \(2, 4\) for 2 samples"),
        (lambda module: module.sample(1, body=dataclasses.replace(person(), parts=None)), ValueError, "it needs parts"),
        (
            lambda module: module.sample(1, body="alice.jpg"),
            TypeError,
            "body: pass label maps, a Person, or a list of them, not str",
        ),
        (lambda module: module.sample(1, body=[]), ValueError, "the list of body maps is empty"),
        (lambda module: module.portray(torch.full((4, 4), 22)), ValueError, r"sketch labels \[22\] do not exist"),
        (lambda module: module.portray(torch.zeros(4, 4)), ValueError, "are integers"),
        (lambda module: module.portray(torch.zeros(1, 1, 4, 4).long()), ValueError, r"is \(H, W\), or \(B, H, W\)"),
        (lambda module: module.portray(dataclasses.replace(person(), scheme="lip20")), ValueError, "clothnet22, not lip20"),
        (lambda module: module.portray(person(), colours={"skirt": (1, 2, 3)}), ValueError, "takes no colours"),
        (lambda module: module.portray(person(), colours="red"), TypeError, "colours: pass names and colours"),
    ],
)
def test_what_cannot_be_drawn_is_told(call, error, message):
    with pytest.raises(error, match=message):
        call(model())


def test_missing_modules_are_told():
    with pytest.raises(ValueError, match="has no module 'body_sketch'; it has sketch, portray"):
        model(modules=["sketch", "portray"]).sample(1, body=person())
    with pytest.raises(ValueError, match="has no module 'sketch'; it has portray"):
        model(modules=["portray"]).sample(1)


def test_tables_of_colours_must_fit():
    module = coloured()
    for table in (torch.zeros(21, 3).long(), torch.zeros(2, 22, 3).long(), torch.full((22, 3), 300)):
        with pytest.raises(ValueError, match="colours"):
            module.portray(batch(), colours=table)
