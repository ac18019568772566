"""Names of the attributes of clothes in FashionGAN's data set, in the order of their ids.

S. Zhu et al., "Be Your Own Prada", ICCV 2017, for 78,979 pictures of DeepFashion. The names are not published; they were recovered
by asking the authors' trained encoder of sentences.
"""

CATEGORIES = ("blazer", "blouse", "bomber", "cardigan", "henley", "hoodie", "jacket", "jersey", "parka", "poncho", "sweater",
              "tank", "tee", "top", "coat", "dress", "jumpsuit", "kimono", "romper")  # fmt: skip
COLOURS = ("red", "blue", "white", "pink", "orange", "black", "brown", "green", "purple", "yellow", "khaki", "gray", "beige",
           "unknown", "silver", "olive", "multicolor")  # fmt: skip
GENDERS = ("female", "male")
SLEEVES = ("long", "short", "sleeveless", "other")
