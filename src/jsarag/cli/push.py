"""``jsarag push``: a run on the model hub."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag import api
from jsarag.cli.export import add_source
from jsarag.display.terminal import Terminal
from jsarag.display.visible import visible_line
from jsarag.parsing import Parser

DESCRIPTION = """Bring a run to the model hub, as `jsarag export` writes it.

The token is that of HF_TOKEN or of `hf auth login`; HF_ENDPOINT names another hub. The passages go along: push only
what its readers may read. `jsarag ask --run OWNER/NAME` then answers from the hub's copy."""

EXAMPLE = """jsarag push runs/mine OWNER/NAME --private"""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag push", description=DESCRIPTION, example=EXAMPLE)
    add_source(parser)
    parser.add_argument("name", help="OWNER/NAME on the hub; made if it is not there.")
    parser.add_argument("--private", action="store_true", help="Make it private, if it is made.")
    parser.add_argument("--revision", type=str, default=None, help="Branch, made if it is not there; default: main.")
    values = parser.read(argv)
    address = api.push(
        values.run,
        values.name,
        weights=values.weights,
        merged=values.merged,
        private=values.private,
        revision=values.revision,
        display=Terminal(),
    )
    print(visible_line(address))
    print(f'ask it with: jsarag ask --run {values.name} "your question"')
    return 0
