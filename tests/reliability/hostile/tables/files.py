"""Data files that are damaged, packed to burst, or wrong in a record, in every format and by every road."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache

import openpyxl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from tests.reliability.hostile import stand
from tests.reliability.hostile.case import Case
from tests.reliability.hostile.tables.settings import write

NAMES = ("id", "input", "outputs")
ROWS = [{"id": str(n), "input": f"where is lamp {n} ?", "outputs": f"tower {n}"} for n in range(12)]
Road = Callable[[str], tuple[str, ...]]
PAIRS: dict[str, Road] = {
    "train": lambda file: (*stand.TRAIN, "--data.train", file),
    "evaluate": lambda file: (*stand.EVALUATE, "--data", file),
    "split": lambda file: ("split", file, "--out", "pairs"),
}
PASSAGES: dict[str, Road] = {
    "index": lambda file: ("index", "--passages", file, *stand.ENCODER, "--out", "indexes/new"),
    "train, passages": lambda file: (*stand.TRAIN, "--data.passages", file),
    "ask --kb": lambda file: (*stand.ASK, "--kb", file),
}
ALL = PAIRS | PASSAGES


def sheet() -> bytes:
    """The rows as a workbook."""
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (NAMES, *(tuple(row.values()) for row in ROWS)):
        book.active.append(row)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def parquet() -> bytes:
    """The rows as a Parquet table."""
    made = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), made)
    return made.getvalue()


def arrow() -> bytes:
    """The rows as an Arrow stream."""
    made = io.BytesIO()
    table = pa.Table.from_pylist(ROWS)
    with pyarrow.ipc.new_stream(made, table.schema) as stream:
        stream.write_table(table)
    return made.getvalue()


@cache
def sound() -> dict[str, bytes]:
    """The rows in every format."""
    table = [NAMES, *(tuple(row.values()) for row in ROWS)]
    jsonl = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    return {
        ".jsonl": jsonl,
        ".json": json.dumps(ROWS).encode(),
        ".csv": "".join(",".join(row) + "\n" for row in table).encode(),
        ".tsv": "".join("\t".join(row) + "\n" for row in table).encode(),
        ".xlsx": sheet(),
        ".parquet": parquet(),
        ".arrow": arrow(),
        ".jsonl.gz": gzip.compress(jsonl),
    }


PACKED = (".xlsx", ".parquet", ".arrow", ".jsonl.gz")
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda raw: b"",
    "blank": lambda raw: b" \n\n\t\n",
    "garbage": lambda raw: bytes(range(256)) * 8,
    "zeros": lambda raw: bytes(5000),
    "half": lambda raw: raw[: len(raw) // 2],
    "a bit flipped": lambda raw: raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 0xFF]) + raw[len(raw) // 2 + 1 :],
    "a byte of no text": lambda raw: raw[:20] + b"\xff\xfe\xfd" + raw[20:],
    "a NUL": lambda raw: raw[:20] + b"\0" + raw[20:],
    "a gzip file": gzip.compress,
    "a program": lambda raw: b"\x7fELF" + bytes(range(256)) * 4,
    "a pointer of Git LFS": lambda raw: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
}
CELLS = ("half", "a bit flipped", "a byte of no text")
LAST = {".jsonl": CELLS[:2], ".csv": CELLS, ".tsv": CELLS, ".xlsx": CELLS[2:]}
"""Damage that leaves what may well be meant: fewer rows, another character, text in an older encoding."""


def zeros(size: int) -> bytes:
    """Zeros, packed by gzip; nothing is made larger than the result."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


