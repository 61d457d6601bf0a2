"""Checks of configurations: templates are refused exactly where their use could not fill them in."""

from __future__ import annotations

from typing import Any

import pytest

import jsarag
from jsarag.data import HistoryConfig
from jsarag.models import EncoderConfig
from jsarag.models.prompt import PromptConfig
from jsarag.objectives import RWS
from jsarag.run import DataConfig, TrainConfig
from jsarag.training import LoopConfig
from jsarag.types import InputError

BRACES = r"expected only \{text\} and \{title\} in braces \(any other brace doubled\), got "


@pytest.mark.parametrize(
    ("passage", "message"),
    [
        ("{title}", r"expected a template holding \{text\}"),
        ("{{text}}", r"expected a template holding \{text\}"),
        ("{text} {foo}", BRACES),
        ("{text} {}", BRACES),
        ("{text", BRACES),
        ("{text}}", BRACES),
        ("{text:d}", BRACES),
        ("{text:{foo}}", BRACES),
        ("{text} {title[0]}", BRACES),
        ("{text} {title.upper}", BRACES),
    ],
)
def test_a_formatted_template_holds_its_fields_alone(passage: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"^generator.prompt.passage: {message}"):
        PromptConfig(passage=passage)
    with pytest.raises(InputError, match=rf"^encoder.passage: {message}"):
        EncoderConfig(passage=passage)


def test_formatted_templates_may_repeat_fields_and_hold_doubled_braces() -> None:
    PromptConfig(passage="{{{title}}} {title} {text:.500}")
    EncoderConfig(passage="{text}", query="{input} {input}", posterior="{output} {input} {output}")
    HistoryConfig(turn="{role}: {text}")


@pytest.mark.parametrize(
    ("name", "template", "message"),
    [
        ("template", "{passage}", r"expected a template holding \{input\}"),
        ("template", "{passage} {input} {input}", r"expected \{input\} once"),
        ("template", "{passage} {passage} {input}", r"expected \{passage\} once"),
        ("template", "{title} {passage} {input}", r"expected no field but \{passage\} and \{input\}"),
        ("no_passage", "{input} {input}", r"expected \{input\} once"),
        ("no_passage", "{passage} {input}", r"expected no field but \{input\}"),
    ],
)
def test_a_template_that_is_cut_holds_each_field_once(name: str, template: str, message: str) -> None:
    fields: dict[str, Any] = {name: template}
    with pytest.raises(InputError, match=rf"^generator.prompt.{name}: {message}"):
        PromptConfig(**fields)


def test_braces_are_text_where_a_template_is_cut() -> None:
    PromptConfig(template='{"text": "{passage}"} {foo} {{ } {input}', no_passage="{ {input}")


def test_other_templates_name_their_option() -> None:
    with pytest.raises(InputError, match=r"^encoder.query: expected only \{input\} in braces"):
        EncoderConfig(query="{input} {output}")
    with pytest.raises(InputError, match=r"^data.history.turn: expected only \{text\} and \{role\} in braces"):
        HistoryConfig(turn="{text} {title}")


def test_an_objective_may_be_its_name_and_anything_else_is_told() -> None:
    data = DataConfig("kb.jsonl", "pairs.jsonl")
    assert TrainConfig(data, objective="rws") == TrainConfig(data, objective=RWS())  # type: ignore[arg-type]
    wrong: dict[str, tuple[Any, str]] = {
        "objective": ("jsaa", r"^objective: expected one of .*; did you mean jsa\?$"),
        "loop": ({"steps": 3}, r"^loop: expected a LoopConfig, got {'steps': 3}$"),
        "encoder": ("all-MiniLM-L6-v2", r"^encoder: expected an EncoderConfig"),
        "data": ({"passages": "kb.jsonl"}, r"^data: expected a DataConfig"),
    }
    for name, (value, message) in wrong.items():
        fields: dict[str, Any] = {"data": data, name: value}
        with pytest.raises(InputError, match=message):
            TrainConfig(**fields)
    with pytest.raises(InputError, match=r"^objective: expected an objective such as"):
        TrainConfig(data, objective=RWS)  # type: ignore[arg-type]
    for given in ("run.yaml", {"data": data}):
        with pytest.raises(InputError, match=r"^config: expected a TrainConfig, such as `load_config` gives, got"):
            jsarag.train(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["3", None, True, [3]])
def test_what_is_no_number_is_told(value: Any) -> None:
    with pytest.raises(InputError, match=r"^loop.batch_size: expected a number above 0, got"):
        LoopConfig(batch_size=value)
    if value is not None:
        with pytest.raises(InputError, match=r"^loop.steps: expected a number above 0 or null, got"):
            LoopConfig(steps=value)
