"""FashionGAN: Be Your Own Prada (Zhu et al., ICCV 2017)."""
