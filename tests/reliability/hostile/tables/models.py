"""Models that do not fit: weights of other sizes, tokenizers of another model, templates that lose the message."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.reliability.hostile import stand
from tests.reliability.hostile.case import Case, Put

TEMPLATES = {
    "drops the message": "hello",
    "doubles the message": "{% for m in messages %}{{ m['content'] }} {{ m['content'] }}{% endfor %}",
    "raises": "{{ raise_exception('no') }}",
    "is no template": "{% for m in messages %}",
    "asks for what is not there": "{{ messages[5]['content'] }}",
    "leaves the sandbox": "{{ messages.__class__.__mro__[1].__subclasses__() }}{{ messages[0]['content'] }}",
    "counts for ever": "{% for a in range(10000000000) %}{% endfor %}",
    "fills memory": "{{ 'x' * 100000000000 }}",
    "is a number": 5,
    "is a list": [1],
    "turns the message round": "{% for m in messages %}{{ m['content'][::-1] }}{% endfor %}",
    "writes it in capitals": "{% for m in messages %}{{ m['content'] | upper }}{% endfor %}",
}
JSON = {
    "null": "null",
    "a list": "[]",
    "an empty object": "{}",
    "nothing": "",
    "deep": "[" * 100_000,
    "an unknown kind": '{"model_type": "nothing"}',
    "a kind that is a list": '{"model_type": ["llama"]}',
}
CONFIG: dict[str, dict[str, Any]] = {
    "a width of zero": {"hidden_size": 0},
    "a width below zero": {"hidden_size": -32},
    "a width that is a text": {"hidden_size": "many"},
    "a width that is a list": {"hidden_size": [32]},
    "another width": {"hidden_size": 64},
    "a trillion words": {"vocab_size": 10**12},
    "another number of words": {"vocab_size": 7},
    "a billion layers": {"num_hidden_layers": 10**9},
    "heads that do not divide": {"num_attention_heads": 7},
    "no heads": {"num_attention_heads": 0},
    "code of its own": {"auto_map": {"AutoModelForCausalLM": "x.Y", "AutoModel": "x.Y", "AutoConfig": "x.Z"},
                        "model_type": "own"},
}  # fmt: skip
BEYOND = b'{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}'
NAMES = {"hidden_size": "d_model", "num_hidden_layers": "num_layers", "num_attention_heads": "num_heads"}
"""What T5 calls them."""
WEIGHTS: dict[str, bytes] = {
    "nothing": b"",
    "garbage": bytes(range(256)) * 20,
    "a header without end": b"\xff" * 8 + b"{" + bytes(100),
    "a header of 2 GiB": (2**31).to_bytes(8, "little") + b"{}",
    "a header that is no JSON": (10).to_bytes(8, "little") + b"xxxxxxxxxx",
    "no weights": (2).to_bytes(8, "little") + b"{}",
    "places beyond the end": len(BEYOND).to_bytes(8, "little") + BEYOND,
}


def model(name: str) -> Callable[..., tuple[str, ...]]:
    """The command that reads it."""
    option = "--encoder.model" if name == "encoder" else "--generator.model"
    return lambda: (*stand.TRAIN, option, f"models/{name}")


def change(name: str, file: str, work: Callable[[Path], None]) -> Put:
    """Change a file of a model."""
    return lambda folder: work(folder / "models" / name / file)


def text(content: str | bytes) -> Callable[[Path], None]:
    """Write it over."""
    raw = content.encode() if isinstance(content, str) else content

    def work(path: Path) -> None:
        path.write_bytes(raw)

    return work


def fields(**new: Any) -> Callable[[Path], None]:
    """Change fields of a JSON file."""

    def work(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | new))

    return work


def no_end(path: Path) -> None:
    """A tokenizer and a model without an end token."""
    for file in ("tokenizer_config.json", "config.json", "generation_config.json", "special_tokens_map.json"):
        place = path.parent / file
        if place.exists():
            held = json.loads(place.read_text())
            place.write_text(json.dumps({k: v for k, v in held.items() if k not in ("eos_token", "eos_token_id")}))


def other_tokenizer(path: Path) -> None:
    """Its words have numbers for which the model has no vectors."""
    held = json.loads(path.read_text())
    held["model"]["vocab"] = {word: number + 5000 * (number > 5) for word, number in held["model"]["vocab"].items()}
    path.write_text(json.dumps(held))


def cases() -> Iterator[Case]:
    """All of them."""
    for name in ("encoder", "generator", "seq2seq"):
        argv, named = model(name)(), (f"models/{name}", f"{'encoder' if name == 'encoder' else 'generator'}.model")

        def case(kind: str, what: str, put: Put, argv: Any = argv, named: Any = named, name: str = name) -> Case:
            return Case(kind, f"{name}, {what}", argv, named, put)

        for what, content in JSON.items():
            for file in ("config.json", "tokenizer.json"):
                if file == "tokenizer.json" and "kind" in what:
                    continue
                yield case("models", f"{file}, {what}", change(name, file, text(content)))
        for what, new in CONFIG.items():
            if name == "seq2seq" and what == "heads that do not divide":
                continue  # its heads have a width of their own
            yield case(
                "models",
                f"config.json, {what}",
                change(
                    name,
                    "config.json",
                    fields(**{NAMES.get(k, k) if name == "seq2seq" else k: v for k, v in new.items()}),
                ),
            )
        for what, raw in WEIGHTS.items():
            yield case("models", f"weights, {what}", change(name, "model.safetensors", text(raw)))
        for file in ("config.json", "model.safetensors", "tokenizer.json"):
            yield case("models", f"no {file}", change(name, file, lambda path: path.unlink()))
        yield case("models", "a tokenizer of another model", change(name, "tokenizer.json", other_tokenizer))
        if name != "encoder":
            yield case("models", "no end token", change(name, "tokenizer.json", no_end))
    for what, template in TEMPLATES.items():
        put = change("chat", "tokenizer_config.json", _template(template))
        argv = (*stand.TRAIN, "--generator.model", "models/chat", "--generator.prompt.chat", "true")
        yield Case("chat templates", what, argv, ("chat template", "models/chat", "generator.prompt"), put)
    yield Case("models", "an encoder as generator", (*stand.TRAIN, "--generator.model", "models/encoder"),
               ("generator.model", "models/encoder"))  # fmt: skip
    yield Case("models", "weights of another model", stand.TRAIN, ("models/generator",), _exchanged)


def _template(template: object) -> Callable[[Path], None]:
    def work(path: Path) -> None:
        (path.parent / "chat_template.jinja").unlink(missing_ok=True)
        fields(chat_template=template)(path)

    return work


def _exchanged(folder: Path) -> None:
    shutil.copyfile(folder / "models/encoder/model.safetensors", folder / "models/generator/model.safetensors")
