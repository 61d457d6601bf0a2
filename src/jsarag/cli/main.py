"""Entry point: picks the command, turns a mistake, or what the system refuses, into one line and exit status 2."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from importlib import import_module

from jsarag.checks import closest
from jsarag.cli import early
from jsarag.display.visible import visible_line
from jsarag.system.allocator import keep_memory
from jsarag.system.interrupt import listening
from jsarag.system.threads import wait_asleep
from jsarag.types import InputError
from jsarag.whole import refusal

COMMANDS = {
    "quickstart": "train on the bundled sample, measure before and after, answer a question",
    "data": "check files of your own; list published data sets, convert one",
    "split": "split a question log into training, dev and test pairs; tell whether there is enough to learn from",
    "ingest": "turn a folder of documents (PDF, HTML, Word, Markdown ...) into a knowledge base",
    "index": "encode passages into a searchable folder",
    "train": "train retriever and generator together",
    "evaluate": "measure retrieval and answers of a run",
    "compare": "set runs side by side: paired tests, intervals, cost",
    "lab": "measure bias and variance of the objectives' gradients against enumeration",
    "export": "write a run for other libraries, or its passages into a vector store",
    "push": "bring a run to the model hub",
    "check": "tell whether the files of a run, an index or a data set are damaged",
    "ask": "answer questions with a run, showing the passages used",
    "serve": "serve a run to OpenAI's clients, with a page to ask at and feedback for the next training",
}
"""Each command is a file of this folder with a function ``run(argv) -> exit status``."""

USAGE = """usage: jsarag COMMAND [OPTIONS]

Trains a retriever and a generator together from (question, answer) pairs alone, with no passage labels (JSA-RAG).

commands:
{commands}

A first run:        jsarag quickstart
Your own data:      jsarag train --data.passages kb.jsonl --data.train pairs.jsonl --out runs/mine
Then:               jsarag ask --run runs/mine "your question"
Options:            jsarag COMMAND --help
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status.

    0; 2 for a mistake in the input and for what the system refuses; 128 + signal where one ended it.
    """
    with listening() as asked:
        status = _run(sys.argv[1:] if argv is None else argv)
        return 128 + asked.number if asked.number else status


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(USAGE.format(commands="\n".join(f"  {name:<12}{text}" for name, text in COMMANDS.items())))
        return 0 if words else 2
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"jsarag {version('jsarag')}")
        return 0
    try:
        if words[0] not in COMMANDS:
            raise InputError(
                f"no command {words[0]!r}; expected one of {', '.join(COMMANDS)}{closest(words[0], COMMANDS)}"
            )
        early.check(words[0], words[1:])
        _quiet()
        threading.excepthook = _in_thread
        keep_memory()
        wait_asleep()
        status: int = import_module(f"jsarag.cli.{words[0]}").run(words[1:])
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever reads our output, `head` say, has seen enough.
        _drop_output()
        return 0
    except KeyboardInterrupt as signalled:
        print(f"jsarag: interrupted by {signalled}", file=sys.stderr)
        return 130
    except Exception as error:
        line = _line(error)
        if line is None:
            raise
        process = os.environ.get("RANK", "0")
        where = f" (process {process})" if process != "0" else ""
        try:
            sys.stdout.flush()
        except OSError:  # it was standard output that took no more
            _drop_output()
        print(f"jsarag: {visible_line(str(line))}{where}", file=sys.stderr)
        return 2


def _line(error: Exception) -> object:
    """The one line for a mistake in the input, and for what the system refuses; None for a defect of ours."""
    if isinstance(error, InputError):
        return error
    from jsarag.models.memory import lack, out_of_memory

    return refusal(error) or (lack(error) if out_of_memory(error) else None)


def _in_thread(failed: threading.ExceptHookArgs) -> None:
    """Leave what the system refuses to a thread to the main thread, which meets the same and says so in one line."""
    if not isinstance(failed.exc_value, Exception) or refusal(failed.exc_value) is None:
        threading.__excepthook__(failed)


def _drop_output() -> None:
    """Let what is left in the buffer of standard output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _quiet() -> None:
    """Keep other packages' chatter off the terminal; their errors still come through."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TQDM_DISABLE", "1")
    warnings.filterwarnings("ignore", category=FutureWarning)


if __name__ == "__main__":
    sys.exit(main())
