"""Decoding modes against the bare `generate` call of transformers on the same prompts.

python benchmarks/inference.py --data open-squad=FOLDER --json runs/benchmarks/inference.json

A mode answers a batch of questions from text to text, its passages given (search is measured by index.py). Bare is
`model.generate` on the prompts of the mode, tokenised beforehand, in one left-padded batch sorted by length, without
scores; for rag-sequence-thorough the forward passes that rescore the candidates are bare as well. Time to first token
is that of a call limited to one new token. Every answer is forced to the full length, so that all do the same work.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from timing import interleaved, last_line, peak_memory, ratio, typical
from workload import Workload, data_option, load, machine, markdown, sets, workloads

from jsarag.decoding import DECODERS
from jsarag.files import read_json, write_json
from jsarag.models import Generator, load_generator
from jsarag.models.precision import autocast


class Mode:
    """One decoding mode, text to text."""

    def __init__(self, work: Workload, generator: Generator, mode: str, size: int, passages: int) -> None:
        """Retrieve for one batch of questions."""
        self.generator, self.decode = generator, DECODERS[mode]
        self.xs = [case.x for case in work.batch(0, size)]
        with torch.inference_mode():
            queries = work.models.prior.embed_queries(self.xs)
        self.retrieved = work.kb.retrieve(queries, passages, work.models.prior.scale)

    def __call__(self, turn: int) -> None:
        """Answer them."""
        self.decode(self.generator, self.xs, self.retrieved)


class Asked(NamedTuple):
    """What a mode asked of the network.

    Attributes:
        prompts: Tokens of each prompt to go on from, longest first.
        scored: By batch that was rescored, its rows and its width.
    """

    prompts: list[list[int]]
    scored: list[tuple[int, int]]


def asked(mode: Mode) -> Asked:
    """Answer once and write down what the network is asked."""
    found, generator = Asked([], []), mode.generator
    inner, log_probs = generator._decode, generator._answer_log_probs
    with ExitStack() as stack:

        def decode(contexts: list[list[list[int]]], *rest: Any) -> Any:
            found.prompts.extend(row for rows in contexts for row in rows)
            return inner(contexts, *rest)

        def score(rows: list[list[int]], answers: list[list[int]], *rest: Any) -> Any:
            found.scored.append((len(rows), max(len(r) + len(a) - 1 for r, a in zip(rows, answers, strict=True))))
            return log_probs(rows, answers, *rest)

        stack.enter_context(patch.object(generator, "_decode", decode))
        stack.enter_context(patch.object(generator, "_answer_log_probs", score))
        mode(0)
    found.prompts.sort(key=len, reverse=True)
    return found


class BareGenerate:
    """What a mode asks of the network, and nothing else."""

    def __init__(self, generator: Generator, work: Asked) -> None:
        """Make one batch of the prompts."""
        self.generator, self.scored = generator, work.scored
        width, device = len(work.prompts[0]), generator.device
        self.ids = torch.tensor([[0] * (width - len(c)) + c for c in work.prompts], device=device)
        self.mask = torch.tensor([[0] * (width - len(c)) + [1] * len(c) for c in work.prompts], device=device)

    def __call__(self, turn: int) -> None:
        """Generate, and run the rescored rows through."""
        generator = self.generator
        with torch.inference_mode(), autocast(generator.dtype, generator.device):
            generator.model.generate(
                input_ids=self.ids,
                attention_mask=self.mask,
                max_new_tokens=generator.config.max_new_tokens,
                do_sample=False,
                pad_token_id=0,
                eos_token_id=generator.tokenizer.eos_token_id,
            )
            for rows, width in self.scored:
                ids = torch.full((rows, width), 1000, device=generator.device)
                generator.model.base_model(input_ids=ids, use_cache=False)


def limited(generator: Generator, tokens: int) -> Generator:
    """A generator whose answers all have this many tokens, so that every variant decodes as many."""
    found = load_generator(replace(generator.config, max_new_tokens=tokens), generator.device)
    found.model.generation_config.min_new_tokens = tokens
    return found


def one_process(options: argparse.Namespace) -> None:
    """Answer once and print the peak memory; what `last_line` starts, with a mode or a file of prompts."""
    work = load(*sets(options.data)[-1])
    generator = limited(work.models.generator, options.tokens)
    if options.memory in DECODERS:
        run: Callable[[int], None] = Mode(work, generator, options.memory, options.batch, options.passages)
    else:
        prompts, scored = read_json(Path(options.memory))
        run = BareGenerate(generator, Asked(prompts, [(rows, width) for rows, width in scored]))
    loaded = peak_memory()
    run(0)
    print(json.dumps({"loaded": loaded, "peak": peak_memory()}))


def memory(given: list[str], mode: str, work: Asked) -> dict[str, Any]:
    """Peak memory of a mode and of the bare calls, each in a fresh process."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "asked.json"
        write_json(file, list(work))
        return {
            mode: last_line(__file__, *given, "--memory", mode),
            "bare": last_line(__file__, *given, "--memory", str(file)),
        }


def main() -> None:
    """Measure every data set and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data_option(parser)
    parser.add_argument("--batch", type=int, default=8, help="questions at once (default 8)")
    parser.add_argument("--passages", type=int, default=5, help="passages a question (default 5)")
    parser.add_argument("--tokens", type=int, default=16, help="new tokens an answer (default 16)")
    parser.add_argument("--repeats", type=int, default=3, help="timed turns (default 3)")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/inference.json"), help="results")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        one_process(options)
        return
    results: dict[str, Any] = {"settings": []}
    rows = []
    for work, folder in workloads(options.data):
        name, models = work.name, work.models
        results["machine"] = machine(models.generator)
        given = ["--batch", str(options.batch), "--passages", str(options.passages), "--tokens", str(options.tokens)]
        given += [] if name == "sample" else ["--data", f"{name}={folder}"]
        generators = {tokens: limited(models.generator, tokens) for tokens in (options.tokens, 1)}
        for mode in DECODERS:
            entry: dict[str, Any] = {"data": name, "mode": mode, "median": {}, "ratio": {}}
            for tokens, generator in generators.items():
                ours = Mode(work, generator, mode, options.batch, options.passages)
                calls = asked(ours)
                variants = {mode: ours, "bare": BareGenerate(generator, calls)}

                def show(text: str, place: str = f"{name}, {tokens} tokens") -> None:
                    print(f"{place}, {text}", file=sys.stderr, flush=True)

                times = interleaved(variants, options.repeats, show=show)
                what = "first token" if tokens == 1 else "answer"
                entry["median"] |= {f"{what}, {variant}": spent for variant, spent in typical(times).items()}
                entry["ratio"][what] = ratio(times, mode, "bare")
                if tokens > 1:
                    entry["memory"] = memory(given, mode, calls)
            entry["ratio"]["memory"] = entry["memory"][mode]["peak"] / entry["memory"]["bare"]["peak"]
            results["settings"].append(entry)
            rows.append(
                [
                    name,
                    mode,
                    f"{options.batch / entry['median'][f'answer, {mode}']:.2f}",
                    f"{entry['ratio']['answer']:.2f}",
                    f"{entry['median'][f'first token, {mode}']:.2f}",
                    f"{entry['ratio']['first token']:.2f}",
                    f"{entry['memory'][mode]['peak'] / 2**30:.2f}",
                    f"{entry['ratio']['memory']:.2f}",
                ]
            )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.json, results)
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()), end="\n\n")
    head = ["data", "mode", "questions/s", "time over bare", "first token, s", "over bare", "memory, GiB", "over bare"]
    print(markdown(head, rows))


if __name__ == "__main__":
    main()
