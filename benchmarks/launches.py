"""Operations and synchronisations of one training step, by phase: what a step costs where a GPU waits for the host.

python benchmarks/launches.py --json benchmarks/results/launches.json

Counted on a CPU, in networks as deep as SmolLM2-135M with adapters on all layers and all-MiniLM-L6-v2, but narrow:
counts do not depend on widths. Each layer of the generator adds as many operations, so one and two layers are counted.
What depends on the device (what a batch costs, attention with gradient) is as on a GPU, and all prompts fit into one
batch. Batch 8, K = 10, m = 50, one state a chain, bfloat16, pairs of the bundled sample.

An operation is a call of PyTorch's dispatcher that computes or copies on the device; views are not counted. On a GPU
each is one kernel or a few. A synchronisation is a place where the host waits for the device: a number is read, a shape
depends on numbers (`nonzero`, an index of booleans), a tensor comes to the host, or goes to the device from memory that
is not pinned. Which tensors would lie on the device is followed from the weights on.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from jsarag.data import load_examples, load_passages
from jsarag.files import write_json
from jsarag.kb import SAMPLE, KnowledgeBase
from jsarag.models import EncoderConfig, GeneratorConfig, attention, batching, load_encoder, load_generator
from jsarag.models.encoder import sentence_encoder
from jsarag.models.generator import causal, language_model
from jsarag.models.generator.load import load_prompt
from jsarag.objectives import JSA, Objective, RagSequence, mixing
from jsarag.retriever import Retriever
from jsarag.training import LoopConfig, Models, OptimConfig, Settings, Trainer, last, step
from jsarag.training.record import Unrecorded
from jsarag.training.step import Outcome
from jsarag.types import Example

PHASES = ("retrieval", "scoring", "sampling", "gradient pass", "optimiser", "statistics", "other")
OBJECTIVES: dict[str, Objective] = {"jsa": JSA(k=10, m=50, states=1), "rag-sequence": RagSequence(k=10)}
BATCH = 8
BATCH_TOKENS = 20_480
"""One batch for all prompts: in the usual 16,384 the 80 prompts of top-K marginalisation just do not fit."""
LAYERS = 30
"""Of SmolLM2-135M."""
THERE = torch.device("cpu", 0)
"""Stands for a GPU: tensors lie on the CPU either way, but those that would lie on a GPU say that they lie here."""

VIEWS = frozenset(
    name
    for line in (
        "_reshape_alias _unsafe_view alias as_strided detach diagonal expand lift_fresh narrow permute reshape select",
        "slice split split_with_sizes squeeze t transpose unbind unfold unsqueeze view",
    )
    for name in line.split()
)
READS = frozenset(["_local_scalar_dense", "_unique2", "equal", "masked_select", "nonzero", "unique_dim"])
"""Operators whose result, or its shape, the host has to know."""
LEAVING = frozenset(["cpu", "numpy", "tolist"])
"""Methods that bring a tensor to the host."""


@dataclass(frozen=True)
class Counts:
    """Of one step, by phase.

    Attributes:
        operations: By operator.
        synchronisations: By what the host waited for.
    """

    operations: dict[str, Counter[str]] = field(default_factory=lambda: {phase: Counter() for phase in PHASES})
    synchronisations: dict[str, Counter[str]] = field(default_factory=lambda: {phase: Counter() for phase in PHASES})

    @property
    def totals(self) -> dict[str, int]:
        """Operations and synchronisations of the step."""
        return {name: sum(each.total() for each in phases.values()) for name, phases in vars(self).items()}


def extended(one: Counts, two: Counts, layers: int) -> Counts:
    """The counts with a generator of so many layers, from those with one layer and with two: each adds as many."""
    found = Counts()
    for name, phases in vars(found).items():
        for phase, each in phases.items():
            first, second = vars(one)[name][phase], vars(two)[name][phase]
            each.update({key: first[key] + (layers - 1) * (second[key] - first[key]) for key in first | second})
    return found


class Device:
    """Follows which tensors would lie on a GPU, and counts what happens there, by phase."""

    def __init__(self, models: Sequence[nn.Module]) -> None:
        """The weights of ``models`` lie there."""
        self.counts = Counts()
        self.paused = False
        self._phases = ["other"]
        self._storages: dict[int, StorageWeakRef] = {}
        for model in models:
            self.put(*model.parameters(), *model.buffers())

    def put(self, *tensors: Tensor) -> None:
        """Let tensors lie there."""
        for tensor in tensors:
            storage = StorageWeakRef(tensor.untyped_storage())
            self._storages[storage.cdata] = storage

    def holds(self, value: Any) -> bool:
        """Whether a value is a tensor that lies there."""
        if not isinstance(value, Tensor):
            return False
        storage = self._storages.get(value.untyped_storage()._cdata)
        return storage is not None and not storage.expired()

    def operation(self, name: str) -> None:
        """Count an operation."""
        self.counts.operations[self._phases[-1]][name] += 1

    def wait(self, name: str) -> None:
        """Count a synchronisation."""
        self.counts.synchronisations[self._phases[-1]][name] += 1

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Count nothing within the block."""
        self.paused = True
        try:
            yield
        finally:
            self.paused = False

    def watch(self, stack: ExitStack, owner: Any, name: str, phase: str | Callable[[], str]) -> None:
        """Count what every call of ``owner.name`` does for a phase, until the stack closes."""
        original = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._phases.append(phase if isinstance(phase, str) else phase())
            try:
                return original(*args, **kwargs)
            finally:
                self._phases.pop()

        stack.enter_context(patch.object(owner, name, watched))


