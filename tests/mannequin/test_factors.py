"""Identities, poses, outfits and cameras stay inside their limits."""

import torch

from fashiongen.mannequin.camera import sample_camera
from fashiongen.mannequin.identity import HairStyle, presentation, sample_identity
from fashiongen.mannequin.outfit import TUCKED_HEM, sample_outfit
from fashiongen.mannequin.pose import Family, sample_pose

SEEDS = torch.arange(2000) * 7919


def test_identities() -> None:
    identity = sample_identity(SEEDS)
    assert torch.equal(identity.presentation, presentation(SEEDS))
    assert ((identity.presentation < 0.09) | (identity.presentation > 0.91)).all()
    assert 0.4 < (identity.presentation > 0.5).float().mean() < 0.6
    assert identity.girth.min() >= 0.90
    assert identity.girth.max() <= 1.18
    for colour in (identity.skin, identity.hair, identity.eye, identity.lip):
        assert colour.min() >= 0
        assert colour.max() <= 1.01
    assert set(identity.hair_style.tolist()) == {int(style) for style in HairStyle}
    assert (identity.beard[identity.presentation > 0.5] == 0).all()


def test_poses() -> None:
    pose = sample_pose(SEEDS)
    abduction, flexion, twist, elbow = pose.arms.unbind(2)
    assert abduction.min() >= -5
    assert abduction.max() <= 150
    assert flexion.abs().max() <= 120
    assert twist.abs().max() <= 95
    assert elbow.min() >= 2
    assert elbow.max() <= 140
    assert pose.legs[..., 3].min() >= 2
    assert pose.legs[..., 3].max() <= 60
    turned = (pose.yaw + 180) % 360 - 180
    assert 0.4 < (turned.abs() <= 28).float().mean() < 0.62
    drawn = set(pose.family.tolist())
    assert drawn == {int(family) for family in Family} - {int(Family.T_POSE)}


def test_outfits() -> None:
    outfit = sample_outfit(SEEDS)
    feminine = presentation(SEEDS) > 0.5
    assert not outfit.dress[~feminine].any()
    assert not outfit.skirt[~feminine].any()
    assert 0.05 < outfit.dress.float().mean() < 0.25
    assert (outfit.top_hem[outfit.tucked] == TUCKED_HEM).all()
    assert (outfit.bare_leg[outfit.dress] == outfit.top.hem[outfit.dress]).all()
    assert not (outfit.belt & outfit.coat).any()
    assert (outfit.coat_hem > outfit.top.hem)[outfit.dress].all()


def test_cameras() -> None:
    upper, full = sample_camera(SEEDS, "upper"), sample_camera(SEEDS, "full")
    assert full.full.all()
    assert not upper.full.any()
    assert (upper.scale > 1.4).all()
    assert ((full.ground - full.scale * 1.03) > 0).all()
