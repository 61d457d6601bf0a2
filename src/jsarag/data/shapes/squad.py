"""SQuAD as published, articles with paragraphs with questions, and its rows on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsarag.data import names
from jsarag.data.columns import Columns
from jsarag.data.names import absent, plain_name
from jsarag.data.shapes.base import Found, LeftOut, Made, Shape, Sheet
from jsarag.data.shapes.contexts import context_id
from jsarag.data.shapes.pairs import pair


def _paragraphs(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    inner = record.get("paragraphs")
    if isinstance(inner, list):
        return [one for one in inner if isinstance(one, Mapping)]
    return [record] if isinstance(record.get("qas"), list) else []


def _is_nested(sheet: Sheet) -> bool:
    return any(isinstance(one.get("qas"), list) for record in sheet.records[:100] for one in _paragraphs(record))


def _read_pairs(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    sheet.used |= {"paragraphs", "qas", "context", "title", "document_id"}
    sheet.has_ids = True
    for number, record in enumerate(sheet.records):
        for i, paragraph in enumerate(_paragraphs(record)):
            context = paragraph.get("context")
            optional = (context_id(context),) if isinstance(context, str) else ()
            for j, one in enumerate(paragraph.get("qas") or ()):
                answers = one.get("answers") or ([one["answer"]] if one.get("answer") else [])
                texts = dict.fromkeys(str(answer.get("text", "")) for answer in answers if isinstance(answer, Mapping))
                values = {"id": one.get("id"), "input": one.get("question"), "outputs": list(filter(None, texts))}
                made = {"id": f"{sheet.ids[number]}/{i}/{j}", "optional": optional}
                yield pair(number, values, {"input": "question", "outputs": "answers"}, **made)


def _read_passages(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    sheet.used |= {"paragraphs", "qas", "context", "title"}
    seen: set[str] = set()
    for number, record in enumerate(sheet.records):
        for paragraph in _paragraphs(record):
            context = paragraph.get("context")
            if absent(context):
                yield LeftOut(number, "paragraphs without text")
            elif (name := context_id(str(context))) not in seen:
                seen.add(name)
                values = {"title": str(record.get("title") or "").replace("_", " "), "text": context}
                yield Found(number, values, id=name)


def _is_flat(sheet: Sheet) -> bool:
    """Rows with a context and answers as lists of texts and their starts."""
    column = sheet.column(["answers"])
    return (
        column is not None
        and sheet.has(["context"])
        and sheet.has(["question"])
        and any(_has_starts(sheet.listed(record, column)) for record in sheet.records[:100])
    )


def _has_starts(value: Any) -> bool:
    return isinstance(value, Mapping) and {"text", "answerstart"} <= {plain_name(name) for name in value}


def _read_flat(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    taken = {"input": sheet.take(["question"]), "outputs": sheet.take(["answers"])}
    key, context = sheet.take_id(names.ID, columns.id, "id"), sheet.take(["context"])
    sheet.take(names.TITLE)
    for number, record in enumerate(sheet.records):
        values = {field: sheet.listed(record, name) for field, name in taken.items()}
        answers = values["outputs"]
        texts = answers.get("text") if isinstance(answers, Mapping) else answers
        values["outputs"] = list(dict.fromkeys(texts)) if isinstance(texts, list) else texts
        values["id"] = sheet.value(record, key)
        told = sheet.value(record, context)
        optional = (context_id(told),) if isinstance(told, str) and told.strip() else ()
        yield pair(number, values, {"input": "question", "outputs": "answers"}, optional=optional)


NESTED = Shape("SQuAD articles", _is_nested, _read_pairs)
PARAGRAPHS = Shape("SQuAD articles", _is_nested, _read_passages)
FLAT = Shape("SQuAD rows", _is_flat, _read_flat)
