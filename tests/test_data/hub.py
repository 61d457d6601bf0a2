"""A server that speaks the hub's protocol, as far as data sets need it: a repository is a dict of names to bytes."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Data sets by name; notes what is asked for."""

    sets: Mapping[str, Mapping[str, bytes]]
    asked: list[str]
    wanted = ""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_POST(self) -> None:
        self.wanted = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0]
        self.asked.append(f"{self.command} {path}")
        for name, files in self.sets.items():
            resolved = next((p for r in ("main", COMMIT) if path.startswith(p := f"/datasets/{name}/resolve/{r}/")), "")
            if resolved and path.removeprefix(resolved) in files:
                self.content(files[path.removeprefix(resolved)], body)
                return
            found = self.known(path.removeprefix(f"/api/datasets/{name}"), name, files)
            if found is not None:
                self.send(found, body)
                return
        self.send_response(404)
        known = any(f"datasets/{name}/" in path for name in self.sets)
        self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def known(self, path: str, name: str, files: Mapping[str, bytes]) -> object:
        """What the API says of a repository; None where it does not know the path."""
        if path in ("", "/revision/main", f"/revision/{COMMIT}"):
            return {"id": name, "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]}
        entries = [{"type": "file", "path": file, "size": len(data), "oid": file} for file, data in files.items()]
        if path == f"/paths-info/{COMMIT}":
            return [entry for entry in entries if str(entry["path"]) in self.wanted]
        folder = path.removeprefix(f"/tree/{COMMIT}").strip("/")
        return self.listed(folder, entries) if path.startswith(f"/tree/{COMMIT}") else None

    def listed(self, folder: str, entries: list[dict[str, object]]) -> list[dict[str, object]] | None:
        """What lies in a folder: its own files and folders, or with ``recursive`` all files below."""
        start = f"{folder}/".lstrip("/")
        below = [entry for entry in entries if str(entry["path"]).startswith(start)]
        if "recursive=true" in self.path.lower() or not below:
            return below or None
        inner = {str(entry["path"]).removeprefix(start).partition("/")[0] for entry in below}
        own = [entry for entry in below if str(entry["path"]).removeprefix(start) in inner]
        files = {str(entry["path"]) for entry in own}
        folders = sorted(f"{start}{name}" for name in inner if f"{start}{name}" not in files)
        return [*own, *({"type": "directory", "path": name, "oid": name, "size": 0} for name in folders)]

    def content(self, data: bytes, body: bool) -> None:
        """A file, or the part of it that is asked for."""
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        first, _, last = asked.partition("-")
        part = data[int(first or 0) : int(last) + 1 if last else None]
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part if body else b"")

    def send(self, value: object, body: bool) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if body else b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(sets: Mapping[str, Mapping[str, bytes]], asked: list[str]) -> Iterator[str]:
    """The address of a hub of these data sets; ``asked`` gets a line a request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Noted", (Hub,), {"sets": sets, "asked": asked}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def at(address: str, cache: Path, *, offline: bool = False) -> dict[str, str]:
    """The environment of a process that finds this hub."""
    place = {"HF_ENDPOINT": address, "HF_HOME": str(cache), "NO_PROXY": "127.0.0.1"}
    return place | {"HF_HUB_OFFLINE": str(int(offline))}
