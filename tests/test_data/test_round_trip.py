"""Real data sets, converted elsewhere: written back in the published format, they convert to the same records.

The environment variable JSARAG_CONVERTED names the folder that holds ``doqa`` and ``dstc11``.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jsarag.data import load_examples, load_passages
from jsarag.data.sources import SOURCES, SPLITS, Options, convert
from jsarag.display import Silent
from jsarag.files import read_jsonl
from jsarag.types import Example, Passage, Turn

CONVERTED = Path(os.environ.get("JSARAG_CONVERTED", "/nowhere"))


def held(name: str) -> tuple[dict[str, Passage], dict[str, list[Example]]]:
    folder = CONVERTED / name
    if not folder.is_dir():
        pytest.skip(f"JSARAG_CONVERTED names no folder that holds {name}")
    passages = {passage.id: passage for passage in load_passages(folder / "passages.jsonl")}
    return passages, {split: [example(row) for _, row in read_jsonl(folder / f"{split}.jsonl")] for split in SPLITS}


def example(row: dict[str, Any]) -> Example:
    """A record as it stands: the published files hold empty answers, which loading refuses."""
    history = tuple(Turn(**turn) for turn in row["history"])
    if history and history[-1].text == row["input"]:
        history = history[:-1]
    return Example(row["id"], row["input"], tuple(row["outputs"]), tuple(row["gold"]), history)


def same(name: str, files: Path, out: Path, passages: dict[str, Passage], splits: dict[str, list[Example]]) -> None:
    convert(SOURCES[name], files, out, Options(), Silent())
    assert {passage.id: passage for passage in load_passages(out / "passages.jsonl")} == passages
    for split, examples in splits.items():
        kept = [stripped(example) for example in examples if example.outputs[0].strip()]
        assert load_examples(out / f"{split}.jsonl", passage_ids=passages) == kept


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def test_doqa(tmp_path: Path) -> None:
    passages, splits = held("doqa")
    for split, examples in splits.items():
        dialogs: list[tuple[str, list[tuple[str, str]]]] = []
        count = 0  # turns so far; those that nobody answered are known from histories alone
        for example in examples:
            number = int(example.id.rpartition("/")[2])
            texts = [turn.text for turn in example.history]
            past = list(zip(texts[::2], texts[1::2], strict=True))
            begins = number - len(past)
            if begins >= count:
                unknown = [("?", "CANNOTANSWER")] * (begins - count)
                if dialogs:
                    dialogs[-1][1].extend(unknown)
                elif unknown:
                    dialogs.append((example.gold[0], unknown))
                dialogs.append((example.gold[0], []))
            turns = dialogs[-1][1]
            turns[:] = [*past, (example.input, example.outputs[0])]
            count = number + 1
        data = [
            {
                "title": "t",
                "paragraphs": [
                    {
                        "context": f"{passages[post].text} CANNOTANSWER",
                        "qas": [
                            {"question": question, "answers": [{"text": answer, "answer_start": 0}]}
                            for question, answer in turns
                        ],
                    }
                ],
            }
            for post, turns in dialogs
        ]
        write(tmp_path / f"files/doqa-cooking-{split}-v2.1.json", {"data": data})
    same("doqa", tmp_path / "files", tmp_path / "out", passages, splits)


def test_dstc11(tmp_path: Path) -> None:
    passages, splits = held("dstc11")
    knowledge: dict[str, dict[str, Any]] = {}
    for passage in passages.values():
        domain, entity, kind, document, *sentence = passage.id.split("/")
        known = knowledge.setdefault(domain, {}).setdefault(
            entity, {"name": passage.title.upper(), "reviews": {}, "faqs": {}}
        )
        if kind == "review":
            review = known["reviews"].setdefault(document, {"traveler_type": "", "sentences": {}})
            review["sentences"][sentence[0]] = passage.text
        else:
            question, _, answer = passage.text.partition(" ")
            known["faqs"][document] = {"question": question, "answer": answer}
    # The held folder took its three splits from the published validation split: here they are that again.
    examples = sorted((e for part in splits.values() for e in part), key=lambda e: int(e.id.partition("/")[2]))
    size = int(examples[-1].id.partition("/")[2]) + 1
    logs: list[Any] = [[{"speaker": "U", "text": "hello"}]] * size
    labels: list[Any] = [{"target": False}] * size
    for example in examples:
        number = int(example.id.partition("/")[2])
        speakers = {"user": "U", "system": "S"}
        logs[number] = [{"speaker": speakers[t.role], "text": t.text} for t in example.history]
        logs[number].append({"speaker": "U", "text": example.input})
        labels[number] = {
            "target": True,
            "knowledge": [snippet(p) for p in example.gold],
            "response": example.outputs[0],
        }
    write(tmp_path / "files/knowledge.json", knowledge)
    write(tmp_path / "files/val/logs.json", logs)
    write(tmp_path / "files/val/labels.json", labels)
    convert(SOURCES["dstc11"], tmp_path / "files", tmp_path / "out", Options(("dev",)), Silent())
    assert {p.id: p for p in load_passages(tmp_path / "out/passages.jsonl")} == passages
    assert load_examples(tmp_path / "out/dev.jsonl", passage_ids=passages) == [stripped(e) for e in examples]


def snippet(name: str) -> dict[str, Any]:
    domain, entity, kind, document, *sentence = name.split("/")
    numbers = {"sent_id": int(sentence[0])} if sentence else {}
    return {"domain": domain, "entity_id": int(entity), "doc_type": kind, "doc_id": int(document)} | numbers


def stripped(example: Example) -> Example:
    turns = tuple(replace(turn, text=turn.text.strip()) for turn in example.history)
    outputs = tuple(output.strip() for output in example.outputs)
    return replace(example, input=example.input.strip(), outputs=outputs, history=turns)
