"""Decoding modes against the bare `generate` call of transformers on the same prompts.

python benchmarks/inference.py --data open-squad=FOLDER --json runs/benchmarks/inference.json

A mode answers a batch of questions from text to text, its passages given (search is measured by index.py). Bare is
`model.generate` on the prompts of the mode, tokenised beforehand, in one left-padded batch sorted by length, without
scores; for rag-sequence-thorough the forward passes that rescore the candidates are bare as well. Time to first token
is that of a call limited to one new token. Every answer is forced to the full length, so that all do the same work.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from timing import interleaved, ratio
from workload import Workload, data_option, load, machine, markdown, sets

from jsarag.decoding import DECODERS
from jsarag.files import write_json
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


class BareGenerate:
    """What a mode asks of the network, and nothing else."""

    def __init__(self, mode: Mode) -> None:
        """Write down the prompts, and the rows that are rescored."""
        self.generator = mode.generator
        self.calls: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.scored: list[tuple[int, int]] = []
        inner, log_probs = self.generator._decode, self.generator._answer_log_probs
        contexts: list[list[int]] = []
        with ExitStack() as stack:

            def decode(rows: list[list[int]]) -> Any:
                contexts.extend(rows)
                return inner(rows)

            def score(rows: list[list[int]], answers: list[list[int]], *rest: Any) -> Any:
                self.scored.append((len(rows), max(len(r) + len(a) - 1 for r, a in zip(rows, answers, strict=True))))
                return log_probs(rows, answers, *rest)

            stack.enter_context(patch.object(self.generator, "_decode", decode))
            stack.enter_context(patch.object(self.generator, "_answer_log_probs", score))
            mode(0)
        contexts.sort(key=len, reverse=True)
        width, device = len(contexts[0]), self.generator.device
        ids = torch.tensor([[0] * (width - len(c)) + c for c in contexts], device=device)
        mask = torch.tensor([[0] * (width - len(c)) + [1] * len(c) for c in contexts], device=device)
        self.calls.append((ids, mask))

    def __call__(self, turn: int) -> None:
        """Generate, and run the rescored rows through."""
        generator = self.generator
        with torch.inference_mode(), autocast(generator.dtype, generator.device):
            for ids, mask in self.calls:
                generator.model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    max_new_tokens=generator.config.max_new_tokens,
                    do_sample=False,
                    pad_token_id=0,
                    eos_token_id=generator.tokenizer.eos_token_id,
                )
            for rows, width in self.scored:
                ids = torch.full((rows, width), 1000, device=generator.device)
                generator.model.base_model(input_ids=ids, use_cache=False)


def main() -> None:
    """Measure every data set and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data_option(parser)
    parser.add_argument("--batch", type=int, default=8, help="questions at once (default 8)")
    parser.add_argument("--passages", type=int, default=5, help="passages a question (default 5)")
    parser.add_argument("--tokens", type=int, default=16, help="new tokens an answer (default 16)")
    parser.add_argument("--repeats", type=int, default=3, help="timed turns (default 3)")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/inference.json"), help="results")
    options = parser.parse_args()
    results: dict[str, Any] = {"settings": []}
    models, rows = None, []
    for name, folder in sets(options.data):
        work = load(name, folder, models)
        models = work.models
        results["machine"] = machine(models.generator)
        for tokens in (options.tokens, 1):
            generator = load_generator(replace(models.generator.config, max_new_tokens=tokens), models.generator.device)
            # No answer ends early: every variant then decodes the same number of tokens.
            generator.model.generation_config.min_new_tokens = tokens
            for mode in DECODERS:
                ours = Mode(work, generator, mode, options.batch, options.passages)
                variants = {mode: ours, "bare": BareGenerate(ours)}

                def show(text: str, place: str = f"{name}, {tokens} tokens") -> None:
                    print(f"{place}, {text}", file=sys.stderr, flush=True)

                times = interleaved(variants, options.repeats, show=show)
                entry = {
                    "data": name,
                    "mode": mode,
                    "new_tokens": tokens,
                    "median": {variant: median(values) for variant, values in times.items()},
                    "ratio": {f"{mode}/bare": ratio(times, mode, "bare")},
                }
                results["settings"].append(entry)
                per_second = options.batch / entry["median"][mode]
                rows.append([name, mode, str(tokens), f"{entry['median'][mode]:.2f}", f"{per_second:.2f}"])
                rows[-1].append(f"{entry['ratio'][f'{mode}/bare']:.2f}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.json, results)
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()), end="\n\n")
    print(markdown(["data", "mode", "new tokens", "seconds", "questions/s", "over bare generate"], rows))


if __name__ == "__main__":
    main()
