"""The loss of a discriminator that must also see whether a picture matches its condition."""

from __future__ import annotations

from torch import Tensor

from fashiongen.losses.adversarial import fake_loss, real_loss


def matching_loss(
    real: Tensor,
    fake: Tensor,
    wrong: Tensor | None = None,
    fake_weight: float = 1.0,
    wrong_weight: float = 1.0,
    epsilon: float = 0.0,
) -> dict[str, Tensor]:
    """Cross entropy of a matching-aware discriminator (Reed et al., "Generative Adversarial Text to Image Synthesis", ICML 2016).

    Besides generated pictures it must call fake a real picture under a condition that belongs to another one; without these pairs
    a generator could win with good pictures that ignore the condition.

    Args:
        real: logits of true pictures under their own condition, of any shape; the mean is over all of them.
        fake: logits of generated pictures under the condition that they were made for.
        wrong: logits of true pictures under the condition of others; None for a discriminator that sees no such pairs.
        fake_weight: of the loss of the generated pictures.
        wrong_weight: of the loss of the wrong pairs. Reed et al. halve both; FashionGAN's authors print 0.9 and 0.1 and optimise
            1 and 1.
        epsilon: added inside the logarithms, see `fashiongen.losses.adversarial.real_loss`.

    Returns:
        "real", "fake" and, with such pairs, "wrong", each before its weight, and "total", their weighted sum.
    """
    losses = {"real": real_loss(real, epsilon), "fake": fake_loss(fake, epsilon)}
    total = losses["real"] + fake_weight * losses["fake"]
    if wrong is not None:
        losses["wrong"] = fake_loss(wrong, epsilon)
        total = total + wrong_weight * losses["wrong"]
    return {**losses, "total": total}
