"""Where a model came from before it was trained, and under which licence, as far as this machine can tell."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jsarag.models.resolve import PACKAGED, at, resolve


@dataclass(frozen=True)
class Base:
    """A model before training.

    Attributes:
        name: What others may call the model: the id on the hub, the packaged name, the name of a local file or folder.
        told: Where its weights came from, in words.
        hub: Its id on the hub, if its weights are those of the hub.
        local: Whether the model lies on this machine alone.
        licence: Its licence; empty where that is not known here.
    """

    name: str
    told: str
    hub: str = ""
    local: bool = False
    licence: str = ""


def base_of(model: str) -> Base:
    """The base that a setting ``encoder.model`` or ``generator.model`` names."""
    place = at(model)
    if place.is_file():
        return Base(place.name, f"unpacked from the local file {place.name}", local=True)
    if place.exists():
        return Base(place.name, f"the local folder {place.name}", local=True, licence=_licence(place / "README.md"))
    found, packaged = Path(resolve(model, "model")), PACKAGED.get(model.rsplit("/", 1)[-1])
    if packaged is not None and found.exists():
        carrier = f"the package {packaged.package} (`{packaged.install}`)"
        unpacked = f"unpacked from {found.name} of {carrier}, not the weights of the hub"
        return Base(model, unpacked if found.suffix == ".gguf" else carrier, licence=packaged.licence)
    return Base(model, "the hub", hub=model, licence=_of_hub(model))


def _of_hub(name: str) -> str:
    from huggingface_hub import try_to_load_from_cache

    card = try_to_load_from_cache(name, "README.md")
    return _licence(Path(card)) if isinstance(card, str) else ""


def _licence(card: Path) -> str:
    """What the front matter of a model card says."""
    from huggingface_hub import metadata_load

    with suppress(Exception):  # whatever people write there
        return str((metadata_load(card) or {}).get("license") or "") if card.is_file() else ""
    return ""
