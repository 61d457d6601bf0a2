"""Command lines that are wrong in themselves, half-set variables of torchrun, and questions that are none."""

from __future__ import annotations

from collections.abc import Iterator

from tests.reliability.hostile import stand
from tests.reliability.hostile.case import Case
from tests.reliability.hostile.tables.settings import write

SOUND = {
    "train": stand.TRAIN, "train --resume": stand.RESUME, "train --from": stand.AGAIN, "index": stand.INDEX,
    "ask": stand.ASK, "evaluate": stand.EVALUATE, "compare": stand.COMPARE, "lab": stand.LAB,
    "data check": stand.CHECK_DATA, "data": stand.CONVERT, "split": stand.SPLIT, "ingest": stand.INGEST,
    "export": stand.EXPORT, "push": stand.PUSH, "serve": stand.SERVE, "check": stand.CHECK,
}  # fmt: skip
STEERING = "\x1b[2J\x1b]0;owned\x07\u202e[/red]\r\njsarag: all is well"
TOLD = r"\x1b[2J"
NONE = {
    "nothing after an option": ((*stand.TRAIN, "--objective.k"), "--objective.k"),
    "nothing after --run": (("ask", "--run"), "--run"),
    "nothing after --resume": (("train", "--resume"), "--resume"),
    "nothing after --from": (("train", "--from"), "--from"),
    "nothing after --config": (("train", "--config"), "--config"),
    "an empty --resume": (("train", "--resume", ""), "--resume"),
    "an empty --from": (("train", "--from", ""), "--from"),
    "an empty --config": (("train", "--config="), "--config"),
    "an empty --out": ((*stand.TRAIN, "--out", ""), "--out"),
    "an empty run": (("ask", "--run", "", "who ?"), "--run"),
    "no run": (("ask", "who ?"), "--run"),
    "no run to serve": (("serve",), "run"),
    "no run to export": (("export", "--out", "x"), "run"),
    "no run to check": (("check",), "PATH"),
    "one run to compare": (("compare", "runs/mine"), "two runs"),
    "no runs to compare": (("compare",), "two runs"),
    "the same run twice": (("compare", "runs/mine", "runs/mine"), "runs/mine"),
    "no files to check": (("data", "check"), "FILE"),
    "no log to split": (("split",), "LOG"),
    "no documents": (("ingest", "--out", "kb"), "paths"),
    "no name on the hub": (("push", "runs/mine"), "name"),
    "a name of two slashes": (("push", "runs/mine", "a/b/c"), "a/b/c"),
    "a name of the hub with blanks": (("push", "runs/mine", "a b/c"), "a b/c"),
    "a mode that is none": ((*stand.ASK, "--mode", "consat"), "--mode"),
    "weights that are none": ((*stand.ASK, "--weights", "worst"), "--weights"),
    "a search that is none": ((*stand.ASK, "--search", "beem"), "--search"),
    "a stage that is none": ((*stand.AGAIN, "--stage", "third"), "--stage"),
    "a stage without a run": (("train", "--stage", "concat"), "--from"),
    "an index that is none": ((*stand.INDEX, "--index", "flatt"), "--index"),
    "an objective that is none": ((*stand.TRAIN, "--objective", "jsaa"), "--objective"),
    "an option of another objective": ((*stand.TRAIN, "--objective", "gold", "--objective.m", "3"), "--objective.m"),
    "a store that is none": (("export", "runs/mine", "--to", "qdrnt", "http://localhost:1"), "--to"),
    "a store without a place": (("export", "runs/mine", "--to", "qdrant"), "--to"),
    "a store that is not there": (("export", "runs/mine", "--to", "qdrant", "http://127.0.0.1:9"), "127.0.0.1:9"),
    "a database that is not there": (
        ("export", "runs/mine", "--to", "pgvector", "postgresql://127.0.0.1:9/x"), "127.0.0.1:9",
    ),
    "a collection without a store": ((*stand.EXPORT, "--collection", "x"), "--collection"),
    "nothing to export to": (("export", "runs/mine"), "--out"),
    "settings with --resume": ((*stand.RESUME, "--loop.batch-size", "2"), "--loop.batch_size"),
    "a length with --resume that is none": ((*stand.RESUME, "--loop.steps", "-1"), "loop.steps"),
    "--accept-changes without --resume": ((*stand.TRAIN, "--accept-changes"), "--accept-changes"),
    "--json without --dry-run": ((*stand.TRAIN, "--json", "x.json"), "--json"),
    "a mode twice": ((*stand.EVALUATE, "--modes", "concat", "concat"), "--modes"),
    "all modes and one": ((*stand.EVALUATE, "--modes", "all", "concat"), "--modes"),
    "a baseline that is none": ((*stand.EVALUATE, "--baseline", "nobody/nothing"), "--baseline"),
    "a metric that is none": ((*stand.COMPARE, "--metrics", "prior/nothing"), "prior/nothing"),
    "a reference that is none": ((*stand.COMPARE, "--reference", "nothing"), "--reference"),
    "a data set that is none": (("data", "squadd"), "squad"),
    "data, a check misspelt": (("data", "chekc", "data/train.jsonl"), "check"),
    "a split that is none": ((*stand.CONVERT, "--split", "tran"), "tran"),
    "an option of another data set": ((*stand.CONVERT, "--unanswerable", "keep"), "--unanswerable"),
    "an encoding that is none": ((*stand.SPLIT, "--data.encoding", "utf-99"), "data.encoding"),
    "an encoding of no text": ((*stand.SPLIT, "--data.encoding", "base64"), "data.encoding"),
    "a column that is none": ((*stand.SPLIT, "--data.columns.input", "nothing"), "data.columns.input"),
    "a template without its field": ((*stand.TRAIN, "--encoder.query", "query"), "encoder.query"),
    "a template with an unknown field": ((*stand.TRAIN, "--encoder.query", "{input} {x}"), "encoder.query"),
    "a template that asks for an attribute": (
        (*stand.TRAIN, "--encoder.query", "{input.__class__}"), "encoder.query",
    ),
    "a template with an open brace": ((*stand.TRAIN, "--encoder.passage", "{text"), "encoder.passage"),
    "a template that fills memory": ((*stand.TRAIN, "--encoder.passage", "{text:9999999999}"), "encoder.passage"),
    "targets that are none": ((*stand.TRAIN, "--generator.lora.targets", "[nothing]"), "generator.lora"),
    "targets that are no pattern": ((*stand.TRAIN, "--generator.lora.targets", "(("), "generator.lora.targets"),
    "a figure that is none": ((*stand.TRAIN, "--loop.monitor", "nothing"), "loop.monitor"),
    "a figure of nothing": ((*stand.TRAIN, "--loop.monitor", "prior/nothing"), "loop.monitor"),
    "a tracker that is none": ((*stand.TRAIN, "--loop.report-to", "[paper]"), "loop.report"),
    "a table that is none": ((*stand.EVALUATE, "--table", "x.doc"), "--table"),
    "a page that is none": ((*stand.COMPARE, "--out", "x.pdf"), "--out"),
    "a question and a file of them": ((*stand.ASK, "--questions", "data/train.jsonl"), "--questions"),
    "a stream as JSON": ((*stand.ASK, "--stream", "--json"), "--stream"),
    "a file as the question": (("ask", "--run", "runs/mine", "config.yaml"), "config.yaml"),
    "an empty question": (("ask", "--run", "runs/mine", ""), "question"),
    "a blank question": (("ask", "--run", "runs/mine", " \t "), "question"),
    "half a character as the question": (("ask", "--run", "runs/mine", "\udcff"), "question"),
}  # fmt: skip
RANKS = {
    "a rank alone": {"RANK": "1"},
    "a rank of two alone": {"WORLD_SIZE": "2"},
    "a rank that is none": {"RANK": "x", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"},
    "a size that is none": {"RANK": "0", "WORLD_SIZE": "two"},
    "no size": {"RANK": "0", "WORLD_SIZE": ""},
    "a size below zero": {"RANK": "0", "WORLD_SIZE": "-2"},
    "a rank beyond the size": {"RANK": "2", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"},
    "a rank below zero": {"RANK": "-1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"},
    "no address": {"RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "29500"},
    "no port": {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"},
    "a port that is none": {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "x"},
    "a port too large": {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "99999"},
}
QUESTIONS = {
    "JSON that is none": b'{"question": ',
    "a question that is a list": b'{"question": [1]}',
    "a question that is null": b'{"question": null}',
    "no question": b'{"id": "1"}',
    "a key twice": b'{"question": "where ?", "question": "who ?"}',
    "a history that is a text": b'{"question": "where ?", "history": "x"}',
    "a turn without a role": b'{"question": "where ?", "history": [{"text": "x"}]}',
    "deep JSON": b'{"question": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "half a character": b'{"question": "\\ud800"}',
    "an integer of 5,000 digits": b'{"question": ' + b"9" * 5000 + b"}",
    "NaN": b'{"question": NaN}',
    "bytes of no text": b"where is \xff\xfe ?",
    "UTF-16": "where is the lamp ?".encode("utf-16"),
    "a NUL": b'{"question": "\0"}',
    "a blank question": b'{"question": "  "}',
}


def cases() -> Iterator[Case]:
    """All of them."""
    for what, (argv, named) in NONE.items():
        yield Case("command lines", what, argv, (named, named.removeprefix("--"), named.replace("-", "_")))
    for what, argv in SOUND.items():
        yield Case("command lines", f"{what}, an unknown option", (*argv, "--colour", "red"), ("--colour",))
        yield Case("command lines", f"{what}, one that steers a terminal", (*argv, f"--{STEERING}=1"), (TOLD,))
    for i, word in enumerate(("trian", "", " ", "[/red]", STEERING, "--run", "-x", "train ")):
        yield Case("command lines", f"no command {i}", (word,), ("no command",))
    for what, env in RANKS.items():
        for command, argv in (("train", stand.TRAIN), ("index", stand.INDEX)):
            yield Case("variables of torchrun", f"{command}, {what}", argv, tuple(VARIABLES), env=env)
    for what, content in QUESTIONS.items():
        argv = (*stand.ASK[:3], "--questions", "asked.txt")
        yield Case("questions", f"a file, {what}", argv, ("asked.txt:1", "asked.txt"), write("asked.txt", content))
        yield Case("questions", f"standard input, {what}", stand.ASK[:3], ("standard input",), stdin=content)
    yield Case("questions", "standard input is closed", stand.ASK[:3], ("standard input",), stdin=None)


VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK")
