import numpy as np
import pytest
import torch

from fashiongen.layers.dense_crf import dense_crf


def by_pairs(probabilities, image, iterations, smoothness, appearance):
    """The definition, one pair of pixels after the other."""
    labels, height, width = probabilities.shape
    places = [(y, x) for y in range(height) for x in range(width)]

    def kernel(features):
        table = np.array([[np.exp(-0.5 * np.sum((a - b) ** 2)) for b in features] for a in features])
        root = 1 / np.sqrt(table.sum(axis=1))
        return root[:, None] * table * root

    near = kernel([np.array([x / smoothness[0], y / smoothness[1]]) for y, x in places])
    like = kernel(
        [np.array([x / appearance[0], y / appearance[1], *(image[:, y, x] / np.array(appearance[2:5]))]) for y, x in places]
    )
    unary = -np.log(np.maximum(probabilities.reshape(labels, -1).T, 1e-8))

    def softmax(energy):
        weight = np.exp(energy - energy.max(axis=1, keepdims=True))
        return weight / weight.sum(axis=1, keepdims=True)

    marginals = softmax(-unary)
    for _ in range(iterations):
        marginals = softmax(-unary + smoothness[2] * near @ marginals + appearance[5] * like @ marginals)
    return marginals.T.reshape(labels, height, width)


@pytest.mark.parametrize("block", [2**24, 50])
def test_the_definition(block, monkeypatch):
    monkeypatch.setitem(dense_crf.__globals__, "_BLOCK", block)
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(3), size=(2, 6, 5)).transpose(0, 3, 1, 2)
    image = random.integers(0, 256, (2, 3, 6, 5))
    options = {"iterations": 3, "smoothness": (1.0, 2.0, 0.7), "appearance": (4.0, 3.0, 20.0, 30.0, 25.0, 1.5)}
    marginals = dense_crf(torch.from_numpy(probabilities), torch.from_numpy(image).to(torch.uint8), **options)
    assert marginals.shape == (2, 3, 6, 5) and marginals.dtype == torch.float32
    expected = np.stack([by_pairs(*pair, **options) for pair in zip(probabilities, image.astype(float), strict=True)])
    np.testing.assert_allclose(marginals.numpy(), expected, atol=2e-5)


def test_labels_snap_to_the_edges_of_the_picture():
    image = torch.zeros(1, 3, 12, 12)
    image[..., 6:] = 255
    doubtful = torch.full((1, 2, 12, 12), 0.5)
    doubtful[:, 0, :, :4], doubtful[:, 1, :, :4] = 0.9, 0.1  # the parser stops two pixels before the edge
    doubtful[:, 0, :, 8:], doubtful[:, 1, :, 8:] = 0.1, 0.9
    labels = dense_crf(doubtful, image).argmax(dim=1)[0]
    assert (labels[:, :6] == 0).all() and (labels[:, 6:] == 1).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"not \(1, 3, 5, 4\) beside \(1, 2, 4, 4\)"):
        dense_crf(torch.rand(1, 2, 4, 4), torch.rand(1, 3, 5, 4))
    with pytest.raises(ValueError, match="smoothness is 3 numbers and appearance 6, not 2 and 6"):
        dense_crf(torch.rand(1, 2, 4, 4), torch.rand(1, 3, 4, 4), smoothness=(1.0, 2.0))
