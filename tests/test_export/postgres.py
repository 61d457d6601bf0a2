"""A PostgreSQL server of this test, with pgvector, where the machine has both."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

NOBODY = 65534
"""PostgreSQL does not run for root."""


def programs() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl`` beside a pgvector; None where there is none."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        config = place / "pg_config"
        if not (place / "initdb").is_file() or not config.is_file():
            continue
        asked = subprocess.run([config, "--sharedir"], capture_output=True, text=True, check=False)
        if (Path(asked.stdout.strip()) / "extension" / "vector.control").is_file():
            return place
    return None


@contextmanager
def server(place: Path) -> Iterator[str]:
    """Run a server with the programs in a folder; gives its address, with a password."""
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    with TemporaryDirectory(prefix="pg", dir="/tmp") as name:
        folder = Path(name)
        (folder / "password").write_text("s3cret/pass")
        if user:
            for path in (folder, folder / "password"):
                os.chown(path, NOBODY, NOBODY)

        def call(program: str, *words: str) -> None:
            quiet = subprocess.DEVNULL  # the server keeps what it was given open
            subprocess.run([place / program, *words], check=True, stdout=quiet, stderr=quiet, cwd=folder, **user)  # type: ignore[call-overload]

        data = str(folder / "data")
        call("initdb", "-D", data, "-U", "ada", "-A", "scram-sha-256", f"--pwfile={folder}/password", "--no-sync")
        call("pg_ctl", "-D", data, "-w", "-o", f"-k {folder} -c listen_addresses='' -F", "start")
        try:
            yield f"postgresql://ada:s3cret%2Fpass@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "stop")
