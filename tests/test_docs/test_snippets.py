"""Every snippet of README and documentation does what a reader would have it do."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

import jsarag
from jsarag.cli.main import COMMANDS, main
from jsarag.config import plain
from jsarag.data import load_examples, load_passages
from jsarag.display import Silent
from jsarag.index import INDEXES
from jsarag.objectives import OBJECTIVES, Objective
from jsarag.serving import ServingConfig
from tests.test_docs.markdown import EVERY, PAGES, ROOT, Block, blocks, read, spans
from tests.test_docs.workplace import furnish, play, small_laboratory
from tests.test_serving.conftest import serving

NOT_RUN = {
    "docs/export.md: tests/test_export runs it",
    "docs/export.md: needs vLLM",
    "docs/export.md: needs llama.cpp and Ollama",
    "docs/export.md: needs a token of the hub",
}
"""Blocks marked as not run, as page and reason; a new one is added here too."""

PYTHON = {
    page: list(of_page) for page, of_page in groupby((b for b in EVERY if b.language == "python"), lambda b: b.page)
}
SERVER = "http://127.0.0.1:8000"
SHELL = [block for block in EVERY if block.language == "sh"]


def test_every_public_name_is_explained() -> None:
    page = (ROOT / "docs" / "python.md").read_text().split("## Every public name")[1]
    told = re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in page.splitlines() if row.startswith("|")))
    assert sorted(told) == sorted(vars(jsarag)["__all__"])


@pytest.fixture
def workplace(tmp_path: Path, encoder_model: Path, causal_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return furnish(tmp_path, encoder_model, causal_model)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, encoder_model: Path, causal_model: Path) -> Path:
    """A finished run of the reader's."""
    folder = furnish(tmp_path_factory.mktemp("finished"), encoder_model, causal_model)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        data = jsarag.DataConfig("kb.jsonl", "pairs.jsonl", dev="dev.jsonl", test="test.jsonl")
        jsarag.train(jsarag.TrainConfig(data, out="runs/mine"))
    return folder / "runs" / "mine"


def bring(finished: Path, workplace: Path, text: str) -> None:
    """Put the reader's run where a snippet expects it: it is there unless the snippet makes it."""
    if not re.search(r"""(--out |out=["'])runs/mine(?![\w-])""", text):
        shutil.copytree(finished, workplace / "runs" / "mine")


@contextmanager
def answering(text: str) -> Iterator[str]:
    """The address of a server of the reader's run, where a text asks one."""
    if SERVER not in text:
        yield SERVER
        return
    with serving(jsarag.Run.load("runs/mine"), ServingConfig(feedback=Path("feedback.jsonl"))) as served:
        yield served.url
        asked = [sample for metric in served.parts.measures.requests.collect() for sample in metric.samples]
        assert {sample.labels["status"] for sample in asked} <= {"200", "201"}


def run(block: Block, names: dict[str, Any], server: str = "") -> None:
    """Execute a Python block as it stands; an error names page and line."""
    text = block.text.replace(SERVER, server or SERVER)
    exec(compile("\n" * block.line + text, str(ROOT / block.page), "exec"), names)


def test_every_block_is_of_a_kind_that_is_run_or_says_why_not() -> None:
    assert {block.language for block in EVERY if not block.not_run} == {"python", "sh", "json", "yaml"}
    assert {f"{block.page}: {block.not_run}" for block in EVERY if block.not_run} == NOT_RUN
    assert "README.md" in PYTHON


def test_blocks_of_a_page() -> None:
    text = "a\n```sh\nls\n```\n<!-- not run: no server -->\n```python\nx = 1\n\ny\n```\n`in` text and `--more x`\n"
    assert list(blocks("p", text)) == [
        Block("p", 2, "sh", "ls\n"),
        Block("p", 6, "python", "x = 1\n\ny\n", "no server"),
    ]
    assert list(spans(text)) == ["in", "--more x"]
    with pytest.raises(ValueError, match="p:1"):
        list(blocks("p", "```sh\nls\n"))


@pytest.mark.parametrize("page", [page for page in PYTHON if page != "docs/method.md"])
def test_python(page: str, workplace: Path, finished: Path) -> None:
    """The blocks of a page, one after the other, as a reader would type them."""
    text = "".join(block.text for block in PYTHON[page])
    bring(finished, workplace, text)
    names: dict[str, Any] = {"__name__": page}
    with answering(text) as server:
        for block in PYTHON[page]:
            if not block.not_run:
                run(block, names, server)
        if "client" in names:
            names["client"].close()
    if isinstance(names.get("answer"), jsarag.Answer):
        passages = names["answer"].passages
        assert sum(h.probability for h in passages) == pytest.approx(1)
        assert {h.passage.id for h in passages} <= {p.id for p in load_passages("kb.jsonl")}


def test_python_of_the_method() -> None:
    """Its formulas, on tables: the loss is the mean over the states of the chain."""
    torch.manual_seed(0)
    log_p, log_lik, log_q = (torch.randn(4, 6).log_softmax(-1) for _ in range(3))
    names: dict[str, Any] = {"log_p": log_p, "log_lik": log_lik, "log_q": log_q, "m": 50}
    for block in PYTHON["docs/method.md"]:
        run(block, names)
    assert names["proposals"].shape == (4, 51)
    assert_close(names["loss"], -(log_p + log_lik + log_q).gather(1, names["chain"].trace).mean(-1))


