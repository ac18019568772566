"""Optimisers in the form of the papers' frameworks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer


class TFAdam(Optimizer):
    """Adam in TensorFlow's form: epsilon is added to the *uncorrected* second moment.

    p <- p - lr * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + eps)

    `torch.optim.Adam` corrects v first, which makes its epsilon smaller by sqrt(1 - beta2^t): in the first steps entries
    with a tiny gradient move differently, by up to 70 % of the learning rate. After some thousand steps both agree.

    Args:
        params: parameters or parameter groups.
        lr: learning rate.
        betas: decay of the first and the second moment.
        eps: added to the square root of the second moment.

    Raises:
        ValueError: for a negative learning rate or epsilon, or a beta outside [0, 1).
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        if lr < 0 or eps < 0:
            raise ValueError(f"learning rate and epsilon must not be negative: lr={lr}, eps={eps}")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas lie in [0, 1), not {betas}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            by_step: dict[int, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = 0
                    state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
                    state["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
                state["step"] += 1
                by_step.setdefault(state["step"], []).append(parameter)
            for step, parameters in by_step.items():
                self._update(parameters, step, group["lr"], group["betas"], group["eps"])
        return loss

    def _update(self, parameters: list[Tensor], step: int, lr: float, betas: tuple[float, float], eps: float) -> None:
        beta1, beta2 = betas
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        first = [self.state[parameter]["exp_avg"] for parameter in parameters]
        second = [self.state[parameter]["exp_avg_sq"] for parameter in parameters]
        torch._foreach_lerp_(first, gradients, 1 - beta1)
        torch._foreach_mul_(second, beta2)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - beta2)
        denominator = torch._foreach_sqrt(second)
        torch._foreach_add_(denominator, eps)
        size = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
        torch._foreach_addcdiv_(parameters, first, denominator, -size)


class TFRMSprop(Optimizer):
    """RMSProp in TensorFlow's form: epsilon lies *inside* the root, and the mean square starts at 1.

    s <- decay * s + (1 - decay) * g^2, s_0 = 1;    p <- p - lr * g / sqrt(s + eps)

    `torch.optim.RMSprop` starts at 0, so that its first steps are lr / sqrt(1 - decay) long whatever the gradient; here they are in
    proportion to the gradient, and tiny where that is.

    Args:
        params: parameters or parameter groups.
        lr: learning rate.
        decay: of the mean square.
        eps: added to the mean square.

    Raises:
        ValueError: for a negative learning rate or epsilon, or a decay outside [0, 1).
    """

    def __init__(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float = 1e-3, decay: float = 0.9, eps: float = 1e-10
    ) -> None:
        if lr < 0 or eps < 0:
            raise ValueError(f"learning rate and epsilon must not be negative: lr={lr}, eps={eps}")
        if not 0 <= decay < 1:
            raise ValueError(f"decay lies in [0, 1), not {decay}")
        super().__init__(params, {"lr": lr, "decay": decay, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not parameters:
                continue
            for parameter in parameters:
                if not self.state[parameter]:
                    self.state[parameter]["square_avg"] = torch.ones_like(parameter, memory_format=torch.preserve_format)
            gradients = [parameter.grad for parameter in parameters]
            squares = [self.state[parameter]["square_avg"] for parameter in parameters]
            torch._foreach_mul_(squares, group["decay"])
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["decay"])
            denominator = torch._foreach_add(squares, group["eps"])
            torch._foreach_sqrt_(denominator)
            torch._foreach_addcdiv_(parameters, gradients, denominator, -group["lr"])
        return loss


def adam(form: str, params: Iterable[Tensor], rate: float, betas: tuple[float, float] = (0.5, 0.999)) -> Optimizer:
    """The optimiser of all seven papers.

    Args:
        form: "tf_adam", TensorFlow's, or "adam", PyTorch's.
        params: parameters.
        rate: learning rate.
        betas: decay of the first and the second moment.
    """
    kind: Callable[..., Optimizer] = TFAdam if form == "tf_adam" else Adam
    return kind(params, lr=rate, betas=betas)