class Operators(TorchDispatchMode):
    """Tells a `Device` of every operator."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run it; its results lie where its arguments do."""
        device, name = self._device, func._schema.name.split("::")[1]
        found = func(*args, **(kwargs or {}))
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if device.paused or not any(map(device.holds, given)):
            return found
        if name not in VIEWS:
            device.operation(name)
        masks = "index" in name and any(tensor.dtype == torch.bool for tensor in given[1:])
        if masks or name in READS:
            device.wait(name)
        device.put(*(leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor)))
        return found


class Moves(TorchFunctionMode):
    """Tells a `Device` of every tensor that comes or goes, and tells every tensor on which of both it lies."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one call of PyTorch."""
        device, kwargs = self._device, dict(kwargs or {})
        name, first = getattr(func, "__name__", ""), args[0] if args else None
        held = device.holds(first)
        if name == "__get__" and getattr(func, "__self__", None) is torch.Tensor.device:
            return THERE if held else torch.device("cpu")
        if name in LEAVING and held:
            device.wait(name)
            with device.pause():
                return func(first.detach().clone(), *args[1:], **kwargs)
        target = next((each for each in (*args[1:], *kwargs.values()) if isinstance(each, torch.device)), None)
        if name == "to" and held and target is not None:
            # Other libraries know but one CPU, and would move what lies there already.
            args = [each for each in args if each is not target]
            kwargs = {key: each for key, each in kwargs.items() if each is not target}
            return func(*args, **kwargs) if len(args) > 1 or kwargs.keys() - {"non_blocking"} else first
        if target != THERE:
            return func(*args, **kwargs)
        with device.pause():
            found = func(*args, **kwargs)
        if isinstance(found, Tensor):
            if name not in {"to", "tensor", "as_tensor", "empty"}:
                device.operation(name)
            elif name != "empty" and not kwargs.get("non_blocking"):
                device.wait("upload")
            device.put(found)
        return found


