"""VITON: An Image-based Virtual Try-on Network (Han et al., CVPR 2018)."""
