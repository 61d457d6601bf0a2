"""Values that an option does not take: of the wrong type, not finite, out of range, larger than any machine."""

from __future__ import annotations

from collections.abc import Iterator

from tests.reliability.hostile import stand
from tests.reliability.hostile.case import Case

DIGITS = "9" * 5000
NO_NUMBER = ("x", "", "nan", "inf", "1e400", "[1]", "{a: 1}", "[/red]", "\x1b[2J")
WHOLE = (*NO_NUMBER, "1.5", "-1", DIGITS)
SHARE = (*NO_NUMBER, "-1", DIGITS)
TRAIN = {
    WHOLE: (
        "loop.batch-size", "loop.accumulate", "loop.steps", "loop.log-every", "objective.k", "objective.m",
        "generator.max-new-tokens", "generator.prompt.max-length", "generator.lora.rank", "encoder.batch-tokens",
        "evaluation.limit", "evaluation.decoding.passages", "data.limit",
    ),
    SHARE: (
        "optim.lr-prior", "optim.lr-generator", "optim.weight-decay", "optim.warmup", "optim.clip", "loop.epochs",
        "encoder.scale", "evaluation.decoding.temperature",
    ),
}  # fmt: skip
SPREAD = 3
"""Of the values that are no number, an option gets one in so many; together the options get all."""
HUGE = str(10**12)
LARGE = {
    "train, k": (*stand.TRAIN, "--objective.k", HUGE),
    "train, m": (*stand.TRAIN, "--objective.m", HUGE),
    "train, batch": (*stand.TRAIN, "--loop.batch-size", HUGE),
    "train, accumulate": (*stand.TRAIN, "--loop.accumulate", HUGE),
    "train, rank": (*stand.TRAIN, "--generator.lora.rank", HUGE),
    "train, prompt": (*stand.TRAIN, "--generator.prompt.max-length", HUGE),
    "train, new tokens": (*stand.TRAIN, "--generator.max-new-tokens", HUGE),
    "train, width of the encoder": (*stand.TRAIN, "--encoder.max-length", HUGE),
    "train, seed": (*stand.TRAIN, "--loop.seed", str(2**64)),
    "train, resamples": (*stand.TRAIN, "--evaluation.resamples", HUGE),
    "train, passages": (*stand.TRAIN, "--evaluation.decoding.passages", HUGE),
    "train, beams": (*stand.TRAIN, "--evaluation.decoding.search", "beam", "--evaluation.decoding.beams", HUGE),
    "train, rate": (*stand.TRAIN, "--optim.lr-prior", "1e300"),
    "train, probes": (*stand.TRAIN, "--passages.encoder", "own", "--passages.probes", "0"),
    "ask, passages": (*stand.ASK, "--passages", HUGE),
    "ask, beams": (*stand.ASK, "--search", "beam", "--beams", HUGE),
    "ask, beams of a million": (*stand.ASK, "--search", "beam", "--beams", "1000000"),
    "ask, seed": (*stand.ASK, "--search", "sample", "--seed", "-1"),
    "ask, temperature": (*stand.ASK, "--search", "sample", "--temperature", "1e-320"),
    "ask, temperature without end": (*stand.ASK, "--search", "sample", "--temperature", "inf"),
    "ask, top p": (*stand.ASK, "--search", "sample", "--top-p", "2"),
    "ask, no top p": (*stand.ASK, "--search", "sample", "--top-p", "nan"),
    "ask, no temperature": (*stand.ASK, "--search", "sample", "--temperature", "nan"),
    "ask, beams without their search": (*stand.ASK, "--beams", "2"),
    "ask, no passage": (*stand.ASK, "--passages", "0"),
    "evaluate, passages": (*stand.EVALUATE, "--passages", HUGE),
    "evaluate, beams": (*stand.EVALUATE, "--search", "beam", "--beams", HUGE),
    "evaluate, limit": (*stand.EVALUATE, "--limit", "0"),
    "serve, port": (*stand.SERVE, "--port", "99999"),
    "serve, negative port": (*stand.SERVE, "--port", "-1"),
    "serve, queue": (*stand.SERVE, "--queue", "-1"),
    "serve, batch": (*stand.SERVE, "--batch", "0"),
    "serve, timeout": (*stand.SERVE, "--timeout", "nan"),
    "serve, timeout without end": (*stand.SERVE, "--timeout", "inf"),
    "serve, negative timeout": (*stand.SERVE, "--timeout", "-1"),
    "serve, body": (*stand.SERVE, "--max-body", "0"),
    "serve, beams": (*stand.SERVE, "--search", "beam", "--beams", HUGE),
    "serve, host": (*stand.SERVE, "--host", "no such host"),
    "serve, host of another": (*stand.SERVE, "--host", "192.0.2.1"),
    "compare, resamples": (*stand.COMPARE, "--resamples", HUGE),
    "compare, no resamples": (*stand.COMPARE, "--resamples", "0"),
    "lab, k": (*stand.LAB, "--k", HUGE),
    "lab, m": (*stand.LAB, "--m", "0"),
    "lab, m of a trillion": (*stand.LAB, "--m", HUGE),
    "lab, replicates": (*stand.LAB, "--replicates", HUGE),
    "lab, passages": (*stand.LAB, "--models", "synthetic", "--passages", HUGE),
    "lab, examples": (*stand.LAB, "--models", "synthetic", "--examples", HUGE),
    "lab, tail examples": (*stand.LAB, "--models", "synthetic", "--tail-examples", HUGE),
    "lab, quality": (*stand.LAB, "--quality", "nan"),
    "lab, quality above 1": (*stand.LAB, "--quality", "2"),
    "index, batch": (*stand.INDEX, "--encoder.batch-tokens", "0"),
    "index, length": (*stand.INDEX, "--encoder.max-length", HUGE),
    "index, recall": (*stand.INDEX, "--index", "auto", "--index.recall", "nan"),
    "index, recall above 1": (*stand.INDEX, "--index", "auto", "--index.recall", "2"),
    "index, links": (*stand.INDEX, "--index", "hnsw", "--index.links", HUGE),
    "ingest, tokens": (*stand.INGEST, "--tokens", "0"),
    "ingest, tokens beyond the encoder": (*stand.INGEST, "--tokens", HUGE),
    "ingest, workers": (*stand.INGEST, "--workers", "0"),
    "ingest, a million workers": (*stand.INGEST, "--workers", "1000000"),
    "ingest, seconds": (*stand.INGEST, "--seconds", "nan"),
    "ingest, no seconds": (*stand.INGEST, "--seconds", "0"),
    "ingest, seconds without end": (*stand.INGEST, "--seconds", "inf"),
    "data, passages": (*stand.CONVERT, "--passages-limit", "-1"),
    "data, hold out": (*stand.CONVERT, "--hold-out", "-1"),
    "data, words": (*stand.CONVERT, "--block-words", "-1"),
}
"""By the command and what is out of range; the last two words but one name the option."""


def shown(value: str) -> str:
    """A value in the name of a case."""
    return "5,000 digits" if value == DIGITS else repr(value)


def cases() -> Iterator[Case]:
    """Each option with each value, and what is out of range."""
    argv: tuple[str, ...]
    for values, names in TRAIN.items():
        for n, name in enumerate(names):
            for i, value in enumerate(values):
                if value in NO_NUMBER and (i + n) % SPREAD:
                    continue
                if name == "optim.clip" and value in ("inf", "1e400"):
                    continue  # gradients of any length
                argv = (*stand.TRAIN, f"--{name}={value}")
                yield Case(
                    "values of options",
                    f"{name} {shown(value)}",
                    argv,
                    (name, name.replace("-", "_"), name.rpartition(".")[0]),
                )
    for what, argv in LARGE.items():
        option = argv[-2]
        named = (option, option[2:], option[2:].replace("-", "_"))
        yield Case("numbers out of range", what, argv, named)
