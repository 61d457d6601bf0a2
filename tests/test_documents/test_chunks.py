"""Passages of documents: no longer than the encoder reads, broken where a person would, with their places."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsarag.documents import Document, Raw, read_document
from jsarag.documents.chunks import chunks_of, chunks_of_row, short_title
from jsarag.documents.document import Draft
from jsarag.documents.measure import Measure
from jsarag.models import EncoderConfig, load_encoder
from jsarag.models.encoder.sentence_encoder import SentenceEncoder
from jsarag.types import InputError, Passage
from tests.test_documents import made
from tests.test_documents.test_formats import CASES


@pytest.fixture(scope="module")
def encoder(encoder_model: Path) -> SentenceEncoder:
    return load_encoder(str(encoder_model))


@pytest.fixture
def measure(encoder: SentenceEncoder) -> Measure:
    """At most 24 tokens: [CLS], [SEP], the title, a full stop, the text."""
    return Measure.of(encoder, 24)


def words(count: int, word: str = "lamp") -> str:
    return " ".join([word] * count)


def letters(*texts: str) -> list[str]:
    return list(filter(str.isalnum, "".join(texts)))


def document(*parts: str | tuple[int, str] | tuple[str, str]) -> Document:
    """Text, (level, heading), or (kind, text)."""
    draft = Draft()
    for part in parts:
        if isinstance(part, str):
            draft.add(part)
        elif isinstance(part[0], int):
            draft.heading(part[0], part[1])
        else:
            draft.add(part[1], "code" if part[0] == "code" else "table")
    return draft.document()


def made_of(found: Document, measure: Measure) -> list[tuple[str, str]]:
    chunks = list(chunks_of(found, measure))
    for chunk in chunks:
        assert chunk.start is not None
        assert found.text[chunk.start : chunk.end] == chunk.text
        assert measure.fits(chunk.title, chunk.text)
    return [(chunk.title, chunk.text) for chunk in chunks]


def test_count_is_what_the_encoder_reads(encoder: SentenceEncoder, measure: Measure) -> None:
    for title, text in (("", "red lamp"), ("boat", "red lamp"), ("a b", "what?! x"), ("{title}", "{text}")):
        assert measure.count(title, text) == encoder.passage_lengths([Passage("", title, text)])[0]


@pytest.mark.parametrize("template", ["{title}. {text}", "passage: {title} {text}", "{text}", "{text} ({title})"])
def test_count_by_other_templates(template: str, encoder_model: Path) -> None:
    encoder = load_encoder(EncoderConfig(str(encoder_model), passage=template))
    measure = Measure.of(encoder)
    assert measure.limit == encoder.passage_limit == 64
    for title in ("", "boat key"):
        assert measure.count(title, "red lamp") == encoder.passage_lengths([Passage("", title, "red lamp")])[0]


@pytest.mark.parametrize("tokens", [15, 65])
def test_limit_is_refused(tokens: int, encoder: SentenceEncoder) -> None:
    with pytest.raises(InputError, match=rf"^--tokens: expected 16 to the 64 that .* reads, got {tokens}$"):
        Measure.of(encoder, tokens)


def test_blocks_of_a_section_are_packed(measure: Measure) -> None:
    """24 tokens, less 2 marks, "boat" and its full stop: 20 words fit."""
    found = document((1, "boat"), f"{words(7)}.", f"{words(11)}.", words(5), (2, "key"), words(3))
    assert made_of(found, measure) == [
        ("boat", f"{words(7)}.\n\n{words(11)}."),
        ("boat", words(5)),
        ("boat > key", words(3)),
    ]


def test_a_heading_between_ends_a_passage(measure: Measure) -> None:
    """Sections of one name, one after the other, are two."""
    found = document((1, "boat"), words(2), (2, "key"), words(3), (2, "key"), words(4))
    assert [len(text.split()) for _, text in made_of(found, measure)] == [2, 3, 4]


def test_one_token_more_does_not_fit(measure: Measure) -> None:
    found = document((1, "boat"), f"{words(7)}.", f"{words(12)}.")
    assert [len(text.split()) for _, text in made_of(found, measure)] == [7, 12]


def test_sentences_stay_whole(measure: Measure) -> None:
    sentence = f"Ada {words(7)}."
    found = document((1, "boat"), " ".join([sentence] * 5))
    assert made_of(found, measure) == [("boat", f"{sentence} {sentence}")] * 2 + [("boat", sentence)]


def test_code_breaks_between_lines(measure: Measure) -> None:
    code = "\n".join(f"  {words(6)}" for _ in range(5))
    found = document((1, "boat"), words(3), ("code", code))
    lines = code.split("\n")
    assert made_of(found, measure) == [
        ("boat", words(3)),
        ("boat", "\n".join(lines[:3])),
        ("boat", "\n".join(lines[3:])),
    ]


def test_table_keeps_its_head(measure: Measure) -> None:
    """What follows the first part of a table has the row of its columns' names in its title."""
    rows = [f"red {words(5)}" for _ in range(6)]
    found = document((1, "boat"), ("table", "\n".join(["key | bell", *rows])))
    parts = made_of(found, measure)
    assert parts[0] == ("boat", "\n".join(["key | bell", *rows[:2]]))
    assert {title for title, _ in parts[1:]} == {"boat > key | bell"}
    assert "\n".join(text for _, text in parts) == "\n".join(["key | bell", *rows])


