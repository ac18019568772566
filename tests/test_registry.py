import importlib
from pathlib import Path

import pytest

from fashiongen import registry


def test_every_path_leads_to_a_class():
    for card in [*registry.CARDS.values(), *registry.DATA.values()]:
        module, _, name = card.path.partition(":")
        assert isinstance(getattr(importlib.import_module(module), name), type)


def test_cards_agree_with_the_classes_and_the_shipped_files():
    package = Path(registry.__file__).parent
    for name, card in registry.CARDS.items():
        model = registry.model_class(name)
        assert model.name == name
        assert all(hasattr(model, verb) for verb in card.verbs)
        assert model.needs_to_train | model.needs_to_run <= set(registry.ANNOTATIONS)
        assert {path.stem for path in (package / "configs" / name).glob("*.yaml")} == set(card.presets)
        for weights in card.pretrained:
            assert (package / "weights" / weights / "model.safetensors").exists()
    for name, card in registry.DATA.items():
        assert registry.data_class(name).provides == card.provides


def test_filters():
    assert registry.list_models() == list(registry.MODELS)
    assert "viton" in registry.list_models(task="try-on", pretrained=True, data="mannequin")
    assert registry.list_models(data="nowhere") == []


def test_unknown_names_suggest():
    with pytest.raises(KeyError, match="there is no model 'vitom'; did you mean viton"):
        registry.info("vitom")
    with pytest.raises(KeyError, match="did you mean try-on"):
        registry.list_models(task="tryon")