def bomb(name: str) -> bytes:
    """A workbook whose sheet unpacks to two gigabytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sheet())) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != name:
                new.writestr(entry.filename, old.read(entry))
        with new.open(name, "w", force_zip64=True) as file:
            for _ in range(2048):
                file.write(b" " * (1 << 20))
    return made.getvalue()


def line(**fields: object) -> bytes:
    """A record."""
    return json.dumps(fields).encode() + b"\n"


GOOD = line(id="1", input="where ?", outputs=["here"])
RECORDS: dict[str, bytes] = {
    "null": b"null\n",
    "a number": b"5\n",
    "a text": b'"x"\n',
    "a list": b"[1, 2]\n",
    "nothing in it": b"{}\n",
    "no answer key": line(id="2", input="where ?", answer5="x"),
    "an open bracket": b'{"id": "2", "input": \n',
    "a key twice": b'{"id": "2", "input": "where ?", "input": "who ?", "outputs": ["x"]}\n',
    "an id twice": GOOD,
    "an id in another Unicode form": line(id="caf\u00e9", input="a ?", outputs=["x"])
    + line(id="cafe\u0301", input="b ?", outputs=["x"]),
    "an id with blanks": line(id=" 1 ", input="a ?", outputs=["x"]),
    "an id with a blank of no width": line(id="1\u200b", input="a ?", outputs=["x"]),
    "an id that is a list": line(id=[1], input="a ?", outputs=["x"]),
    "an id that is true": line(id=True, input="a ?", outputs=["x"]),
    "an id that is blank": line(id="  ", input="a ?", outputs=["x"]),
    "a question that is a list": line(id="2", input=[1], outputs=["x"]),
    "a question that is a number": line(id="2", input={"a": 1}, outputs=["x"]),
    "answers that are objects": line(id="2", input="a ?", outputs=[{"a": 1}]),
    "an answer that is blank": line(id="2", input="a ?", outputs=[" "]),
    "a gold passage that is none": line(id="2", input="a ?", outputs=["x"], gold=["nothing"]),
    "a gold passage that is a number": line(id="2", input="a ?", outputs=["x"], gold=[{"a": 1}]),
    "a grade below zero": line(id="2", input="a ?", outputs=["x"], gold={"lamp/red": -1}),
    "a grade that is a fraction": line(id="2", input="a ?", outputs=["x"], gold={"lamp/red": 0.5}),
    "a history that is a number": line(id="2", input="a ?", outputs=["x"], history=5),
    "a turn that is a list": line(id="2", input="a ?", outputs=["x"], history=[["a"]]),
    "NaN": b'{"id": "2", "input": NaN, "outputs": ["x"]}\n',
    "half a character": b'{"id": "2", "input": "\\ud800", "outputs": ["x"]}\n',
    "an integer of 5,000 digits": b'{"id": ' + b"9" * 5000 + b', "input": "a ?", "outputs": ["x"]}\n',
    "deep": b'{"id": "2", "input": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "a bad byte": b'{"id": "2", "input": "\xff", "outputs": ["x"]}\n',
}
TELLS = ("a gold passage that is none",)
"""Of `split` without passages, which cannot tell."""
KNOWLEDGE: dict[str, bytes] = {
    "null": b"null\n",
    "nothing in it": b"{}\n",
    "a key twice": b'{"id": "2", "text": "a", "text": "b"}\n',
    "an id twice": line(id="1", text="again"),
    "an id in another Unicode form": line(id="caf\u00e9", text="a") + line(id="cafe\u0301", text="b"),
    "an id with blanks": line(id=" 1", text="a"),
    "an id that is an object": line(id={"a": 1}, text="a"),
    "a text that is a list": line(id="2", text=["a"]),
    "a text that is blank": line(id="2", text=" "),
    "a text that is null": line(id="2", text=None),
    "a title that is a list": line(id="2", title=["a"], text="a"),
    "a page that is a text": line(id="2", text="a", page="x"),
    "half a character": b'{"id": "2", "text": "\\udc00"}\n',
    "deep": b'{"id": "2", "text": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_000 + b"}\n",
}
TABLES: dict[str, tuple[str, bytes]] = {
    "a name twice": (".csv", b"input,outputs,input\na ?,x,b ?\n"),
    "no names": (".csv", b",,\na,b,c\n"),
    "more cells than names": (".csv", b"input,outputs\na ?,x,y,z\n"),
    "an open quote": (".csv", b'input,outputs\n"a ?,x\n'),
    "an open quote over megabytes": (".csv", b'input,outputs\n"' + b"a" * 20_000_000),
    "names alone": (".csv", b"input,outputs\n"),
    "a line without end": (".jsonl", b"[" + b"1," * 1_000_000),
    "a text without end": (".jsonl", b'{"input": "' + b"a" * 30_000_000),
    "a list without end": (".json", b"[" + b"{}," * 1_000_000),
    "two lists": (".json", b'[{"input": "a", "outputs": "b"}] [1]'),
    "a list of numbers": (".json", b"[1, 2, 3]"),
    "a scalar": (".json", b"5"),
    "two lists in an object": (".json", b'{"data": [{"a": 1}], "rows": [{"b": 2}]}'),
    "columns of two lengths": (".json", b'{"columns": 5, "data": [[1], [2]]}'),
    "a schema that is a list": (".json", b'{"data": [{"a": 1}], "schema": [1]}'),
    "no workbook": (".xlsx", b"PK\x03\x04" + bytes(100)),
    "an old workbook": (".xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)),
    "no Parquet file": (".parquet", b"PAR1" + bytes(100) + b"PAR1"),
    "a Parquet footer of 2 GiB": (".parquet", b"PAR1" + bytes(100) + b"\xff\xff\xff\x7f" + b"PAR1"),
    "no Arrow file": (".arrow", b"\xff\xff\xff\xff" + b"\xff\xff\xff\x7f" + bytes(100)),
    "no format": (".pdf", b"%PDF-1.4"),
    "no ending": ("", b"input,outputs\na,b\n"),
    "a gzip file of nothing": (".gz", gzip.compress(b"")),
    "a gzip bomb": (".jsonl.gz", b""),
    "a workbook bomb": (".xlsx", b""),
}
BOMBS: dict[str, Callable[[], bytes]] = {
    "a gzip bomb": lambda: zeros(3 << 30),
    "a workbook bomb": lambda: bomb("xl/worksheets/sheet1.xml"),
}


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _damaged()
    yield from _records()
    yield from _tables()


def _damaged() -> Iterator[Case]:
    roads = list(ALL.items())
    for n, (ending, raw) in enumerate(sound().items()):
        for i, (damage, change) in enumerate(DAMAGES.items()):
            if damage in LAST.get(ending, ()) or (ending == ".jsonl.gz" and damage in ("a gzip file",)):
                continue
            road, argv = roads[(n + i) % len(roads)]
            file = f"bad{ending}"
            put = write(file, change(raw))
            yield Case("damaged data files", f"{road}, {ending}, {damage}", argv(file), (file,), put)


def _records() -> Iterator[Case]:
    for what, record in RECORDS.items():
        for road, argv in PAIRS.items():
            if what in TELLS and road == "split":
                continue
            put = write("bad.jsonl", GOOD + record)
            named = ("bad.jsonl:2", "bad.jsonl:3")
            yield Case("bad records of pairs", f"{road}, {what}", argv("bad.jsonl"), named, put)
    for what, record in KNOWLEDGE.items():
        for road, argv in PASSAGES.items():
            put = write("bad.jsonl", line(id="1", text="a passage") + record)
            named = ("bad.jsonl:2", "bad.jsonl:3")
            yield Case("bad records of passages", f"{road}, {what}", argv("bad.jsonl"), named, put)


def _tables() -> Iterator[Case]:
    roads = list(ALL.items())
    for n, (what, (ending, raw)) in enumerate(TABLES.items()):
        for i in (0, 3):
            road, argv = roads[(n + i) % len(roads)]
            file = f"bad{ending}"
            make = BOMBS.get(what)
            put = write(file, raw) if make is None else lambda folder, f=file, m=make: (folder / f).write_bytes(m())
            yield Case("tables and bombs", f"{road}, {what}", argv(file), (file,), put)