def test_small_table_stays_with_its_text(measure: Measure) -> None:
    found = document((1, "boat"), words(3), ("table", "key | bell\nred | blue"), words(3))
    assert len(made_of(found, measure)) == 1


def test_a_line_that_leads_in_goes_with_what_follows(measure: Measure) -> None:
    found = document((1, "boat"), f"{words(12)}.", "the key is :", ("code", words(12)))
    assert made_of(found, measure) == [
        ("boat", f"{words(12)}."),
        ("boat", f"the key is :\n\n{words(12)}"),
    ]


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (("boat",), "boat"),
        (("boat", "red key", "bell"), "boat > red key > bell"),
        (("boat", words(4), words(4), "bell"), "boat > bell"),
        ((words(6, "red"), words(6)), words(6)),
        ((words(40),), words(5)),
        ((), ""),
    ],
)
def test_long_titles(headings: tuple[str, ...], expected: str, measure: Measure) -> None:
    """A title has at most a third of the tokens: 8."""
    assert short_title(headings, measure) == expected


def test_rows_of_tables_are_broken_as_well(measure: Measure) -> None:
    """And each part is in the place of the row."""
    parts = list(chunks_of_row(Passage("", "boat", words(30), start=7, end=8), measure))
    assert [part.text for part in parts] == [words(20), words(10)]
    assert {(part.title, part.start, part.end) for part in parts} == {("boat", 7, 8)}


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("tokens", [16, 24, 64])
def test_every_format_in_place(kind: str, tokens: int, encoder: SentenceEncoder) -> None:
    """Of each file: places, order, the limit by the encoder itself, and no block lost."""
    name, data, _, expected = CASES[kind]
    found = read_document(Raw(name, data))
    chunks = list(chunks_of(found, Measure.of(encoder, tokens)))
    assert [found.text[c.start : c.end] for c in chunks] == [c.text for c in chunks]
    assert all(a.end <= b.start for a, b in pairwise(chunks) if a.end is not None and b.start is not None)
    lengths = encoder.passage_lengths([Passage("", c.title, c.text) for c in chunks])
    assert max(lengths) <= tokens
    assert sorted(letters(*(c.text for c in chunks))) == sorted(letters(*(text for *_, text in expected)))


BLOCK = st.one_of(
    st.text(alphabet="ab .:\n|-é漢", min_size=1, max_size=200),
    st.tuples(st.integers(1, 4), st.text(alphabet="ab é", max_size=60)),
    st.tuples(st.sampled_from(["code", "table"]), st.text(alphabet="ab |\n", max_size=200)),
)


@settings(deadline=None, max_examples=30)
@given(st.lists(BLOCK, min_size=1, max_size=8))
def test_any_document(encoder_model: Path, parts: list[str | tuple[int, str] | tuple[str, str]]) -> None:
    """Nothing with a letter is lost, nothing is twice, each passage is in its place and fits."""
    measure = _measures.setdefault(encoder_model, Measure.of(load_encoder(str(encoder_model)), 16))
    found = document("a", *parts)
    chunks = list(chunks_of(found, measure))
    for chunk in chunks:
        assert found.text[chunk.start : chunk.end] == chunk.text
        assert measure.fits(chunk.title, chunk.text)
    assert all(a.end <= b.start for a, b in pairwise(chunks) if a.end is not None and b.start is not None)
    blocks = "".join(found.text[block.start : block.end] for block in found.blocks)
    assert letters(*(chunk.text for chunk in chunks)) == letters(blocks)


_measures: dict[Path, Measure] = {}


def test_pages_are_kept(measure: Measure) -> None:
    """A passage over two pages has the page on which it begins."""
    pages = [[(11.0, 700.0, words(12))], [(11.0, 700.0, words(6))], [(11.0, 700.0, words(20))]]
    chunks = list(chunks_of(read_document(Raw("a.pdf", made.pdf(pages))), measure))
    assert [(chunk.page, len(chunk.text.split())) for chunk in chunks] == [(1, 18), (3, 20)]
