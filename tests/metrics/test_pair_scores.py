import numpy as np
import pytest
import torch
from skimage.color import rgb2gray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from fashiongen.metrics.pair_scores import PairScores, blacken, grey_similarity, pair_scores


def pictures(count=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 256, (count, 3, 24, 16), generator=generator, dtype=torch.uint8)
    noise = torch.randint(-40, 40, target.shape, generator=generator)
    return (target.int() + noise).clamp(0, 255).to(torch.uint8), target


def test_against_scikit_image():
    image, target = pictures()
    scores = pair_scores(image, target)
    for index in range(2):
        ours, theirs = (each[index].permute(1, 2, 0).numpy() for each in (image, target))
        assert scores["ssim"][index].item() == pytest.approx(structural_similarity(ours, theirs, channel_axis=2), abs=1e-10)
        assert scores["psnr"][index].item() == pytest.approx(peak_signal_noise_ratio(theirs, ours), abs=1e-10)
        difference = ours.astype(float) - theirs
        assert scores["l1"][index].item() == pytest.approx(abs(difference).mean())
        assert scores["l2"][index].item() == pytest.approx((difference**2).sum() ** 0.5 / difference.size)


def test_the_range_of_the_training_log_is_that_of_the_target():
    image, target = pictures(1)
    weights = torch.tensor([0.2125, 0.7154, 0.0721]).double().view(3, 1, 1)
    ours, theirs = ((weights * each[0] / 255).sum(0).numpy() for each in (image, target))
    expected = structural_similarity(ours, theirs, data_range=theirs.max() - theirs.min())
    assert grey_similarity(image, target).item() == pytest.approx(expected, abs=1e-10)


def test_masks_blacken_and_raise_the_figures():
    image, target = pictures(1)
    mask = torch.zeros(1, 1, 24, 16, dtype=torch.uint8)
    mask[..., :8] = 255
    assert torch.equal(blacken(image, mask)[..., :8], image[..., :8])
    assert blacken(image, mask)[..., 8:].sum() == 0
    assert blacken(torch.full_like(image, 101), torch.full_like(mask, 128)).unique().tolist() == [50]
    assert pair_scores(image, target, mask)["ssim"] > pair_scores(image, target)["ssim"]


def test_equal_pictures():
    _, target = pictures()
    scores = pair_scores(target, target)
    assert torch.allclose(scores["ssim"], torch.ones(2).double())
    assert scores["psnr"].isinf().all() and scores["l1"].sum() == 0


def test_ranges_and_units():
    image, target = pictures()
    for index in range(2):
        ours, theirs = (each[index].permute(1, 2, 0).numpy() for each in (image, target))
        for data_range, span in (("reference", theirs), (None, ours), (200.0, None)):
            span = 200.0 if span is None else float(span.max()) - float(span.min())
            scores = pair_scores(image, target, data_range=data_range, units=2.0)
            expected = structural_similarity(ours, theirs, channel_axis=2, data_range=span)
            assert scores["ssim"][index].item() == pytest.approx(expected, abs=1e-10)
            expected = peak_signal_noise_ratio(theirs, ours, data_range=span)
            assert scores["psnr"][index].item() == pytest.approx(expected, abs=1e-10)
            difference = ours / 127.5 - theirs / 127.5
            assert scores["l1"][index].item() == pytest.approx(abs(difference).mean())
            assert scores["l2"][index].item() == pytest.approx((difference**2).sum() ** 0.5 / difference.size)


def test_grey_pictures():
    image, target = pictures()
    scores = pair_scores(image, target, data_range="reference", grey=True, units=1.0)
    for index in range(2):
        ours, theirs = (rgb2gray(each[index].permute(1, 2, 0).numpy()) for each in (image, target))
        span = theirs.max() - theirs.min()
        assert scores["ssim"][index].item() == pytest.approx(structural_similarity(ours, theirs, data_range=span), abs=1e-10)
        assert scores["psnr"][index].item() == pytest.approx(peak_signal_noise_ratio(theirs, ours, data_range=span), abs=1e-10)
        assert scores["l1"][index].item() == pytest.approx(abs(ours - theirs).mean())


def bytes_as_floats(image):
    """In the middle of their step, so that truncation gives them back."""
    return (image.double() + 0.5) / 127.5 - 1


@pytest.mark.parametrize("options", [{}, {"grey": True, "data_range": "reference", "units": 1.0}, {"window": "gaussian"}])
def test_the_metric_gives_mean_and_population_deviation(options):
    image, target = pictures(6)
    region = (torch.rand(6, 1, 24, 16, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    for mask in (None, region):
        scores = pair_scores(image, target, None if mask is None else (255 * mask).to(torch.uint8), **options)
        metric, other = PairScores(**options), PairScores(**options)
        metric.update(bytes_as_floats(image), bytes_as_floats(target.flip(0)))
        metric.reset()
        for each, part in ((metric, slice(0, 1)), (other, slice(1, 4)), (metric, slice(4, 6))):
            arguments = [bytes_as_floats(image[part]), bytes_as_floats(target[part])]
            each.update(*arguments, *([] if mask is None else [mask[part]]))
        metric.merge_state(other)
        result = metric.compute()
        assert set(result) == {*scores, *(f"{name}_std" for name in scores)}
        for name, values in scores.items():
            assert result[name].item() == pytest.approx(np.mean(values.numpy()), rel=1e-10)
            assert result[f"{name}_std"].item() == pytest.approx(np.std(values.numpy()), rel=1e-6)
