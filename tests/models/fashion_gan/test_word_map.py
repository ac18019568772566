import pytest
from scipy.io import savemat

from fashiongen.models.fashion_gan.word_map import read_word_map


def test_files_without_a_map_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.mat"):
        read_word_map(tmp_path / "absent.mat")
    savemat(tmp_path / "other.mat", {"words": [1, 2, 3]})
    (tmp_path / "text.mat").write_text("the lady" * 100)
    (tmp_path / "empty.mat").write_bytes(b"")
    for name in ("other.mat", "text.mat", "empty.mat"):
        with pytest.raises(ValueError, match=rf"{name} is no map from words to numbers"):
            read_word_map(tmp_path / name)
