"""A server under load: throughput and latency by number of clients, time to the first token, memory.

python benchmarks/serving.py runs/quickstart --json runs/benchmarks/serving.json

The server is a process of its own (`jsarag serve`), the clients are the official one of OpenAI. Each client asks its
next question as soon as the last one is answered; the questions are those of the run's training pairs, each once a
setting. Numbers of clients take turns, so that a change of the machine's load meets all alike. Time to the first token
is that of a streamed answer with one client, in turns with the bare call: `generate` of one token on the same prompt,
weights prepared. Memory is the resident memory of the server's process, CPU seconds are its own too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

from jsarag.system.threads import wait_asleep

wait_asleep()  # as the command line does, before torch is imported

import openai  # noqa: E402
import psutil  # noqa: E402
import torch  # noqa: E402
from workload import machine, markdown  # noqa: E402

import jsarag  # noqa: E402
from jsarag.data import load_examples  # noqa: E402
from jsarag.files import write_json  # noqa: E402
from jsarag.models import LanguageModel  # noqa: E402
from jsarag.models.precision import autocast  # noqa: E402


@contextmanager
def server(run: Path, *options: str) -> Iterator[tuple[str, psutil.Process]]:
    """A server of the run, its address and its process."""
    command = [sys.executable, "-m", "jsarag", "serve", str(run), "--port", "0", "--always", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        try:
            lines = [started.stdout.readline() for _ in range(2)]
            yield lines[0].split()[0], psutil.Process(started.pid)
        finally:
            started.terminate()
            started.wait()


async def load(url: str, questions: list[str], clients: int) -> dict[str, Any]:
    """Ask all questions with so many clients at once: seconds of each, and how often which error came."""
    left = iter(questions)
    spent: list[float] = []
    errors: dict[str, int] = {}

    async def one(client: openai.AsyncOpenAI) -> None:
        for question in left:
            began = time.perf_counter()
            try:
                await client.chat.completions.create(model="run", messages=[{"role": "user", "content": question}])
                spent.append(time.perf_counter() - began)
            except openai.APIStatusError as error:
                errors[str(error.status_code)] = errors.get(str(error.status_code), 0) + 1
            except openai.APIConnectionError as error:
                errors[type(error).__name__] = errors.get(type(error).__name__, 0) + 1

    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        began = time.perf_counter()
        await asyncio.gather(*(one(client) for _ in range(clients)))
        return {"seconds": time.perf_counter() - began, "spent": spent, "errors": errors}


def first_tokens(url: str, run: jsarag.Run, questions: list[str]) -> tuple[list[float], list[float]]:
    """Seconds to the first token through the server and of the bare model, question by question in turns."""
    served, bare = list[float](), list[float]()
    generator = run.pipeline.generator
    assert isinstance(generator, LanguageModel)
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client, generator.prepared():
        for question, (best, *_) in zip(questions, run.pipeline.retrieve(questions), strict=True):
            context = generator.prompt.context(question, [best.passage], room=generator.config.max_new_tokens)
            bare.append(_bare(generator, context))
            began = time.perf_counter()
            stream = client.chat.completions.create(
                model="run", messages=[{"role": "user", "content": question}], stream=True
            )
            for chunk in stream:
                if chunk.choices[0].delta.content:
                    served.append(time.perf_counter() - began)
                    break
            for _ in stream:
                pass
    return served[1:], bare[1:]  # the first of each is slow


def _bare(generator: LanguageModel, context: list[int]) -> float:
    ids = torch.tensor([context], device=generator.device)
    began = time.perf_counter()
    with torch.inference_mode(), autocast(generator.dtype, generator.device):
        generator.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=1, do_sample=False, pad_token_id=0
        )
    return time.perf_counter() - began


def memory(run: Path, questions: list[str], requests: int) -> dict[str, Any]:
    """Resident megabytes of a server after each tenth of so many requests of eight clients."""
    with server(run, "--name", "run") as (url, process):
        found = []
        for _ in range(10):
            some = [questions[i % len(questions)] for i in range(requests // 10)]
            result = asyncio.run(load(url, some, 8))
            assert not result["errors"], result["errors"]
            found.append(process.memory_info().rss / 2**20)
        return {"requests": requests, "megabytes": found}


def told(clients: int, turns: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one number of clients."""
    spent = [seconds for turn in turns for seconds in turn["spent"]]
    cuts = quantiles(spent, n=100, method="inclusive")
    return {
        "clients": clients,
        "requests": len(spent),
        "per_second": len(spent) / sum(turn["seconds"] for turn in turns),
        "cpu": sum(turn["cpu"] for turn in turns) / len(spent),
        **{f"p{p}": cuts[p - 1] for p in (50, 95, 99)},
        "errors": [turn["errors"] for turn in turns if turn["errors"]],
    }


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a run")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32], help="clients at once (default 1 8 32)")
    parser.add_argument("--questions", type=int, default=64, help="questions a turn (default 64)")
    parser.add_argument("--turns", type=int, default=3, help="turns of each number of clients (default 3)")
    parser.add_argument("--first", type=int, default=16, help="first tokens timed (default 16)")
    parser.add_argument("--memory", type=int, default=0, help="requests over which memory is looked at (default none)")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/serving.json"), help="results")
    options = parser.parse_args()
    run = jsarag.Run.load(options.run)
    questions = [pair.input for pair in load_examples(run.config.data.train)]
    found: dict[str, Any] = {"machine": machine(run.pipeline.generator)}
    if options.memory:
        found["memory"] = memory(options.run, questions, options.memory)
        print(json.dumps(found["memory"]))
    if options.turns:
        turns: dict[int, list[dict[str, Any]]] = {clients: [] for clients in options.clients}
        with server(options.run, "--name", "run") as (url, process):
            asyncio.run(load(url, questions[:4], 1))
            served, bare = first_tokens(url, run, questions[: options.first + 1])
            ratio = median(a / b for a, b in zip(served, bare, strict=True))
            found["first"] = {"served": median(served), "bare": median(bare), "ratio": ratio}
            print(json.dumps(found["first"]))
            for turn in range(options.turns):
                for clients in options.clients:
                    begin = turn * options.questions
                    some = [questions[(begin + i) % len(questions)] for i in range(options.questions)]
                    used = sum(process.cpu_times()[:2])
                    turns[clients].append(asyncio.run(load(url, some, clients)))
                    turns[clients][-1]["cpu"] = sum(process.cpu_times()[:2]) - used
                    print(clients, len(some) / turns[clients][-1]["seconds"], flush=True)
            found["rss"] = process.memory_info().rss / 2**20
        found["load"] = [told(clients, of) for clients, of in turns.items()]
        base = mean(row["per_second"] for row in found["load"][:1])
        rows = [
            [str(row["clients"]), f"{row['per_second']:.2f}", f"{row['per_second'] / base:.2f}", f"{row['cpu']:.2f}"]
            + [f"{row[p]:.2f}" for p in ("p50", "p95", "p99")]
            + [json.dumps(row["errors"]) if row["errors"] else "none"]
            for row in found["load"]
        ]
        head = ["clients", "requests/s", "against one", "CPU s a request", "p50, s", "p95, s", "p99, s", "errors"]
        print(markdown(head, rows))
        with server(options.run, "--name", "run", "--queue", "8") as (url, _):
            found["full"] = asyncio.run(load(url, questions[:64], 64))["errors"]
            print("64 at once, a queue of 8:", found["full"])
    options.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.json, found)


if __name__ == "__main__":
    main()
