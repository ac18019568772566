"""How the mappers of Disentangled PIG learn to make codes from noise, and when which update is due."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fashiongen.losses.wasserstein import clip_weights
from fashiongen.models.base import FashionModule
from fashiongen.models.disentangled_pig.losses import critic_loss, mapper_loss


class CodeTraining(FashionModule):
    """Updates of mappers and their critics.

    Attributes:
        appearance_mappers, appearance_critics: by factor.
        pose_mapper, pose_critic: the same for poses.
    """

    appearance_mappers: nn.ModuleDict
    appearance_critics: nn.ModuleDict
    pose_mapper: nn.Module
    pose_critic: nn.Module

    def update_codes(self, stage: str, real: dict[str, Tensor]) -> dict[str, Tensor]:
        """For one factor after the other: some updates of its critic, one of its mapper, each with its own noise."""
        ahead = self.hparams["code_critic_steps"] if self.hparams["code_loss"].startswith("wgan") else 1
        plan = [(factor, network) for factor in real for network in [*["critic"] * ahead, "mapper"]]
        turn = self.turn(stage, len(plan))
        losses = {}
        for factor, network in plan if turn is None else [plan[turn]]:
            code, options = real[factor], self.hparams
            mapper, critic = self.mapper_and_critic(factor)
            noise = options["noise"] * torch.randn_like(code)
            with self.updating(f"{factor}_{network}") as update:
                if network == "mapper":
                    loss = mapper_loss(options["code_loss"], critic(mapper(noise)))
                else:
                    with torch.no_grad():
                        fake = mapper(noise)
                    loss = critic_loss(options["code_loss"], critic, code, fake, options["penalty_weight"])
                update(loss)
            if network == "critic" and options["code_loss"] == "wgan":
                # As the authors' operation does, which knows no factors: the critic whose turn comes later is clipped before it.
                clip_weights(self.pose_critic if factor == "pose" else self.appearance_critics, options["clip"])
            losses[f"{factor}_{network}"] = loss
        return losses

    def mapper_and_critic(self, factor: str) -> tuple[nn.Module, nn.Module]:
        """From noise to the codes of a factor, and what judges them."""
        if factor == "pose":
            return self.pose_mapper, self.pose_critic
        return self.appearance_mappers[factor], self.appearance_critics[factor]

    def turn(self, stage: str, updates: int) -> int | None:
        """Which of the updates of an iteration this step makes, None for all; brings the learning rates to where they are due."""
        iteration, turn = self.steps_in_stage[stage], None
        if self.hparams["updates"] == "alternate":
            iteration, turn = divmod(iteration, updates)
        if self.hparams["halve_every"]:
            for optimizer in self.trainer.optimizers:
                for group in optimizer.param_groups:
                    rate = group.setdefault("initial_lr", group["lr"])
                    group["lr"] = rate * 0.5 ** (iteration // self.hparams["halve_every"])
        return turn
