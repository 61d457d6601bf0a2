"""A server under load: throughput and latency by number of clients, time to the first token, memory.

python benchmarks/serving.py runs/quickstart --json runs/benchmarks/serving.json

The servers are processes of their own (`jsarag serve`), the clients are the official one of OpenAI. Each client asks
its next question as soon as the last one is answered. The questions are the test questions of the run, shuffled, each
once a setting: a passage is read as often as the retriever finds it. Three servers take turns, and numbers of clients
within them, so that a change of the machine's load meets all alike:

- none: `--prefix-cache 0`, every prompt is read whole;
- cold: a new server, which keeps what it reads;
- warm: the training questions were asked before, which are others about the same passages.

Time to the first token is that of a streamed answer with one client, in turns with the bare call: `generate` of one
token on the same prompt, weights prepared. It holds the search for the passage, which is timed alone as well. Memory is
the resident memory of a server's process, CPU seconds are its own too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

from jsarag.system.threads import wait_asleep

wait_asleep()  # as the command line does, before torch is imported

import httpx  # noqa: E402
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


def first_tokens(urls: dict[str, str], run: jsarag.Run, questions: list[str]) -> dict[str, list[float]]:
    """Seconds to the first token through each server and of the bare model, and those of the search, in turns."""
    found: dict[str, list[float]] = {name: [] for name in (*urls, "bare", "search")}
    generator = run.pipeline.generator
    assert isinstance(generator, LanguageModel)
    with generator.prepared():
        for question in questions:
            began = time.perf_counter()
            ((best, *_),) = run.pipeline.retrieve([question])
            found["search"].append(time.perf_counter() - began)
            context = generator.prompt.context(question, [best.passage], room=generator.config.max_new_tokens)
            found["bare"].append(_bare(generator, context))
            for name, url in urls.items():
                found[name].append(_served(url, question))
    return {name: seconds[1:] for name, seconds in found.items()}  # the first of each is slow


def _served(url: str, question: str) -> float:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        client.models.list()  # connected
        began = time.perf_counter()
        stream = client.chat.completions.create(
            model="run", messages=[{"role": "user", "content": question}], stream=True
        )
        spent = next(time.perf_counter() - began for chunk in stream if chunk.choices[0].delta.content)
        for _ in stream:
            pass
        return spent


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


def prefixes(url: str) -> tuple[float, float]:
    """Tokens of prompts that a server has looked up so far, and those of them that it had read before."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("jsarag_prefix_tokens_total"))
    kinds = [float(found.get(f'jsarag_prefix_tokens_total{{kind="{kind}"}}', 0)) for kind in ("asked", "found")]
    return kinds[0], kinds[1]


def turn(url: str, process: psutil.Process, questions: list[str], clients: int) -> dict[str, Any]:
    """One turn of so many clients at one server."""
    used, before = sum(process.cpu_times()[:2]), prefixes(url)
    found = asyncio.run(load(url, questions, clients))
    after = prefixes(url)
    cpu = sum(process.cpu_times()[:2]) - used
    return {**found, "cpu": cpu, "asked": after[0] - before[0], "found": after[1] - before[1]}


def told(server: str, clients: int, turns: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one number of clients at one server."""
    spent = [seconds for turn in turns for seconds in turn["spent"]]
    cuts = quantiles(spent, n=100, method="inclusive")
    return {
        "server": server,
        "clients": clients,
        "known": sum(turn["found"] for turn in turns) / max(sum(turn["asked"] for turn in turns), 1),
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
    parser.add_argument("--questions", type=int, default=32, help="questions a turn (default 32)")
    parser.add_argument("--turns", type=int, default=3, help="turns of each number of clients (default 3)")
    parser.add_argument("--servers", nargs="+", default=["none", "cold", "warm"], help="which (default none cold warm)")
    parser.add_argument("--warm", type=int, default=None, help="questions that warm a server (default all)")
    parser.add_argument("--first", type=int, default=24, help="first tokens timed (default 24)")
    parser.add_argument("--memory", type=int, default=0, help="requests over which memory is looked at (default none)")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/serving.json"), help="results")
    options = parser.parse_args()
    run = jsarag.Run.load(options.run)
    data = run.config.data
    others = [pair.input for pair in load_examples(data.train)][: options.warm]
    questions = [pair.input for pair in load_examples(data.test or data.train)]
    Random(0).shuffle(questions)
    stream = cycle(questions)
    found: dict[str, Any] = {"machine": machine(run.pipeline.generator)}
    if options.memory:
        found["memory"] = memory(options.run, questions, options.memory)
        print(json.dumps(found["memory"]))
    if options.turns:
        with ExitStack() as stack:
            servers = {
                name: stack.enter_context(
                    server(options.run, "--name", "run", *(("--prefix-cache", "0") if name == "none" else ()))
                )
                for name in options.servers
            }
            if "warm" in servers:
                asyncio.run(load(servers["warm"][0], others, 32))
            turns: dict[tuple[str, int], list[dict[str, Any]]] = {}
            for _ in range(options.turns):
                some = {clients: list(islice(stream, options.questions)) for clients in options.clients}
                for name, (url, process) in servers.items():
                    for clients in options.clients:
                        turns.setdefault((name, clients), []).append(turn(url, process, some[clients], clients))
                        print(name, clients, options.questions / turns[name, clients][-1]["seconds"], flush=True)
            found["rss"] = {name: process.memory_info().rss / 2**20 for name, (_, process) in servers.items()}
            urls = {name: url for name, (url, _) in servers.items()}
            first = first_tokens(urls, run, list(islice(stream, options.first + 1)))
            found["first"] = {
                name: {
                    "seconds": median(spent),
                    "ratio": median(a / b for a, b in zip(spent, first["bare"], strict=True)),
                }
                for name, spent in first.items()
            }
        found["load"] = [told(*key, of) for key, of in turns.items()]
        base = {row["server"]: row["per_second"] for row in found["load"] if row["clients"] == options.clients[0]}
        rows = [
            [row["server"], str(row["clients"]), f"{row['known']:.0%}", f"{row['per_second']:.2f}"]
            + [f"{row['per_second'] / base[row['server']]:.2f}", f"{row['cpu']:.2f}"]
            + [f"{row[p]:.2f}" for p in ("p50", "p95", "p99")]
            + [json.dumps(row["errors"]) if row["errors"] else "none"]
            for row in found["load"]
        ]
        head = ["server", "clients", "tokens known", "requests/s", "against one", "CPU s a request"]
        print(markdown([*head, "p50, s", "p95, s", "p99, s", "errors"], rows))
        firsts = [[name, f"{one['seconds']:.3f}", f"{one['ratio']:.2f}"] for name, one in found["first"].items()]
        print(markdown(["first token", "s", "over the bare call"], firsts))
        with server(options.run, "--name", "run", "--queue", "8") as (url, _):
            found["full"] = asyncio.run(load(url, questions[:64], 64))["errors"]
            print("64 at once, a queue of 8:", found["full"])
    options.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.json, found)


if __name__ == "__main__":
    main()
