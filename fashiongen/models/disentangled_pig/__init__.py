"""Disentangled PIG: Disentangled Person Image Generation (Ma et al., CVPR 2018)."""
