import torch

from fashiongen.layers.label_means import label_means
from fashiongen.layers.segment_colours import paint


def test_means_of_every_label_of_every_picture():
    image = torch.rand(3, 2, 5, 7)
    labels = torch.randint(4, (3, 5, 7), dtype=torch.uint8)
    labels[1] = 2
    means, sizes = label_means(image, labels, 5)
    assert means.shape == (3, 5, 2) and sizes.shape == (3, 5)
    for row in range(3):
        for label in range(5):
            here = image[row][:, labels[row] == label]
            assert sizes[row, label] == here.shape[1]
            expected = here.mean(dim=1) if here.shape[1] else torch.zeros(2)
            torch.testing.assert_close(means[row, label], expected)


def test_gradients_are_shared_by_the_pixels_of_a_label():
    image = torch.rand(1, 3, 2, 3, requires_grad=True)
    labels = torch.tensor([[[0, 0, 1], [0, 1, 1]]])
    paint(labels, label_means(image, labels, 2)[0])[0, 0, 0, 0].backward()
    assert torch.allclose(image.grad[0, 0], (labels[0] == 0) / 3) and not image.grad[0, 1:].any()
