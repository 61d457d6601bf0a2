"""Who and what is let in."""

from __future__ import annotations

import hmac
import socket
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from jsarag.serving.keys import Keys, read_keys
from jsarag.types import InputError
from tests.test_serving.conftest import QUESTIONS, Served, Start

SAID = {"messages": [{"role": "user", "content": QUESTIONS[0]}]}


def test_a_key_is_asked_for_where_there_are_some(start: Start) -> None:
    served = start(keys=("first", "second"))
    for key in ("first", "second"):
        assert served.client(key).models.list().data[0].id == "mine"
    for key in ("third", "firs", "firstt", "FIRST"):
        with pytest.raises(openai.AuthenticationError) as caught:
            served.client(key).models.list()
        assert caught.value.code == "invalid_api_key"
    for path in ("/v1/models", "/passages", "/runs", "/metrics", "/nothing"):
        response = httpx.get(served.url + path)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert httpx.post(f"{served.url}/reload", headers={"Authorization": "Basic first"}).status_code == 401
    assert httpx.get(f"{served.url}/health").status_code == 200


def test_keys_are_compared_as_hashes_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[Any, Any]] = []
    same = hmac.compare_digest

    def noted(a: Any, b: Any) -> bool:
        compared.append((a, b))
        return same(a, b)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    assert Keys(["a", "bb", "ccc"]).allow(b"Bearer a")
    # All of them, of equal lengths, also after the one that fits.
    assert [(len(a), len(b)) for a, b in compared] == [(32, 32)] * 3
    assert not Keys(["a"]).allow(b"Bearer \xff")
    assert not Keys([])


def test_keys_come_from_the_environment_and_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "keys.txt"
    file.write_text("# ours\none\n\n  two \none\n")
    assert read_keys(file) == ("one", "two")
    monkeypatch.setenv("JSARAG_API_KEYS", "three, four")
    assert read_keys(None) == ("three", "four")
    assert read_keys(file) == ("three", "four", "one", "two")
    for text, message in (("# none\n", "holds no key"), ("a b\n", "without blanks"), ("schlüssel\n", "expected ASCII")):
        file.write_text(text)
        with pytest.raises(InputError, match=message):
            read_keys(file)
    with pytest.raises(InputError, match="no such file"):
        read_keys(tmp_path / "none")


def test_a_request_that_is_too_large_is_refused_before_it_is_read(start: Start) -> None:
    served = start(max_body=1000)

    def endless() -> Any:
        while True:
            yield b" " * 100

    said = {"messages": [{"role": "user", "content": "x" * 1000}]}
    for sent in ({"json": said}, {"content": endless()}):
        response = httpx.post(f"{served.url}/v1/chat/completions", **sent)
        assert response.status_code == 413
        assert response.json()["error"]["message"] == "expected a request of at most 1,000 bytes"
    assert httpx.post(f"{served.url}/v1/chat/completions", json=SAID).status_code == 200


def test_a_request_that_trickles_in_is_refused(start: Start) -> None:
    served = start(timeout=0.2)
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as line:
        line.sendall(f"POST /retrieve HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "expected JSON: Expecting property name"),
        (b'{"question": "\xff"}', "expected JSON in UTF-8"),
        (b'{"question": "\\ud800"}', "expected JSON: half a character"),
        (b"[" * 100_000, "expected JSON: nested too deeply"),
        (b'{"question": "x", "k": ' + b"9" * 5000 + b"}", "expected JSON: an integer of more than"),
        (b'{"question": 1}', "question: expected text"),
        (b'{"question": "x", "k": 0}', "k: expected a number of 1 or more"),
        (b'{"question": "x", "k": 13}', "k: expected at most the 12 passages"),
        (b'{"question": " "}', "expected a question that is not empty"),
        (b"{}", "question: expected a question or messages"),
        (b"", "expected a value; the field is required"),
    ],
)
def test_what_is_no_request_is_refused_in_one_line(served: Served, content: bytes, message: str) -> None:
    response = httpx.post(f"{served.url}/retrieve", content=content, headers={"Content-Type": "application/json"})
    error = response.json()["error"]
    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    assert message in error["message"]
    assert "\n" not in error["message"]


def test_pages_of_other_sites_are_kept_out_where_there_are_no_keys(start: Start) -> None:
    served = start()
    port = served.url.rpartition(":")[2]

    def status(**headers: str) -> int:
        return httpx.get(f"{served.url}/v1/models", headers=headers).status_code

    assert status(Origin=served.url) == 200
    assert status(Origin="https://evil.example") == 403
    assert status(Origin="null") == 403
    assert status(Host=f"localhost:{port}") == status(Host=f"[::1]:{port}") == 200
    # A name of another site that leads to this machine.
    assert status(Host="evil.example") == status(Host="[") == 403
    assert status(Host="evil.example", Origin="http://evil.example") == 403
    opened = start(local=False)
    assert httpx.get(f"{opened.url}/v1/models", headers={"Host": "kb.example"}).status_code == 200
    keyed = start(keys=("key",))
    headers = {"Host": "kb.example", "Origin": "https://kb.example", "Authorization": "Bearer key"}
    assert httpx.get(f"{keyed.url}/v1/models", headers=headers).status_code == 200


def test_a_closing_server_takes_nothing(start: Start) -> None:
    served = start()
    served.parts.door.closing = True
    response = httpx.get(f"{served.url}/health")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "closing")
    assert int(response.headers["Retry-After"]) > 0


def test_errors_have_the_shape_of_openai(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/retrieve", 405), ("GET", "/passages/none", 404)):
        response = httpx.request(method, served.url + path)
        assert response.status_code == status
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}
