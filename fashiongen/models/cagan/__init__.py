"""CAGAN: The Conditional Analogy GAN (Jetchev and Bergmann, ICCV workshops 2017)."""
