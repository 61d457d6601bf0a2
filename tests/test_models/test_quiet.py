"""Loading models says nothing that a user has no use for."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from transformers.utils import logging

from jsarag.models import EncoderConfig, GeneratorConfig, LoraConfig, load_encoder, load_generator
from jsarag.models.quiet import quiet


def test_no_bar_and_no_warning_of_other_packages_is_seen(
    causal_model: Path, encoder_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    was = logging.is_progress_bar_enabled()
    logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            load_generator(GeneratorConfig(model=str(causal_model), lora=LoraConfig(rank=2), precision="fp32"))
            load_encoder(EncoderConfig(model=str(encoder_model), precision="fp32"))
        assert capfd.readouterr().err == ""
        with quiet():
            assert not logging.is_progress_bar_enabled()
        assert logging.is_progress_bar_enabled()  # as the program had chosen
    finally:
        if not was:
            logging.disable_progress_bar()  # type: ignore[no-untyped-call]
