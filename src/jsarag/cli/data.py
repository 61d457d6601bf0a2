"""``jsarag data``: published data sets: what to download, conversion, settings to train with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsarag
from jsarag.checks import closest, require
from jsarag.cli import data_check
from jsarag.data.sources import PASSAGES, SOURCES, SPLITS, File, Options, Source, check, convert, hub
from jsarag.display.terminal import Terminal
from jsarag.parsing import Parser
from jsarag.types import InputError

DESCRIPTION = """Convert a published data set to passages.jsonl, train.jsonl, dev.jsonl and test.jsonl.

Without NAME: all data sets with task, size, licence, and the files to download. With NAME alone: the same for one set,
its options and the command to train with. Put the files in a folder, plain or as .gz, and name it with --from; or name
a data set on the Hugging Face hub that holds them, hf://datasets/OWNER/NAME. Nothing else is downloaded. The folder
given to --out is written whole or not at all, with a manifest of sizes and sums.

`jsarag data check FILE...` looks at files of your own before training: `jsarag data check --help`."""

EXAMPLE = """jsarag data
jsarag data doqa
jsarag data doqa --from downloads/doqa --out data/doqa
jsarag data check kb.csv questions.csv"""

RECIPES = Path(jsarag.__file__).parent / "recipes"
"""A file of training settings a data set, and small.yaml, which makes any of them small."""

EXPLAINED = {
    "block_words": "paragraphs in blocks of so many words (100); 0: whole",
    "unanswerable": "questions without an answer: leave them out (leave), keep them, answered CANNOTANSWER (keep), or "
    "keep them so with a null passage as their gold one (null)",
}


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    if argv[:1] == ["check"]:
        return data_check.run(argv[1:])
    known = [*SOURCES, "check"]
    if argv and not argv[0].startswith("-") and argv[0] not in known:
        like = closest(argv[0], known)
        raise InputError(f"name: expected one of {', '.join(known)}, got {argv[0]!r}{like}")
    parser = Parser(prog="jsarag data", description=DESCRIPTION, example=EXAMPLE)
    parser.add_argument("name", type=str, nargs="?", default=None, help=f"One of {', '.join(SOURCES)}.")
    parser.add_argument(
        "--from", type=str, default=None, help=f"Folder with the published files, or a place on the hub: {hub.FORM}."
    )
    parser.add_argument("--out", type=Path, default=None, help="Folder to write; a converted one there is replaced.")
    parser.add_argument("--split", type=str, default=None, help="Splits to convert, such as train,dev; default: all.")
    parser.add_argument(
        "--passages-limit",
        type=int,
        default=None,
        help="Keep the first so many passages, and the gold passages of the examples.",
    )
    parser.add_argument(
        "--hold-out",
        type=int,
        default=None,
        help="Where no test split is published: the last so many training examples become dev, and dev becomes test.",
    )
    for option, text in EXPLAINED.items():
        kind: Any = int if option == "block_words" else str
        parser.add_argument(_option([option]), type=kind, default=None, help=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument(
        "--unverified",
        action="store_true",
        help="Accept files that are not the published ones by their checksum or number of lines.",
    )
    parser.add_argument(
        "--check", type=Path, default=None, help="Converted folder to compare with its manifest; with --from, that too."
    )
    values = vars(parser.read(argv))
    given = [name for name, value in values.items() if value is not None and value is not False and name != "name"]
    if values["name"] is None:
        require(not given, "name", f"a data set with {_option(given)}", None)
        for source in SOURCES.values():
            _describe(source)
        return 0
    source = SOURCES.named(values["name"], "name")
    if values["check"] is not None:
        others = [name for name in given if name not in ("check", "from")]
        require(not others, _option(others), "nothing with --check", values[others[0]] if others else None)
        published = None if values["from"] is None else _folder(values["from"], source.files)
        manifest = check(source, values["check"], published)
        _counts(manifest)
        print(f"{values['check']}: as its manifest says")
    elif given:
        _convert(source, values)
    else:
        _describe(source, details=True)
    return 0


def _convert(source: Source, values: dict[str, Any]) -> None:
    out = values["out"]
    require(values["from"] is not None, "--from", "the folder with the published files", None)
    require(out is not None, "--out", "a folder to write", None)
    chosen = {name: values[name] for name in EXPLAINED if values[name] is not None}
    for name in chosen:
        if name not in source.takes:
            raise InputError(f"{_option([name])}: means nothing with {source.name}; leave it out")
    if values["unverified"] and not any(file.sums or file.lines for file in source.files):
        raise InputError(f"--unverified: no checksum or number of lines is known for {source.name}; leave it out")
    wanted = None if values["split"] is None else tuple(values["split"].split(","))
    folder = _folder(values["from"], source.needed(wanted))
    splits = source.chosen(lambda file: file.find(folder) is not None, wanted)
    how = {name: values[name] for name in ("passages_limit", "hold_out", "unverified")}
    manifest = convert(source, folder, out, Options(splits, **chosen), Terminal(), **how)
    _counts(manifest)
    if "train.jsonl" in manifest["written"]:
        _train(source, out, tuple(split for split in SPLITS if f"{split}.jsonl" in manifest["written"]))


def _folder(given: str, files: Sequence[File]) -> Path:
    """Where the published files are, once those on the hub are here."""
    return hub.fetch(given, files) if given.startswith("hf:") else Path(given)


def _option(names: Sequence[str]) -> str:
    """The first of these names as it stands on the command line."""
    return "--" + "".join(names[:1]).replace("_", "-")


def _counts(manifest: dict[str, Any]) -> None:
    for name, facts in manifest["written"].items():
        gold = f", {facts['with_gold']:,} with gold passages" if facts.get("with_gold") else ""
        print(f"{name:<16}{facts['records']:>12,}{gold}")
    for reason, count in manifest["left_out"].items():
        print(f"left out: {reason}: {count:,}")
    for name, facts in manifest["read"].items():
        if facts.get("unchecked"):
            print(f"not checked: {name}: {facts['unchecked']}{_lines(facts)}")


def _lines(facts: dict[str, Any]) -> str:
    """What the number of lines says of a file without a sum."""
    if "lines" not in facts:
        return ""
    return f"; {facts['lines']:,} lines, {'as' if facts['lines_as_published'] else 'not as'} published"


def _describe(source: Source, *, details: bool = False) -> None:
    print(f"{source.name}: {source.title}")
    for label, text in (("task", source.task), ("size", source.size), ("licence", source.licence)):
        print(f"  {label:<10}{text}")
    for file in source.files:
        print(f"  {'file':<10}{file.name}{', optional' if file.optional else ''}  {file.url}")
        if details and file.others:
            print(f"  {'':<10}or {', '.join(file.others)}")
        for known in _known(file) if details else ():
            print(f"  {'':<10}{known}")
    for note in source.notes:
        print(f"  {'note':<10}{note}")
    if details:
        for option in sorted(source.takes):
            print(f"  {'option':<10}--{option.replace('_', '-')}: {EXPLAINED[option]}")
        print(f"\nconvert:  jsarag data {source.name} --from FOLDER --out data/{source.name}")
        if "train" in source.splits:
            _train(source, Path("data") / source.name, source.splits)
    else:
        print()


def _known(file: File) -> list[str]:
    """The published checksums and numbers of lines of a file."""
    names = {name.rpartition("/")[2] for name in file.names}
    sums = [f"{name}  {published.replace(':', ' ')}" for name, published in file.sums.items()]
    return sums + [f"{name}  {lines:,} lines" for name, lines in file.lines.items() if name in names]


def _train(source: Source, out: Path, splits: tuple[str, ...]) -> None:
    """The command that trains on what was converted, and how to make it small."""
    files = {"passages": PASSAGES} | {split: f"{split}.jsonl" for split in splits}
    words = ["jsarag", "train", "--config", str(RECIPES / f"{source.recipe}.yaml")]
    for name, file in files.items():
        words += [f"--data.{name}", str(out / file)]
    print(f"train:    {shlex.join([*words, '--out', f'runs/{source.name}'])}")
    print(f"small:    the same with --config {shlex.quote(str(RECIPES / 'small.yaml'))} after the other --config")
