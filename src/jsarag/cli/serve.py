"""``jsarag serve``: a run behind OpenAI's interface, on this machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import Namespace

from jsarag.api import Run
from jsarag.cli.loading import add_run_options, as_options, load
from jsarag.parsing import Parser
from jsarag.places import check_outputs
from jsarag.system.listen import address, bind
from jsarag.types import InputError

if TYPE_CHECKING:
    from jsarag.serving import ServingConfig

DESCRIPTION = """Serve a trained run to OpenAI's clients: chat and embeddings, with the passages behind each answer.

A page to ask at, feedback that the next training reads, and figures for Prometheus come with it."""

EXAMPLE = """jsarag serve runs/mine
jsarag serve runs/mine --host 0.0.0.0 --keys keys.txt"""

NEEDED = ("fastapi", "uvicorn", "prometheus_client")

USUAL = {
    "where": {
        "run": "run folder made by `jsarag train`",
        "host": "where to listen; 0.0.0.0: every machine around can ask",
        "port": "0: any free one",
        "keys": "file of API keys, one a line; JSARAG_API_KEYS holds some too",
        "name": "the model's name for clients; default: the run's folder",
    },
    "limits": {
        "queue": "requests that may wait; one more is answered 429",
        "batch": "requests answered together at most",
        "prefix_cache": "MiB that passages read before take; 0: none",
        "timeout": "seconds for an answer; later it is 504",
        "max_body": "bytes of a request; a larger one is answered 413",
    },
    "answers": {
        "weights": "which weights of the run",
        "mode": "decoding; default: as in the run",
        "passages": "passages given to the decoder; default: as in the run",
        "search": "how tokens are chosen; default: as in the run",
        "always": "answer also where the passages are too little evidence",
    },
    "files": {
        "feedback": "file of feedback; default: RUN-feedback.jsonl beside the run",
        "runs": "folder of runs to show and compare; default: this run alone",
    },
    "help": {"help_all": "every option"},
}


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag serve", description=DESCRIPTION, example=EXAMPLE, usual=USUAL)
    add_run_options(parser, named=False)
    add = parser.add_argument
    add("--always", action="store_true", help="Answer also where the passages found are too little evidence.")
    add("--host", type=str, default="127.0.0.1", help="Where to listen; 0.0.0.0 opens it to every machine around.")
    add("--port", type=int, default=8000, help="Port; 0: any free one.")
    add("--name", type=str, default=None, help="The model's name for clients; default: that of the run's folder.")
    add("--keys", type=Path, default=None, help="File of API keys, one a line; JSARAG_API_KEYS holds some too.")
    add("--queue", type=int, default=64, help="Requests that may wait; one more is answered 429.")
    add("--batch", type=int, default=32, help="Requests answered together at most.")
    add("--prefix-cache", type=int, default=1024, help="MiB that passages read before take; 0: each is read anew.")
    add("--timeout", type=float, default=60.0, help="Seconds for an answer; later it is 504.")
    add("--max-body", type=int, default=1_000_000, help="Bytes of a request; a larger one is answered 413.")
    add("--feedback", type=Path, default=None, help="File of feedback; default: RUN-feedback.jsonl beside the run.")
    add("--runs", type=Path, default=None, help="Folder of runs to show and compare; default: this run alone.")
    values = parser.read(argv)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(f'jsarag serve: needs {missing[0]}; pip install "jsarag[serve]"')
    from jsarag.serving import app
    from jsarag.serving.server import serve

    config = _config(values)
    with bind(values.host, values.port) as bound:
        loaded = load(values, always=values.always)
        served = app(loaded, config, lambda: load(values, always=values.always))
        what = f"{loaded.folder}, {_weights(loaded)}, {len(loaded.pipeline.kb):,} passages"
        del loaded  # another version may take its place
        serve(served, bound, config.timeout, lambda: _tell(what, config, values.host, address(bound)))
    return 0


def _config(values: Namespace) -> ServingConfig:
    """The settings; every mistake in them is found before the models are loaded."""
    from jsarag.serving import ServingConfig
    from jsarag.serving.app import feedback_file
    from jsarag.serving.keys import read_keys
    from jsarag.serving.limits import LOOPBACK

    if not 0 <= values.port <= 65535:
        raise InputError(f"--port: expected 0 to 65535, got {values.port}")
    if values.runs is not None and not values.runs.is_dir():
        raise InputError(f"--runs: expected a folder of runs, got {values.runs}")
    feedback = values.feedback or feedback_file(values.run)
    check_outputs({"--feedback": feedback}, [values.run, *filter(None, [values["keys"], values.kb])])
    names = ("weights", "queue", "batch", "prefix_cache", "timeout", "max_body", "runs")
    with as_options():
        return ServingConfig(
            **{name: values[name] for name in names},
            name=values.name or "",
            keys=read_keys(values["keys"]),
            feedback=feedback,
            local=values.host in LOOPBACK,
        )


def _weights(run: Run) -> str:
    return f"weights of step {run.places[0].step}" if run.places else "untrained weights"


def _tell(what: str, config: ServingConfig, host: str, place: str) -> None:
    """Print where the server is, what it answers with, and how to ask it."""
    print(f"{place}  {what}; feedback: {config.feedback}")
    if not config.local:
        who = "whoever has a key" if config.keys else "everyone"
        print(f"--host {host}: from other machines {who} can ask, read all passages and reload", file=sys.stderr)
        if not config.keys:
            print("warning: no API keys; name them in JSARAG_API_KEYS or in --keys FILE", file=sys.stderr)
    key = " -H 'Authorization: Bearer KEY'" if config.keys else ""
    body = '{"messages": [{"role": "user", "content": "your question"}]}'
    print(f"curl {place}/v1/chat/completions{key} -H 'Content-Type: application/json' -d '{body}'", flush=True)
