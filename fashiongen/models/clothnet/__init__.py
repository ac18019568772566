"""ClothNet: A Generative Model of People in Clothing (Lassner et al., ICCV 2017)."""
