"""A language model as transformers loads it, no weight of it drawn at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsarag.models.checks import check_causal, check_whole, masked
from jsarag.models.quiet import quiet
from jsarag.models.resolve import BROKEN, not_loadable


def whole_model(auto: Any, path: str | Path, name: str, **options: Any) -> Any:
    """The model ``name`` as the class ``auto`` of transformers loads it, no weight of it drawn at random.

    Raises:
        InputError: it cannot be loaded, is an encoder, or has weights that are missing in its files.
    """
    where = f"generator.model: {name}"
    try:
        with quiet():
            model, info = auto.from_pretrained(path, output_loading_info=True, ignore_mismatched_sizes=True, **options)
    except BROKEN as error:
        raise not_loadable(name, "generator.model", error) from None
    if not model.config.is_encoder_decoder and masked(model.config):
        check_causal(model.eval(), where)
    lost = {*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])}
    check_whole(lost, len(model.state_dict()), where)
    return model