def narrow(folder: Path, layers: int) -> Any:
    """A narrow generator of so many layers with the tokenizer of SmolLM2; its files go into ``folder``."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = load_prompt(GeneratorConfig()).tokenizer
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load_generator(GeneratorConfig(str(folder), precision="bf16"), torch.device("cpu"))


@contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """Within the block what depends on the device is as on a GPU; generators are loaded in it."""
    gpu = torch.device("cuda")
    with ExitStack() as stack:
        for module in (language_model, sentence_encoder):
            stack.enter_context(patch.object(module, "overhead", lambda _: batching.overhead(gpu)))
        stack.enter_context(patch.object(language_model, "default_batch", lambda _: BATCH_TOKENS))
        stack.enter_context(patch.object(causal, "prefix_overhead", lambda _: batching.prefix_overhead(gpu)))
        stack.enter_context(patch.object(causal, "unmasked", lambda model, _: attention.unmasked(model, gpu)))
        stack.enter_context(patch.object(last, "in_pieces", lambda _: True))
        stack.enter_context(patch.object(language_model, "slow_backward", lambda *_: False))
        stack.enter_context(patch.object(language_model, "differentiable", lambda *_: nullcontext()))
        yield


def counted(
    encoder: Any, generator: Any, objective: Objective, kb: KnowledgeBase, pairs: Sequence[Example], steps: int = 2
) -> Counts:
    """What the last of so many steps of a training run does; to be called `as_on_a_gpu`.

    Args:
        encoder: Prior and posterior start as copies.
        generator: The generator.
        objective: What is maximised.
        kb: The passages.
        pairs: The batch.
        steps: The first one makes what is kept for all others; rates are 0, so that all steps are alike.
    """
    still = OptimConfig(lr_prior=0.0, lr_posterior=0.0, lr_generator=0.0)
    settings = Settings(optim=still, loop=LoopConfig(batch_size=len(pairs)))
    models = Models.of(encoder.copy(), generator.copy())
    trainer = Trainer(models, kb, pairs, objective, settings)
    trainer.record, trainer.pace = Unrecorded(), None
    device = Device([model for model in vars(models).values() if isinstance(model, nn.Module)])
    with ExitStack() as stack:
        phases(stack, device, trainer)
        stack.enter_context(Moves(device))
        stack.enter_context(Operators(device))
        for _ in range(steps):
            device.counts = Counts()
            trainer._step()
    return device.counts


def phases(stack: ExitStack, device: Device, trainer: Trainer) -> None:
    """Tell the phases of a step apart, until the stack closes."""
    for name in ("embed", "search", "log_probabilities"):
        device.watch(stack, Retriever, name, "retrieval")
    generator, kind = trainer.models.generator, type(trainer.objective)
    device.watch(
        stack, generator, "token_log_likelihood", lambda: "gradient pass" if torch.is_grad_enabled() else "scoring"
    )
    for name in ("propose", "weigh"):
        device.watch(stack, kind, name, "sampling")
    device.watch(stack, trainer.accelerator, "backward", "gradient pass")
    device.watch(stack, trainer.optimisation, "step", "optimiser")
    device.watch(stack, mixing, "diagnose", "statistics")
    device.watch(stack, step, "diagnose", "statistics")
    for name in ("product", "keep"):
        device.watch(stack, last.Last, name, "statistics")
    device.watch(stack, Outcome, "figures", "statistics")


def table(found: dict[str, Counts]) -> str:
    """Markdown: a row a phase."""
    head = [f"{name}: {figure}" for name in found for figure in ("operations", "synchronisations")]
    rows = [
        [phase, *(f"{each[phase].total():,}" for counts in found.values() for each in vars(counts).values())]
        for phase in PHASES
    ]
    rows.append(["all", *(f"{total:,}" for counts in found.values() for total in counts.totals.values())])
    return "\n".join(f"| {' | '.join(row)} |" for row in [["phase", *head], ["---"] * (1 + len(head)), *rows])


def main() -> None:
    """Count, keep, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/launches.json"), help="results, by operator")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pairs = load_examples(SAMPLE / "train.jsonl")
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0)).tolist()
    batch = [pairs[i] for i in order[:BATCH]]
    with tempfile.TemporaryDirectory() as folder, as_on_a_gpu():
        encoder = load_encoder(EncoderConfig(precision="bf16"), torch.device("cpu"))
        kb = KnowledgeBase.build(load_passages(SAMPLE / "passages.jsonl"), encoder)
        generators = [narrow(Path(folder) / f"{layers}", layers) for layers in (1, 2)]
        found = {
            name: extended(*(counted(encoder, each, objective, kb, batch) for each in generators), LAYERS)
            for name, objective in OBJECTIVES.items()
        }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: {"totals": counts.totals, **vars(counts)} for name, counts in found.items()}
    write_json(options.json, {"layers": LAYERS, "torch": torch.__version__, "objectives": kept})
    print(table(found))


if __name__ == "__main__":
    main()
