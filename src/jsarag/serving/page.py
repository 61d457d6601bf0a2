"""The page at `/`: static files of the package, which may load nothing but themselves."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from starlette.responses import Response

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of a report: its own script and style run, apart from this server's page and its keys."""
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Types of the files by their extension: what a machine's own table says differs, and a wrong one stops the page."""
SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}


def files() -> dict[str, bytes]:
    """The files of the page by their paths on the server; ``/`` is index.html."""
    folder = resources.files("jsarag.serving") / "page"
    if not folder.is_dir():
        return {}
    found = {f"/{file.name}": file.read_bytes() for file in folder.iterdir() if file.is_file()}
    return found | ({"/": found["/index.html"]} if "/index.html" in found else {})


def static(path: str, content: bytes) -> Response:
    """One of the files."""
    return Response(
        content,
        media_type=KINDS[Path("/index.html" if path == "/" else path).suffix],
        headers={**SAFE, "Content-Security-Policy": POLICY},
    )


def report(html: str) -> Response:
    """A page of a run."""
    return Response(html, media_type="text/html", headers={**SAFE, "Content-Security-Policy": REPORT_POLICY})
