import pytest
import torch
import torch.nn.functional as F

from fashiongen.layers.same_convolution import SameConv2d, SameConvTranspose2d, same_padding


def test_the_odd_pixel_comes_last():
    assert same_padding(8, 3, 2) == (0, 1)
    assert same_padding(7, 3, 2) == (1, 1)
    assert same_padding(8, 4, 2) == (1, 1)
    assert same_padding(8, 5, 2) == (1, 2)
    assert same_padding(8, 3, 1) == (1, 1)
    assert same_padding(8, 1, 2) == (0, 0)


@pytest.mark.parametrize("kernel", [1, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(8, 6), (7, 9), (8, 5), (1, 2)])
def test_equals_padding_first(kernel, stride, size):
    layer = SameConv2d(2, 3, kernel, stride).double()
    image = torch.rand(2, 2, *size, dtype=torch.float64, requires_grad=True)
    rows, columns = (same_padding(length, kernel, stride) for length in size)
    expected = F.conv2d(F.pad(image, (*columns, *rows)), layer.weight, layer.bias, stride)
    output = layer(image)
    assert output.shape[2:] == tuple(-(-length // stride) for length in size)
    assert torch.allclose(output, expected, atol=1e-12)
    weight = torch.rand_like(expected)
    got, wanted = (torch.autograd.grad((each * weight).sum(), [image, layer.weight, layer.bias]) for each in (output, expected))
    assert all(torch.allclose(ours, theirs, atol=1e-12) for ours, theirs in zip(got, wanted, strict=True))


def test_a_known_value():
    layer = SameConv2d(1, 1, 3, stride=2, bias=False)
    torch.nn.init.ones_(layer.weight)
    image = torch.arange(16.0).view(1, 1, 4, 4)
    # Windows start at 0 and 2 and reach over the end, not over the start.
    assert layer(image).flatten().tolist() == [45.0, 39.0, 66.0, 50.0]


@pytest.mark.parametrize("kernel, stride", [(3, 2), (4, 2), (5, 2), (2, 2), (3, 1), (5, 3)])
def test_the_transposed_one_is_the_adjoint(kernel, stride):
    forward = SameConv2d(2, 3, kernel, stride, bias=False).double()
    backward = SameConvTranspose2d(3, 2, kernel, stride, bias=False).double()
    backward.weight.data.copy_(forward.weight)
    large = torch.rand(1, 2, 4 * stride, 6 * stride, dtype=torch.float64)
    small = torch.rand(1, 3, 4, 6, dtype=torch.float64)
    assert torch.allclose((forward(large) * small).sum(), (large * backward(small)).sum())


def test_what_a_transposed_convolution_refuses():
    with pytest.raises(ValueError, match="at least its stride 3"):
        SameConvTranspose2d(1, 1, 2, stride=3)
    with pytest.raises(ValueError, match="gives 8x8 here"):
        SameConvTranspose2d(1, 1, 3)(torch.zeros(1, 1, 4, 4), output_size=[7, 8])
