"""Runs the commands of the tutorial and draws what each prints, as docs/images/tutorial-COMMAND.svg.

    python examples/tutorial/pictures.py FOLDER [COMMAND ...]

The commands work in FOLDER, which keeps their results. Named commands alone are run and drawn; default: all.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[2]
WIDTH = 110
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def commands() -> dict[str, str]:
    """The lines of the tutorial's first block, by the name of the command."""
    block = _BLOCK.search((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    assert block is not None
    return {line.split()[1]: line for line in block[1].replace("\\\n", " ").splitlines()}


def draw(line: str, printed: str, file: Path) -> None:
    """A picture of a terminal; without the fonts that a browser would fetch."""
    console = Console(width=WIDTH, record=True, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
    console.print(Text(f"$ {re.sub(' +', ' ', line)}", style="bold"), soft_wrap=False)
    console.print(Text.from_ansi(printed))
    name = file.stem
    file.write_text(_FONTS.sub("", console.export_svg(title="", unique_id=name)), encoding="utf-8")


def main() -> None:
    """Run and draw."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(ROOT / "examples")
    seen = os.environ | {"COLUMNS": str(WIDTH), "FORCE_COLOR": "1"}
    for name, line in commands().items():
        if not wanted or name in wanted:
            done = subprocess.run(line, shell=True, cwd=folder, env=seen, stdout=subprocess.PIPE, text=True, check=True)
            draw(line, done.stdout, ROOT / "docs" / "images" / f"tutorial-{name}.svg")


if __name__ == "__main__":
    main()
