"""Encoding and search against the bare encoder and the bare FAISS call.

python benchmarks/index.py --data open-squad=FOLDER --json runs/benchmarks/index.json

Encoding: passages per second of `KnowledgeBase.build` (text to vectors) and of the encoder's network alone on as many
tokens, without text, tokenizer, padding, pooling or index. Search: `KnowledgeBase.search` on encoded questions and
FAISS's own `search` with the same block sizes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from timing import interleaved, ratio, typical
from workload import Workload, data_option, machine, markdown, workloads

from jsarag.files import write_json
from jsarag.kb import KnowledgeBase
from jsarag.models.precision import autocast

PASSAGES = 1_000
"""Encoded in one turn."""


class Encoding:
    """Text to vectors and index."""

    def __init__(self, work: Workload) -> None:
        """Take the first passages."""
        self.work = work
        self.passages = work.kb.passages[:PASSAGES]

    def __call__(self, turn: int) -> None:
        """Build a knowledge base."""
        KnowledgeBase.build(self.passages, self.work.models.prior)


class BareEncoding:
    """The network on as many tokens, all rows alike."""

    def __init__(self, encoding: Encoding) -> None:
        """Count the tokens."""
        self.encoder = encoding.work.models.prior
        texts = [self.encoder.config.passage.format(title=h.title, text=h.text) for h in encoding.passages]
        features = self.encoder.model.preprocess(texts)
        self.rows = len(texts)
        self.length = round(int(features["attention_mask"].sum()) / self.rows)

    def __call__(self, turn: int) -> None:
        """Run them through."""
        size = max(self.encoder.batch_tokens // self.length, 1)
        with torch.inference_mode(), autocast(self.encoder.dtype, self.encoder.device):
            for first in range(0, self.rows, size):
                ids = torch.full((min(size, self.rows - first), self.length), 1000, device=self.encoder.device)
                self.encoder.model[0].auto_model(input_ids=ids)


def searches(work: Workload, k: int, batch: int) -> dict[str, Any]:
    """Both ways to search, ten times each turn, since one call is short."""
    import faiss

    xs = [work.cases[i % len(work.cases)].x for i in range(batch)]
    with torch.inference_mode():
        queries = work.models.prior.embed_queries(xs)
    index = faiss.IndexFlatIP(work.kb.vectors.shape[1])
    index.add(work.kb.vectors.numpy())
    array = queries.float().cpu().numpy()

    def ours(turn: int) -> None:
        for _ in range(10):
            work.kb.search(queries, k)

    def bare(turn: int) -> None:
        for _ in range(10):
            index.search(array, k)

    return {"search": ours, "bare search": bare}


def main() -> None:
    """Measure every data set and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data_option(parser)
    parser.add_argument("--repeats", type=int, default=5, help="timed turns (default 5)")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/index.json"), help="results")
    options = parser.parse_args()
    results: dict[str, Any] = {"settings": []}
    rows = []
    for work, _ in workloads(options.data):
        name = work.name
        results["machine"] = machine(work.models.generator)

        def show(text: str, name: str = name) -> None:
            print(f"{name} {text}", file=sys.stderr, flush=True)

        encoding = Encoding(work)
        times = interleaved({"encode": encoding, "bare encode": BareEncoding(encoding)}, options.repeats, show=show)
        for batch in (1, 64):
            found = interleaved(searches(work, 20, batch), 4 * options.repeats, show=lambda _: None)
            times |= {f"{variant} {batch}": values for variant, values in found.items()}
        pairs = [("encode", "bare encode"), ("search 1", "bare search 1"), ("search 64", "bare search 64")]
        entry = {
            "data": name,
            "passages": len(encoding.passages),
            "indexed": len(work.kb),
            "median": typical(times),
            "ratio": {f"{a}/{b}": ratio(times, a, b) for a, b in pairs},
        }
        results["settings"].append(entry)
        rows.append(
            [
                name,
                f"{entry['passages'] / entry['median']['encode']:.0f}",
                f"{entry['ratio']['encode/bare encode']:.2f}",
            ]
            + [f"{100 * entry['median'][f'search {batch}']:.2f}" for batch in (1, 64)]
            + [f"{entry['ratio'][f'search {batch}/bare search {batch}']:.2f}" for batch in (1, 64)]
        )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.json, results)
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()), end="\n\n")
    head = ["data", "passages/s", "over bare", "search 1, ms", "search 64, ms", "over FAISS, 1", "over FAISS, 64"]
    print(markdown(head, rows))


if __name__ == "__main__":
    main()
