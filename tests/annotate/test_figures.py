import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from fashiongen.annotate.figures import JointFigures
from fashiongen.annotate.photographs import PhotographError
from fashiongen.types import Batch, Person

SIZE = (40, 30)


def person(x, y):
    """A nose and, 10 pixels to the right and below, a neck: a bright pixel each, in a channel of its own."""
    image, keypoints = torch.full((3, *SIZE), -1.0), torch.zeros(18, 3)
    for channel in range(2):
        column, row = x + 10 * channel, y + 10 * channel
        image[channel, row, column] = 1
        keypoints[channel] = torch.tensor([column + 0.5, row + 0.5, 2])
    return Person(image, keypoints)


def look(image):
    """Where the bright pixels are."""
    if image.max() < 1:
        raise PhotographError("nothing is bright", "nobody")
    keypoints = torch.zeros(18, 3)
    for channel in range(2):
        row, column = divmod(int(image[channel].argmax()), image.shape[2])
        keypoints[channel] = torch.tensor([column + 0.5, row + 0.5, 2])
    return {"keypoints": keypoints}


class Mover(pl.LightningModule):
    """Draws the first target as it is, the second 4 pixels to the right, the third with its nose 8 lower, the last dark."""

    name = "mover"

    def test_step(self, batch, batch_idx):
        pass

    def predict_step(self, batch, batch_idx):
        image = batch.target.image.clone()
        image[1] = image[1].roll(4, dims=2)
        image[2, 0] = image[2, 0].roll(8, dims=1)
        image[3] = -1
        return {"image": image}


def test_joints_are_counted_of_the_model_the_truth_and_the_person_as_she_came(tmp_path):
    examples = [Batch(person(3, 5), target=person(8, 7)) for _ in range(4)]
    loader = DataLoader(examples, batch_size=4, collate_fn=Batch.collate)
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, callbacks=[JointFigures(look)])
    (figures,) = trainer.test(Mover(), loader, verbose=False)
    # A joint may be off by less than half of the head, 5 pixels.
    assert figures == {"test/mover/pckh": 5 / 8, "test/real_data/pckh": 1.0, "test/do_nothing/pckh": 0.0}


def test_without_key_points_nothing_can_be_measured():
    callback = JointFigures(look)
    callback.on_test_epoch_start(None, Mover())
    with pytest.raises(ValueError, match="key points of the true pictures"):
        callback.on_test_batch_end(None, Mover(), None, Batch(Person(torch.zeros(1, 3, *SIZE))), 0)
