"""A model hub of this test: the part of its protocol that huggingface_hub speaks to push and to fetch a model."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_right"
OWNERS = ("ada", "the-guild")
TEXT = (".md", ".json", ".yaml", ".jinja", ".gitattributes", ".txt")
"""Names of files that the hub keeps in git; any other is a large file."""


@dataclass
class Repo:
    """A repository: commits by branch, files by commit."""

    private: bool
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        """Put a tree of files on a branch; returns the commit."""
        made = hashlib.sha1(f"{len(self.commits)}{branch}{sorted(files)}".encode()).hexdigest()
        self.commits[made], self.branches[branch] = files, made
        return made

    def tree(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """The commit of a branch or of itself, with its files."""
        commit = self.branches.get(revision, revision)
        return (commit, self.commits[commit]) if commit in self.commits else None


@dataclass
class Hub:
    """What is on the hub, and what it was asked."""

    address: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Hub]:
    """Run a hub on this machine."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def answer(self) -> None:
        self.body = b"".join(self.pieces())
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        match self.command, path.strip("/").split("/"):
            case "GET", ["api", "whoami-v2"]:
                return self.send({"name": "ada"}) if self.known else self.refuse(401, "Invalid user token.")
            case "POST", ["api", "validate-yaml"]:
                return self.send({"errors": [], "warnings": []})
            case "POST", ["api", "repos", "create"]:
                return self.create(json.loads(self.body))
            case "PUT", ["objects", oid]:
                if hashlib.sha256(self.body).hexdigest() != oid:
                    return self.refuse(400, "other bytes than announced")
                self.hub.objects[oid] = self.body
                return self.send({})
            case "POST", [owner, name, "info", "lfs", "objects", "batch"] if name.endswith(".git"):
                return self.batch(json.loads(self.body)["objects"])
            case _, ["api", "models", owner, name, *rest]:
                repo = self.hub.repos.get(f"{owner}/{name}")
                if repo is None or (repo.private and not self.known):
                    return self.missing("RepoNotFound")
                return self.model(f"{owner}/{name}", repo, rest)
            case (("GET" | "HEAD"), [owner, name, "resolve", revision, *rest]):
                repo = self.hub.repos.get(f"{owner}/{name}")
                if repo is None or (repo.private and not self.known):
                    return self.missing("RepoNotFound")
                return self.file(repo, revision, "/".join(rest))
        return self.missing("EntryNotFound")

    def pieces(self) -> Iterator[bytes]:
        """What was sent, whole or in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    @property
    def known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def create(self, wanted: dict[str, Any]) -> None:
        owner, name = wanted.get("organization") or "ada", wanted["name"]
        if not self.known or owner not in OWNERS:
            return self.refuse(403, f"You don't have the rights to create a model under the namespace {owner!r}")
        if f"{owner}/{name}" in self.hub.repos:
            return self.send({"url": f"{self.hub.address}/{owner}/{name}", "error": "exists"}, 409)
        private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        repo = self.hub.repos[f"{owner}/{name}"] = Repo(private)
        repo.commit("main", {".gitattributes": b"*.safetensors filter=lfs\n"})
        return self.send({"url": f"{self.hub.address}/{owner}/{name}"})

    def batch(self, objects: list[dict[str, Any]]) -> None:
        if not self.known:
            return self.refuse(401, "log in")
        upload = [
            one
            if one["oid"] in self.hub.objects
            else {**one, "actions": {"upload": {"href": f"{self.hub.address}/objects/{one['oid']}"}}}
            for one in objects
        ]
        return self.send({"transfer": "basic", "objects": upload})

    def model(self, name: str, repo: Repo, rest: list[str]) -> None:
        match self.command, rest:
            case "GET", [] | ["revision", _]:
                found = repo.tree(rest[1] if rest else "main")
                if found is None:
                    return self.missing("RevisionNotFound")
                siblings = [{"rfilename": path} for path in found[1]]
                return self.send({"id": name, "sha": found[0], "private": repo.private, "siblings": siblings})
            case "GET", ["tree", revision, *_]:
                found = repo.tree(revision)
                if found is None:
                    return self.missing("RevisionNotFound")
                return self.send(
                    [
                        {"type": "file", "path": path, "size": len(raw), "oid": hashlib.sha1(raw).hexdigest()}
                        for path, raw in found[1].items()
                    ]
                )
        if not self.known:
            return self.refuse(401, "log in")
        match self.command, rest:
            case "POST", ["branch", branch]:
                if branch in repo.branches:
                    return self.refuse(409, "Reference already exists")
                repo.branches[branch] = repo.branches["main"]
                return self.send({})
            case "POST", ["preupload", _]:
                files = json.loads(self.body)["files"]
                modes = [
                    {
                        "path": file["path"],
                        "uploadMode": "regular" if file["path"].endswith(TEXT) else "lfs",
                        "shouldIgnore": False,
                    }
                    for file in files
                ]
                return self.send({"files": modes})
            case "POST", ["commit", branch]:
                return self.commit(name, repo, branch)
        return self.missing("EntryNotFound")

    def commit(self, name: str, repo: Repo, branch: str) -> None:
        found = repo.tree(branch)
        if found is None:
            return self.missing("RevisionNotFound")
        files = dict(found[1])
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            match item["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.hub.objects[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        made = repo.commit(branch, files)
        return self.send({"commitUrl": f"{self.hub.address}/{name}/commit/{made}", "commitOid": made})

    def file(self, repo: Repo, revision: str, path: str) -> None:
        found = repo.tree(revision)
        if found is None or path not in found[1]:
            return self.missing("EntryNotFound")
        raw = found[1][path]
        self.send_response(200)
        self.send_header("X-Repo-Commit", found[0])
        self.send_header("ETag", f'"{hashlib.sha256(raw).hexdigest()}"')
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(raw)
        return None

    def missing(self, code: str) -> None:
        self.send({"error": "Not found"}, 404, {"X-Error-Code": code})

    def refuse(self, status: int, message: str) -> None:
        self.send({"error": message}, status, {"X-Error-Message": message})

    def send(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(value).encode()
        self.send_response(status)
        usual = {"Content-Type": "application/json", "Content-Length": str(len(raw))}
        for name, text in {**usual, **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        pass
