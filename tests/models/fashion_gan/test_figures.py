import dataclasses
import importlib.util
import itertools
from pathlib import Path

import pytest
import torch

from fashiongen.types import Batch

_spec = importlib.util.spec_from_file_location("fashion_gan_examples", Path(__file__).with_name("test_module.py"))
assert _spec is not None and _spec.loader is not None
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

FIGURES = ("colour", "colour_distance", "sleeve", "sleeve_balanced", "kind", "kind_balanced", "identity_l1", "background_l1",
           "silhouette_iou", "garment_l1", "l1")  # fmt: skip


def test_figures_against_the_truth(tmp_path):
    (figures,) = made.trainer(tmp_path).test(made.tiny(), made.loader(), verbose=False)
    names = itertools.product(("fashion_gan", "true_map", "do_nothing", "chance"), FIGURES)
    assert set(figures) == {f"test/{who}/{figure}" for who, figure in names}
    assert figures["test/do_nothing/identity_l1"] == figures["test/do_nothing/background_l1"] == 0
    assert figures["test/true_map/silhouette_iou"] == 1
    expected = torch.stack([(item.person.image - item.truth.image).abs().mean() / 2 for item in made.examples()]).mean()
    assert figures["test/do_nothing/l1"] == pytest.approx(expected.item(), rel=1e-5)


class Oracle(made.FashionGan):
    """Answers with the truth."""

    truth = None

    def test_step(self, batch, batch_idx):
        self.truth = batch.truth
        super().test_step(batch, batch_idx)

    def redraw(self, person, *given, labels=None, **controls):
        drawn = super().redraw(person, *given, labels=labels, **controls)
        return drawn._replace(image=self.truth.image, labels=self.truth.parsing)


def test_the_truth_is_right(tmp_path):
    """What the sentences say is what these figures of blocks wear: the first one a dress, bare arms, and so on."""
    examples = []
    texts = "the lady wore a red sleeveless tank.", "the lady wore a multicolor sleeveless dress."
    for item, text in zip(made.examples(2), texts, strict=True):
        truth = item.truth
        if "dress" in text:
            truth = dataclasses.replace(truth, parsing=torch.where(truth.parsing == 3, 4, truth.parsing))
        examples.append(dataclasses.replace(item, other_text=text, truth=dataclasses.replace(truth, text=text)))
    loader = torch.utils.data.DataLoader(examples, batch_size=2, collate_fn=Batch.collate)
    (figures,) = made.trainer(tmp_path).test(Oracle(**made.tiny().hparams), loader, verbose=False)
    found = {figure: figures[f"test/fashion_gan/{figure}"] for figure in FIGURES}
    right = ("colour", "sleeve", "kind", "kind_balanced", "silhouette_iou")
    assert {figure: found[figure] for figure in right} == dict.fromkeys(right, 1.0)
    assert found["colour_distance"] == found["l1"] == found["garment_l1"] == 0
    assert figures["test/chance/kind"] == 0


def test_noise_of_the_test_depends_on_the_batch_alone(tmp_path):
    runs = [made.trainer(tmp_path).test(made.tiny(), made.loader(), verbose=False)[0] for _ in range(2)]
    assert runs[0] == runs[1]


def test_data_without_the_true_answer(tmp_path):
    bare = [dataclasses.replace(item, truth=None) for item in made.examples()]
    loader = torch.utils.data.DataLoader(bare, batch_size=2, collate_fn=Batch.collate)
    runner = made.trainer(tmp_path)
    with pytest.raises(ValueError, match="only the mannequin world's task 'redress'"):
        runner.test(made.tiny(), loader, verbose=False)
    (figures,) = runner.validate(made.tiny(), loader, verbose=False)
    assert {f"validation/fashion_gan/{figure}" for figure in FIGURES} == set(figures)
    predicted, _ = runner.predict(made.tiny(), loader)
    assert predicted["name"] == ["0", "1"] and predicted["image"].shape == (2, 3, 32, 32)
    silent = [Batch(dataclasses.replace(item.person, text=None)) for item in bare]
    with pytest.raises(ValueError, match="needs sentences"):
        runner.predict(made.tiny(), torch.utils.data.DataLoader(silent, batch_size=2, collate_fn=Batch.collate))
