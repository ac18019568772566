"""The shipped configurations, `configs/<paper>/<preset>.yaml`, by name."""

from __future__ import annotations

from pathlib import Path

from fashiongen import registry

_CONFIGS = Path(__file__).parents[1] / "configs"


def configurations() -> list[str]:
    """Names of the shipped configurations."""
    return sorted(file.relative_to(_CONFIGS).with_suffix("").as_posix() for file in _CONFIGS.rglob("*.yaml"))


def configuration(name: str) -> Path:
    """The file of a configuration.

    Args:
        name: of a shipped one, or the path of a YAML file.

    Raises:
        KeyError: when it is neither, with the nearest names.
    """
    if Path(name).is_file():
        return Path(name)
    return _CONFIGS / f"{registry.find(name, configurations(), 'file or shipped configuration')}.yaml"
