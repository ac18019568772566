import json

import pytest
import torch

from fashiongen.mannequin import World
from fashiongen.mannequin import captions as world_captions
from fashiongen.mannequin.captions import describe
from fashiongen.mannequin.rendering import outfit_attributes
from fashiongen.models.fashion_gan.text import (
    HEADS,
    UNSAID,
    VOCABULARY,
    Attributes,
    LanguageEncoder,
    Vocabulary,
    read_attributes,
    read_vocabulary,
    words,
)


def test_words_of_the_first_line_without_full_stops():
    assert words(" the lady wore a tee.. \nsecond line") == ["the", "lady", "wore", "a", "tee"]
    assert words("the t.shirt") == ["the", "t.shirt"]
    assert words(" \n ") == []


def test_the_sentences_of_the_mannequin_world_are_understood():
    world = World(32, 32)
    index = torch.arange(3000)
    truth = outfit_attributes(world.identity(index), world.outfit(index))
    sentences = describe(truth, index)
    vocabulary = Vocabulary(VOCABULARY)
    numbers = [vocabulary.encode(sentence) for sentence in sentences]
    read = read_attributes(sentences)
    for name in ("category", "colour", "gender", "sleeve"):
        assert torch.equal(getattr(read, name), getattr(truth, name))
    spoken = {VOCABULARY[number] for each in numbers for number in each}
    details = {word for detail in world_captions.DETAILS for word in detail.split()} | {"with"}
    assert set(VOCABULARY) - spoken <= details, "words that the world never says"
    assert details <= set(VOCABULARY)


def test_what_a_sentence_does_not_say():
    read = read_attributes(["someone wears clothes", "The Lady wore a silver kimono"])
    assert [each.tolist() for each in read] == [[UNSAID, 17], [16, 14], [UNSAID, 0], [3, 3]]
    assert [len(each) for each in read_attributes([])] == [0, 0, 0, 0]


def test_unknown_words_are_named_with_the_nearest_ones():
    vocabulary = Vocabulary(VOCABULARY)
    with pytest.raises(ValueError, match=r"unknown word 'dres' \(did you mean dress\?\).*unknown word 'xyzzy'\."):
        vocabulary.encode("the lady wore a red dres xyzzy")
    with pytest.warns(UserWarning, match="is read without dres, xyzzy, which the model does not know"):
        numbers = vocabulary.encode("the lady wore a red dres xyzzy", unknown="skip")
    assert numbers == vocabulary.encode("the lady wore a red")
    with pytest.raises(ValueError, match="unknown word 'xyzzy'"):
        vocabulary.encode("xyzzy", unknown="skip")
    with pytest.raises(ValueError, match="has no words"):
        vocabulary.encode(" . ")
    with pytest.raises(ValueError, match="unknown is 'error' or 'skip', not 'drop'"):
        vocabulary.encode("the lady", unknown="drop")
    assert vocabulary.encode("The LADY") == vocabulary.encode("the lady") == [0, 1]


def test_words_stand_once():
    with pytest.raises(ValueError, match="each word once; the"):
        Vocabulary(["the", "lady", "the"])
    with pytest.raises(ValueError, match="this one is empty"):
        Vocabulary([])


def test_random_sentences_are_made_of_known_words():
    vocabulary = Vocabulary(VOCABULARY)
    torch.manual_seed(0)
    sentences = [vocabulary.compose("girl") for _ in range(50)]
    assert len(set(sentences)) > 40
    for sentence in sentences:
        assert vocabulary.encode(sentence) and vocabulary.subject(sentence) == "girl"
        assert (" an " in sentence) == (words(sentence)[words(sentence).index("wearing") + 2][0] in "aeiou")
    assert vocabulary.subject(None) is None
    with pytest.raises(ValueError, match="cannot say who wears what"):
        Vocabulary(["the", "tee"]).compose()


def test_vocabularies_are_read_from_files(tmp_path):
    (tmp_path / "words.txt").write_text("the\nlady\n\ntee\n")
    (tmp_path / "list.json").write_text(json.dumps(["the", "lady", "tee"]))
    (tmp_path / "numbers.json").write_text(json.dumps({"tee": 3, "the": 1, "lady": 2}))
    for name in ("words.txt", "list.json", "numbers.json"):
        assert read_vocabulary(tmp_path / name) == ["the", "lady", "tee"]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("gap.json", '{"the": 1, "tee": 3}', "does not number its 2 words from 1 to 2"),
        ("odd.json", '{"the": 1, "tee": null}', "does not number its 2 words"),
        ("cut.json", '{"the": 1', "not readable as words"),
        ("number.json", "3", "holds no words"),
        ("mixed.json", '["the", 2]', "holds no words"),
        ("empty.txt", "", "holds no words"),
    ],
)
def test_files_without_a_vocabulary_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=rf"{name}.*{message}"):
        read_vocabulary(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="absent"):
        read_vocabulary(tmp_path / "absent.txt")


def test_codes_do_not_depend_on_the_other_sentences_of_a_batch():
    torch.manual_seed(0)
    encoder = LanguageEncoder(6, code=5)
    sentences = [[0, 1, 2], [3], [4, 5, 1, 0, 2]]
    together = encoder(sentences)
    assert together.shape == (3, 5) and (together.abs() < 1).all()
    for code, sentence in zip(together, sentences, strict=True):
        torch.testing.assert_close(encoder([sentence])[0], code)
    assert {name: tuple(logits.shape) for name, logits in encoder.classify(together).items()} == {
        name: (3, classes) for name, classes in HEADS.items()
    }


def test_what_is_unsaid_takes_no_part_in_the_losses():
    torch.manual_seed(0)
    encoder = LanguageEncoder(6, code=5)
    code = encoder([[0, 1], [2]])
    said = Attributes(*torch.tensor([[4, 4], [1, 2], [0, 1], [3, 0]]))
    losses = encoder.losses(code, said)
    expected = torch.nn.functional.cross_entropy(encoder.classify(code)["category"], said.category)
    torch.testing.assert_close(losses["category"], expected)
    torch.testing.assert_close(losses["total"], sum(losses[name] for name in HEADS))
    silent = encoder.losses(code, said._replace(gender=torch.tensor([UNSAID, UNSAID])))
    assert silent["gender"] == 0 and silent["category"] == losses["category"]