def test_python_of_the_package(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The example of the package's own docstring."""
    text = "\n".join(re.findall(r"^    (.*)$", jsarag.__doc__ or "", flags=re.MULTILINE))
    names: dict[str, Any] = {}
    exec(compile(text, "jsarag", "exec"), names)
    assert len(names["kb"]) == 2
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("page", PAGES)
def test_python_within_the_text(page: str, request: pytest.FixtureRequest) -> None:
    """Calls such as `jsarag.stage("concat", "runs/mine")`."""
    calls = [span for span in spans(read(page)) if re.fullmatch(r"jsarag\.[\w.]+\(.*\)", span)]
    if not calls:
        return
    workplace = request.getfixturevalue("workplace")
    bring(request.getfixturevalue("finished"), workplace, "")
    names: dict[str, Any] = {"jsarag": jsarag}
    names |= {"folder": "runs/mine", "out": "data/doqa", "display": Silent()}  # what the text calls them
    with small_laboratory():
        for call in calls:
            assert eval(call, names)


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.where)
def test_shell(block: Block, workplace: Path, finished: Path) -> None:
    if block.not_run:
        pytest.skip(block.not_run)
    bring(finished, workplace, block.text)
    with answering(block.text) as server:
        met = play(block.text.replace(SERVER, server), workplace)
    assert {status for _, status in met} <= {0}
    lines = [
        line for line in block.text.splitlines() if re.match(r" *(jsarag|make|torchrun|experiments/|\.venv/)", line)
    ]
    assert len(met) >= len(lines)


@pytest.mark.parametrize("page", PAGES)
def test_commands_within_the_text(page: str, request: pytest.FixtureRequest) -> None:
    for span in spans(read(page)):
        if re.match(r"(jsarag|torchrun) .*--\w+ ", span):
            assert {status for _, status in play(f"{span}\n", request.getfixturevalue("workplace"))} == {0}
        elif re.match(r"jsarag [a-z]+", span):
            assert span.split()[1] in COMMANDS
        elif re.match(r"make [a-z]+", span):
            assert play(f"{span}\n", request.getfixturevalue("workplace"))


@pytest.mark.parametrize("block", [b for b in EVERY if b.language == "yaml"], ids=lambda block: block.where)
def test_yaml(block: Block, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(block.text, encoding="utf-8")
    config = jsarag.load_config(tmp_path / "run.yaml")
    assert config.data.passages == Path("kb.jsonl")


def test_json(tmp_path: Path) -> None:
    """Records are read as the passages and the pairs they are examples of."""
    records = [json.loads(line) for b in EVERY if b.language == "json" for line in b.text.splitlines()]
    passages, pairs = ([r for r in records if ("outputs" in r) is paired] for paired in (False, True))
    assert passages
    assert pairs
    for name, rows in (("passages", passages), ("pairs", pairs)):
        (tmp_path / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    ids = {passage.id for passage in load_passages(tmp_path / "passages.json")}
    assert len(load_examples(tmp_path / "pairs.json", passage_ids=ids)) == len(pairs)


@pytest.fixture(scope="module")
def options() -> set[str]:
    """Every option of every command, without its dashes."""
    shown = io.StringIO()
    for name in (*COMMANDS, "data check"):
        with redirect_stdout(shown), pytest.raises(SystemExit):
            main([*name.split(), "--help-all"])
    config = plain(jsarag.TrainConfig(jsarag.DataConfig("kb.jsonl", "pairs.jsonl")))
    own = {f"objective.{field.name}" for kind in OBJECTIVES.values() for field in dataclasses.fields(kind)}
    own |= {f"index.{field.name}" for kind in INDEXES.values() for field in dataclasses.fields(kind)}
    listed = re.findall(r"--([\w.-]+)", shown.getvalue())
    # A file of settings has underscores where the command line has dashes.
    return {*listed, *(name.replace("-", "_") for name in listed), *flat(config), *own, "objective.name", "index.kind"}


def flat(tree: dict[str, Any]) -> Iterator[str]:
    """The dotted names of a tree's leaves and branches."""
    for name, value in tree.items():
        yield name
        if isinstance(value, dict):
            yield from (f"{name}.{below}" for below in flat(value))


@pytest.mark.parametrize("page", PAGES)
def test_options_within_the_text(page: str, options: set[str]) -> None:
    """What the text calls an option is one: `--loop.compute`, `passages.rebuild_every`."""
    known = options | {"version", "nproc-per-node", "cpu", "num_processes", "logdir"}  # of jsarag itself, torchrun ...
    known |= {"max-lora-rank"}  # of vLLM
    known |= {f"objective.{name}" for name in vars(Objective)}
    if page.startswith("benchmarks"):
        scripts = "".join(script.read_text(encoding="utf-8") for script in (ROOT / "benchmarks").glob("*.py"))
        known |= set(re.findall(r'add_argument\(\s*"--(\w+)"', scripts))
    if page.startswith("experiments") or page == "docs/reliability.md":
        files = [*ROOT.glob("experiments/*/*.py"), *ROOT.glob("tests/reliability/hostile/*.py")]
        scripts = "".join(script.read_text(encoding="utf-8") for script in files)
        known |= set(re.findall(r'add_argument\(\s*"--(\w+)"', scripts))
    branches = {name.split(".")[0] for name in options if "." in name}
    named = set()
    for span in spans(read(page)):
        named |= set(re.findall(r"(?<![\w-])--([a-z][\w.-]*)", span))
        dotted = re.match(r"([a-z]+)\.[a-z_.]+", span)
        if dotted and dotted[1] in branches and not dotted[0].endswith((".jsonl", ".py", ".parquet", ".faiss")):
            named.add(dotted[0])
    assert named <= known
