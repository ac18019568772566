import threading
import warnings

import pytest
import torch
from standins import SIZE, Standin

import fashiongen
from fashiongen.commands import examples
from fashiongen.demo.studio import Source, Studio
from fashiongen.demo.uploads import Limits, as_pillow

ANNA, COAT = Source(example=1), Source(example=3)
PICTURE = Source(picture=(torch.rand(3, 100, 70) * 255).to(torch.uint8))


def test_each_model_answers_with_its_picture_and_what_it_saw(models):
    plain, comparing = Studio(models).try_on(["plain", "comparing"], ANNA, COAT)
    assert (plain.model, comparing.model) == ("plain", "comparing") and plain.seconds >= 0
    assert plain.pictures[0].tobytes() == examples.garment(3, models["plain"]).to_pil().tobytes()
    assert comparing.pictures[0].tobytes() == examples.garment(1, models["plain"]).to_pil().tobytes()  # what she wears is known
    person = examples.person(1, models["plain"])
    assert list(plain.seen) == [
        "the person as the model sees them",
        "the person's key points",
        "the person's parsing",
        "upside down",
    ]
    assert plain.seen["the person as the model sees them"].tobytes() == person.to_pil().tobytes()
    assert plain.seen["upside down"].tobytes() == as_pillow(((person.image.flip(1) + 1) * 127.5).round().byte()).tobytes()


def test_uploads_are_annotated_and_notes_are_passed_on(models):
    def annotator(image):
        warnings.warn("only a guess", stacklevel=1)
        return {"keypoints": torch.tensor([[20.0, 30.0, 1.0]] * 18)}

    studio = Studio(models, annotator=annotator)
    (answer,) = studio.repose(["plain"], PICTURE, ANNA)
    assert "the person's key points" in answer.seen and "the person's parsing" not in answer.seen
    assert answer.seen["the target's key points"].size == answer.seen["the person's key points"].size
    assert Studio(models, annotator=None).able("repose") == ["plain", "comparing"]


def test_a_worn_garment_is_asked_for(models):
    studio = Studio(models, annotator=None)
    with pytest.raises(ValueError, match="upload a picture of what the person wears"):
        list(studio.try_on(["comparing"], PICTURE, COAT))
    (answer,) = studio.try_on(["comparing"], PICTURE, COAT, Source(example=6))
    assert answer.pictures[0].tobytes() == examples.garment(6, models["comparing"]).to_pil().tobytes()


def test_nobody_in_a_photograph_is_told(models):
    def nobody(image):
        raise fashiongen.annotate.photographs.PhotographError("picture: nobody was found", "nobody")

    with pytest.raises(ValueError, match="nobody was found"):
        list(Studio(models, annotator=nobody).repose(["plain"], PICTURE, ANNA))


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda studio: studio.sample(["plain"], 9), "1 to 8 people are drawn at once, not 9"),
        (lambda studio: studio.sample(["plain"], 0), "not 0"),
        (lambda studio: studio.sample([], 1), "choose at least one model: plain, comparing"),
        (lambda studio: studio.sample(["other"], 1), "choose at least one model"),
        (lambda studio: studio.redress(["plain"], ANNA, " "), "say what the clothes should be"),
        (lambda studio: studio.redress(["plain"], ANNA, "blue " * 100), "has 500 letters; up to 300"),
    ],
)
def test_what_makes_no_sense_is_refused_before_work_begins(models, ask, told):
    with pytest.raises(ValueError, match=told):
        ask(Studio(models))
    assert models["plain"].asked == 0


def test_a_request_ends_when_its_time_is_over():
    models = {name: Standin(seconds=0.05) for name in "abc"}
    answers = Studio(models, Limits(seconds=0.01)).sample(list("abc"), 1)
    assert next(answers).model == "a"
    with pytest.raises(TimeoutError, match=r"0\.01 seconds of a request are over, 1 of 3 models are done"):
        next(answers)


def test_visitors_neither_meet_nor_change_each_others_pictures():
    models = {"one": Standin(seconds=0.01)}
    studio = Studio(models)
    (alone,) = studio.sample(["one"], 2, seed=3)
    found = {}

    def visit(seed):
        (answer,) = studio.sample(["one"], 2, seed=seed)
        found[seed] = answer.pictures

    before = torch.random.get_rng_state()
    visitors = [threading.Thread(target=visit, args=(seed,)) for seed in range(8)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert models["one"].most_at_work == 1
    assert [each.tobytes() for each in found[3]] == [each.tobytes() for each in alone.pictures]
    assert len({found[seed][0].tobytes() for seed in found}) == 8
    assert torch.equal(torch.random.get_rng_state(), before)
    assert alone.pictures[0].size == (SIZE[1], SIZE[0])


def test_only_models_that_need_nothing_sample():
    class Dresser(Standin):
        def sample(self, n, person):
            return []

    assert Studio({"dresser": Dresser(), "plain": Standin()}).able("sample") == ["plain"]
