"""Options as people write them: near misses, names of other libraries, both spellings, files with mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jsarag.cli.main import main
from jsarag.cli.train import configured
from jsarag.index import INDEXES
from jsarag.parsing import SettingsFile, load_config, train_parser
from jsarag.parsing.words import ABSENT, NOTES, WORDS
from jsarag.types import InputError

FILES = ["--data.passages", "kb.jsonl", "--data.train", "pairs.jsonl"]
HEAD = "data: {passages: kb.jsonl, train: pairs.jsonl}\n"


def refused(*words: str) -> str:
    with pytest.raises(InputError) as told:
        configured([*FILES, *words])
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        # The beginning of an option does not stand for the option.
        (("--loop.step", "3"), "--loop.step: no such option; did you mean --loop.steps?"),
        (("--loop.eval_evry=3",), "--loop.eval_evry: no such option; did you mean --loop.eval-every?"),
        (("--steps", "3"), "--steps: no such option; did you mean --loop.steps?"),
        (("--generator.lora.rnk", "3"), "--generator.lora.rnk: no such option; did you mean --generator.lora.rank?"),
        (("--qwertyuiop", "3"), "--qwertyuiop: no such option; --help lists the options"),
        (("--objective", "jsaa"), "got 'jsaa'; did you mean jsa?"),
        (("--index", "hsnw"), "got 'hsnw'; did you mean hnsw?"),
        (
            ("--encoder.similarity", "cosin"),
            "--encoder.similarity: expected one of cosine, dot, null, got 'cosin'; did",
        ),
        (("--optim.schedule", "cosin"), "got 'cosin'; did you mean cosine?"),
        (("--loop.report_to", "[wandbx]"), "got 'wandbx'; did you mean wandb?"),
        (("--evaluation.decoding.mode", "top1"), "got 'top1'; did you mean top-1?"),
        (("--objective", "gold", "--objective.burn-in", "3"), "--objective.burn-in: an option of objective jsa alone"),
        (("--loop.steps", "x"), "--loop.steps: expected a whole number or null, got x"),
        (("--optim.lr-prior", "high"), "--optim.lr-prior: expected a number, got high"),
        (("--loop.share_candidates", "maybe"), "--loop.share-candidates: expected true or false, got maybe"),
        (("--loop.steps",), "--loop.steps: expected a value after it"),
        (("--config",), "--config: expected a value after it"),
        (("stray",), "'stray': expected an option before it"),
        (("--generator.lora.rank", "0"), "generator.lora.rank: expected a number above 0, got 0"),
        (("--generator.lora.alpha", "x"), "--generator.lora.alpha: expected a whole number, got x"),
        (("--accept-changes",), "--accept-changes: expected with --resume RUN"),
    ],
)
def test_a_near_miss_is_told_what_was_meant(words: tuple[str, ...], message: str) -> None:
    assert message in refused(*words)


def test_what_is_required_is_named_as_it_is_typed() -> None:
    with pytest.raises(InputError, match=r"^expected --data.passages and --data.train: required, and not given$"):
        configured([])


def test_names_of_other_libraries_are_answered(tmp_path: Path) -> None:
    assert refused("--gradient_accumulation_steps", "4") == "--gradient_accumulation_steps: here loop.accumulate"
    assert refused("--gradient-accumulation-steps=4") == "--gradient-accumulation-steps: here loop.accumulate"
    assert refused("--push_to_hub").startswith("--push_to_hub: not an option here: nothing is uploaded")
    assert refused("--warmup_steps", "4").endswith("here optim.warmup (a share of the run, such as 0.05)")
    file = tmp_path / "run.yaml"
    for text in ("lora_alpha: 4\n", "generator:\n  lora_alpha: 4\n"):
        file.write_text(HEAD + text)
        with pytest.raises(InputError, match=rf"{file}:[23]: [a-z.]*lora_alpha: here generator.lora.alpha$"):
            load_config(file)


def test_what_other_names_are_called_here_exists() -> None:
    known = {*train_parser({}).options, "resume"}
    assert set(WORDS.values()) <= known
    assert not {*WORDS, *ABSENT} & known
    assert set(NOTES) <= set(WORDS)


def test_dashes_and_underscores_are_one(tmp_path: Path) -> None:
    dashed = ["--loop.eval-every", "7", "--optim.lr-prior=1e-4", "--generator.lora.rank", "4"]
    dashed += ["--generator.prompt.chat-options", '{"enable_thinking": false}']
    config = configured([*FILES, *dashed])
    underscored = ["--loop.eval_every", "7", "--optim.lr_prior=1e-4", *dashed[3:5]]
    underscored += ["--generator.prompt.chat_options", dashed[-1]]
    assert config == configured([*FILES, *underscored])
    assert (config.loop.eval_every, config.optim.lr_prior) == (7, 1e-4)
    assert config.generator.prompt.chat_options == {"enable_thinking": False}
    file = tmp_path / "run.yaml"
    file.write_text(
        HEAD + "loop: {eval-every: 7}\noptim: {lr-prior: 1e-4}\n"
        "generator: {lora: {rank: 4}, prompt: {chat-options: {enable_thinking: false}}}\n"
    )
    assert load_config(file) == config


def test_a_part_is_chosen_by_the_name_of_its_group(tmp_path: Path) -> None:
    named = configured([*FILES, "--objective", "rws", "--index=hnsw", "--objective.m", "9"])
    assert (named.objective.name, named.index.settled.name) == ("rws", "hnsw")
    assert named == configured([*FILES, "--objective.name", "rws", "--index.kind", "hnsw", "--objective.m", "9"])
    file = tmp_path / "run.yaml"
    file.write_text(f"{HEAD}objective: rws\nindex: hnsw\n")
    assert load_config(file) == configured([*FILES, "--objective", "rws", "--index", "hnsw"])
    for kind in INDEXES:  # those without options of their own too, as a run keeps its settings
        own = {"uri": "http://host:19530"} if kind == "milvus" else {}
        file.write_text(f"{HEAD}index: {json.dumps({'kind': kind, 'path': None, **own})}\n")
        given = [word for name, value in own.items() for word in (f"--index.{name}", value)]
        assert load_config(file) == configured([*FILES, "--index", kind, *given])
    file.write_text(f"{HEAD}objective: rws\nindex: hnsw\n")
    # The command line goes over the file; the options of a file are those of the part that is chosen at last.
    over = configured(["--config", str(file), "--objective", "gold"])
    assert (over.objective.name, over.index.settled.name) == ("gold", "hnsw")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loop:\n  stepz: 3\n", "3: loop.stepz: no such option; did you mean loop.steps?"),
        ("loop:\n  epochs: 1\n  steps: x\n", "4: loop.steps: expected a whole number or null, got x"),
        ("loop:\n  steps: -1\n", "3: loop.steps: expected a number above 0 or null, got -1"),
        ("objective: jsaa\n", "2: objective: expected one of"),
        ("objective:\n  name: jsaa\n", "3: objective.name: expected one of"),
        ("objective:\n  name: gold\n  m: 3\n", "4: objective.m: an option of objective jsa"),
        ("encoder: {similarity: cosin}\n", "2: encoder.similarity: expected one of cosine, dot, null, got 'cosin'"),
        ("evaluation:\n  decoding:\n    mode: top1\n", "4: decoding.mode: expected one of"),
        ("generator:\n  lora:\n    rank: 0\n", "4: generator.lora.rank: expected a number above 0, got 0"),
        ("generator:\n  lora:\n    alpha: x\n", "4: generator.lora.alpha: expected a whole number, got x"),
        ("loop: 3\n", "2: loop: expected options by name, got 3"),
        ("loop: {steps: 3}\nout: runs/x\nloop: {epochs: 2}\n", "4: loop is there twice, first at line 2"),
        ("x: [\n", "3: not valid YAML"),
        ("resume: runs/x\n", "2: resume: "),
        ("help: true\n", "2: help: expected on the command line alone"),
    ],
)
def test_a_mistake_in_a_file_names_file_and_line(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(HEAD + text)
    for words in ([], ["--config", str(file)]):
        with pytest.raises(InputError) as told:
            _ = configured(words) if words else load_config(file)
        assert str(told.value).startswith(f"{file}:{message}")
        assert "\n" not in str(told.value)


def test_what_the_command_line_puts_right_is_no_mistake_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(f"{HEAD}loop: {{steps: 4}}\n")
    assert configured(["--config", str(file), "--loop.steps", "9"]).loop.steps == 9
    with pytest.raises(InputError, match=r"^loop.steps: expected a number above 0"):
        configured(["--config", str(file), "--loop.steps", "-1"])
    file.write_text(f"{HEAD}loop:\ngenerator: {{lora: null}}\n")  # a heading alone; a null that means something
    config = configured(["--config", str(file)])
    assert (config.loop.steps, config.generator.lora) == (None, None)


@pytest.mark.parametrize("text", ["- a\n", "", "3\n", "a: !!python/object:os.system {}\n", "\t\n", "a: 2020-13-45\n"])
def test_a_bad_file_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(InputError):
        load_config(file)
    for bad in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InputError):
            load_config(bad)


def test_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("a: 1e-4\nb: 2e5\nc: '1e-4'\nd: 1e\ne: 0.5\n")
    values: dict[str, Any] = {"a": 1e-4, "b": 2e5, "c": "1e-4", "d": "1e", "e": 0.5}
    assert SettingsFile.read(file).values == values


def test_a_command_that_is_none_is_told_which_is_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert "no command 'trian'; expected one of" in (err := capsys.readouterr().err)
    assert err.endswith("; did you mean train?\n")
    assert main(["ask", "--rnu", "runs/x", "?"]) == 2
    assert "--rnu: no such option; did you mean --run?" in capsys.readouterr().err
