"""Deformable GANs for Pose-based Human Image Generation (CVPR 2018)."""
