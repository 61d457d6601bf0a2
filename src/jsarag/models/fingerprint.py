"""The files that a model is read from, and its weights, in fingerprints: another model at the same place is told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jsarag.models.resolve import resolve

READ = (".safetensors", ".bin", ".json", ".txt", ".model", ".jinja", ".tiktoken", ".spm", ".bpe")
"""How the names of files end that a model's folder is read for; weights for other programs are none of them."""
OTHERS = ("onnx", "openvino")
"""Folders with weights for other programs."""
PIECE = 64 * 2**20
"""Bytes that one thread hashes at a time."""
BUFFER = 2**20


def files(name: str, option: str) -> dict[str, str]:
    """A fingerprint of each file of a model that has been loaded before, by its path in the model's folder.

    All bytes count: SHA-256 of the SHA-256 of each `PIECE`. Of one on the hub those that are in the cache.
    """
    place = Path(resolve(name, option))
    if not place.exists():
        place = _cached(name) or place
    if place.is_file():
        return _fingerprints({place.name: place})
    return _fingerprints({str(file.relative_to(place)): file for file in sorted(_read(place))})


def add_weights(digest: Any, weights: Mapping[str, Tensor]) -> None:
    """Let a hash of hashlib take in weights: names and bytes, in the order of the names."""
    for name, weight in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())


def _read(folder: Path) -> Iterator[Path]:
    # What a folder holds beside the modules of sentence-transformers is not the model's: checkpoints, logs.
    entries = (folder.rglob if (folder / "modules.json").is_file() else folder.glob)("*")
    found = [file for file in entries if file.suffix in READ and file.is_file()]
    safe = {file.parent for file in found if file.suffix == ".safetensors"}
    for file in found:
        inside = file.relative_to(folder).parts
        left_out = any(part.startswith(".") or part in OTHERS for part in inside)
        if not left_out and not (file.suffix == ".bin" and file.parent in safe):
            yield file


def _cached(name: str) -> Path | None:
    """The folder of the cache that holds the revision in use."""
    from huggingface_hub import try_to_load_from_cache

    for file in ("config.json", "modules.json"):
        found = try_to_load_from_cache(name, file)
        if isinstance(found, str):
            return Path(found).parent
    return None


def _fingerprints(named: dict[str, Path]) -> dict[str, str]:
    pieces = [(name, start) for name, file in named.items() for start in range(0, max(file.stat().st_size, 1), PIECE)]
    whole = {name: hashlib.sha256() for name in named}
    with ThreadPoolExecutor() as pool:
        found: Iterable[bytes] = pool.map(lambda piece: _piece(named[piece[0]], piece[1]), pieces)
        for (name, _), digest in zip(pieces, found, strict=True):
            whole[name].update(digest)
    return {name: digest.hexdigest() for name, digest in whole.items()}


def _piece(file: Path, start: int) -> bytes:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        stream.seek(start)
        left = PIECE
        while left and (some := stream.read(min(BUFFER, left))):
            digest.update(some)
            left -= len(some)
    return digest.digest()
