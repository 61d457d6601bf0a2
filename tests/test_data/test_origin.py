"""Where a passage was taken from is read from files, kept in an index, and written only as far as it is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jsarag.data import load_passages
from jsarag.files import write_jsonl
from jsarag.kb import KnowledgeBase
from jsarag.models import EncoderConfig, load_encoder
from jsarag.types import InputError, Passage
from tests import tiny

PLAIN = Passage("1", "Pets", "Pets are welcome.")
CITED = Passage("2", "Pets", "Dogs pay ten euros.", source="rules.pdf", page=3, start=0, end=19)


def test_own_passages_keep_their_origin(tmp_path: Path) -> None:
    """A record without an origin stays as short as it was."""
    file = tmp_path / "kb.jsonl"
    write_jsonl(file, (passage.record() for passage in (PLAIN, CITED)))
    assert json.loads(file.read_text().splitlines()[0]).keys() == {"id", "title", "text"}
    assert load_passages(file) == [PLAIN, CITED]


def test_a_table_writes_numbers_as_text(tmp_path: Path) -> None:
    file = tmp_path / "kb.csv"
    file.write_text("id,title,text,source,page,start,end\n1,Pets,Pets are welcome.,,,,\n")
    assert load_passages(file) == [PLAIN]
    file.write_text("id,title,text,source,page,start,end\n2,Pets,Dogs pay ten euros.,rules.pdf,3.0,0,19\n")
    assert load_passages(file) == [CITED]


def test_a_page_that_is_no_number_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kb.jsonl"
    write_jsonl(file, [PLAIN.record() | {"page": "three"}])
    with pytest.raises(InputError, match=r"kb\.jsonl:1: page: expected a whole number from 0 up, got 'three'"):
        load_passages(file)


def test_an_index_keeps_the_origin(tmp_path: Path) -> None:
    encoder = load_encoder(EncoderConfig(model=str(tiny.encoder(tmp_path / "encoder"))))
    kb = KnowledgeBase.build([PLAIN, CITED], encoder)
    kb.save(tmp_path / "index")
    assert KnowledgeBase.load(tmp_path / "index").passages == [PLAIN, CITED]
