"""Checks of configurations: templates are refused exactly where their use could not fill them in."""

from __future__ import annotations

from typing import Any

import pytest

from jsarag.data import HistoryConfig
from jsarag.models import EncoderConfig
from jsarag.models.prompt import PromptConfig
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
