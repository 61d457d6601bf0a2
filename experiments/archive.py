"""Pack what is kept of finished runs into one archive, or take an archive apart again.

python experiments/archive.py pack FOLDER ARCHIVE        # FOLDER holds the runs, as keep.py writes them
python experiments/archive.py unpack ARCHIVE FOLDER      # runs that are in FOLDER already stay as they are
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from jsarag.files import whole, write_jsonl, write_text
from jsarag.report.archive import SCORES, TEXTS, read_archive, read_folder, write_archive
from jsarag.types import InputError


def pack(folder: Path, archive: Path) -> None:
    """Write every finished run of a folder into an archive."""
    runs = [read_folder(summary.parent) for summary in folder.glob("*/summary.json")]
    if not runs:
        raise InputError(f"{folder}: expected a folder with finished runs, found none")
    write_archive(archive, runs)


def unpack(archive: Path, folder: Path) -> None:
    """Write every run of an archive into a folder of its own."""
    for run in read_archive(archive):
        if not (folder / run.name).exists():
            with whole(folder / run.name) as made:
                (made / SCORES).parent.mkdir(parents=True)
                for column, name in TEXTS.items():
                    write_text(made / name, getattr(run, column))
                write_jsonl(made / SCORES, run.scores)


def main() -> None:
    """Do what the command line says; a mistake of the user's is one line and status 1."""
    commands = {"pack": pack, "unpack": unpack}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=commands)
    parser.add_argument("source", type=Path, help="what is read: a folder of runs, or an archive")
    parser.add_argument("target", type=Path, help="what is written: an archive, or a folder of runs")
    values = parser.parse_args()
    try:
        commands[values.command](values.source, values.target)
    except InputError as error:
        sys.exit(f"archive.py: {error}")


if __name__ == "__main__":
    main()
