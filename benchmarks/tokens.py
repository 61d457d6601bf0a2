"""What tokenising a prompt whole is worth: log p(y|x,h) of right answers, against pieces that are tokenised apart.

Pieces are question, passage and what the template writes around them. Untrained models, the first gold passage of each
pair, no chat template.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from jsarag.data import HistoryConfig, load_examples, load_passages, render
from jsarag.metrics import interval
from jsarag.models import Generator, GeneratorConfig, Pair, PromptConfig, load_generator
from jsarag.models.prompt import Body, Prompt

DIALOG = PromptConfig(template="{input}\n\nKnown: {passage}\n\nReply:", no_passage="{input}\n\nReply:", chat=False)
QUESTION = PromptConfig(chat=False)


class Apart(Prompt):
    """A prompt whose pieces are tokenised apart and joined."""

    def _context(self, x: str, bodies: list[Body], key: str) -> list[int]:
        passage = "".join(part.text for body in bodies for part in body)
        first, second = ("{input}", "{passage}") if self._input_first else ("{passage}", "{input}")
        before, rest = self.config.template.split(first)
        between, after = rest.split(second)
        inner = (x, passage) if self._input_first else (passage, x)
        pieces = (before, inner[0], between, inner[1], after)
        return [*self._tokens.before, *(token for piece in pieces for token in self._tokens(piece))]

    @property
    def _input_first(self) -> bool:
        return self.config.template.index("{input}") < self.config.template.index("{passage}")


def scores(generator: Generator, pairs: list[Pair], kind: type[Prompt]) -> tuple[np.ndarray, float]:
    """log p(y|x,h) of each pair in nats, and the mean length of a prompt in tokens."""
    made = generator.model.generation_config.eos_token_id
    stops = [made] if isinstance(made, int) else list(made or [])
    generator.prompt = kind(generator.config.prompt, generator.tokenizer, stops=stops)
    lengths = [len(generator.prompt.context(p.x, p.passages, room=32)) for p in pairs]
    with torch.no_grad():
        return generator.log_likelihood(pairs).cpu().numpy(), float(np.mean(lengths))


def main() -> None:
    """Print a row a data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", action="append", required=True, metavar="NAME=FOLDER", help="a data set; may be given again"
    )
    parser.add_argument("--pairs", type=int, default=200, help="the first so many test pairs with a gold passage")
    values = parser.parse_args()
    for name, folder in (one.split("=", 1) for one in values.data):
        passages = {p.id: p for p in load_passages(Path(folder) / "passages.jsonl")}
        examples = [e for e in load_examples(Path(folder) / "test.jsonl", passage_ids=passages) if e.gold]
        prompt = DIALOG if any(e.history for e in examples) else QUESTION
        generator = load_generator(GeneratorConfig(lora=None, prompt=prompt), Accelerator().device)
        history = HistoryConfig(turns=3, turn="{text}")
        pairs = [Pair(render(e, history), (passages[e.gold[0]],), e.outputs[0]) for e in examples[: values.pairs]]
        (apart, longer), (whole, length) = (scores(generator, pairs, kind) for kind in (Apart, Prompt))
        gain = interval((whole - apart).tolist())
        row = {"data": name, "pairs": len(pairs), "tokens apart": longer, "tokens whole": length}
        row |= {"log p apart": float(apart.mean()), "log p whole": float(whole.mean())}
        print(json.dumps(row | {"gain": gain.mean, "low": gain.low, "high": gain.high}))


if __name__ == "__main__":
    main()
