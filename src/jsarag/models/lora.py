"""Low-rank adaptation, on PEFT; the only file that knows it.

PEFT adds the low-rank path to a layer's output in four operations, each a pass over the activations; here it is one
matrix product that adds to its input (`torch.addmm`, in place), in forward and backward. Without gradient even that is
saved in float32. What the layers multiply by is made in a few operations for all of them: `ready`. Weights, names and
files stay PEFT's.
Measured: a training pass takes 1.81 times as long with PEFT's own layers (benchmarks/README.md).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peft
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from jsarag.models.checks import check_alike
from jsarag.types import InputError

PLAIN = "default"
"""The name that PEFT gives the only adapter."""
STATE_SPACE = frozenset({"falcon_h1", "falcon_mamba", "mamba", "mamba2", "nemotron_h"})
NOT_ADAPTED = ["conv1d", "dt_proj", "out_proj"]
"""Layers whose weights `STATE_SPACE` families read past the layer, where an adapter is refused by PEFT or lost."""


class _Linear(peft.tuners.lora.Linear):
    """W x + s B A x, where PEFT's own layer has nothing else to do and W is that of an ordinary linear layer.

    Attributes:
        whole: W + s B A while `ready` holds it, else None.
        factors: A and the transpose of s B in the format of W, with gradient, while `ready` holds them, else None.
    """

    whole: Tensor | None = None
    factors: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self.disable_adapters or self.merged or args or kwargs or self.active_adapters != [PLAIN]:
            result: Tensor = super().forward(x, *args, **kwargs)
            return result
        whole = self.whole
        if whole is not None:
            bias: Any = self.base_layer.bias
            return nn.functional.linear(x, whole, bias)
        rows = x.flatten(0, -2)
        y: Tensor = self.base_layer(rows)
        down, up = self.factors or self.cast(y.dtype)
        low = nn.functional.linear(rows.to(y.dtype), down)
        # In place: nothing else holds y, and no backward pass asks for it.
        return y.addmm_(low, up).view(*x.shape[:-1], -1)

    def cast(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """A and the transpose of s B."""
        down: Any = self.lora_A[PLAIN].weight
        up: Any = self.lora_B[PLAIN].weight
        return down.to(dtype), (up * self.scaling[PLAIN]).to(dtype).t()


def adapted(model: Any, *, rank: int, alpha: int, targets: list[str] | str, dtype: torch.dtype) -> Any:
    """Wrap ``model`` so that adapters of the layers ``targets`` are all that learns.

    Args:
        model: A language model of transformers.
        rank: Rank of the update.
        alpha: Scale of the update; it enters as alpha / rank.
        targets: Names of layers, or "all-linear".
        dtype: Format of the computation.

    Raises:
        InputError: no layer has such a name, or PEFT cannot adapt one of them.
    """
    task = "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM"
    settings = peft.LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=targets,
        exclude_modules=_left_out(model) if targets == "all-linear" else None,
        lora_dropout=0.0,
        task_type=task,
    )
    layers = [name for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D)]
    linear = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in layers}))
    expected = f"generator.lora.targets: expected all-linear or names of layers that can be adapted ({linear});"
    try:
        with warnings.catch_warnings():
            # transformers' own call of what it renamed: nothing that a user could mend.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            wrapped: Any = peft.get_peft_model(model, settings)
    except ValueError as error:
        raise InputError(f"{expected} {str(error).splitlines()[0]}") from None
    for target in targets if isinstance(targets, list) else ():
        # PEFT is content with one name that a layer has.
        if not any(f".{name}".endswith(f".{target}") for name in wrapped.base_model.targeted_module_names):
            raise InputError(f"{expected} no layer is called {target!r}")
    for name in ("target_modules", "exclude_modules"):
        # PEFT keeps sets, whose order differs from process to process, and with them its files.
        if isinstance(kept := getattr(wrapped.peft_config[PLAIN], name), set):
            setattr(wrapped.peft_config[PLAIN], name, sorted(kept))
    for module in wrapped.modules():
        if dtype != torch.float32 and hasattr(module, "cast_input_dtype_enabled"):
            # PEFT would cast activations to the adapters' float32 and autocast would cast them back.
            module.cast_input_dtype_enabled = False
        ordinary = type(module) is peft.tuners.lora.Linear and type(module.base_layer) is nn.Linear
        if ordinary and not module.lora_variant:
            module.__class__ = _Linear
    return wrapped


def load(model: Any, folder: Path) -> None:
    """Take over the adapters that PEFT saved in a folder.

    Raises:
        InputError: adapters of other layers or sizes, or a number that is not finite.
    """
    try:
        saved = peft.load_peft_weights(str(folder), device="cpu")
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"{folder}: cannot be loaded as adapters of PEFT: {str(error).splitlines()[0]}") from None
    own = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    check_alike(saved, own, str(folder))
    peft.set_peft_model_state_dict(model, saved)


def _left_out(model: Any) -> list[str] | None:
    """Layers among the linear ones that bear no adapter: their output is none, or their weights are read past them."""
    named = NOT_ADAPTED if model.config.model_type in STATE_SPACE else []
    odd = [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and not _linear(module)]
    return [*named, *odd] or None


@torch.no_grad()
def _linear(module: nn.Linear) -> bool:
    """Whether a layer gives one vector for each it is given: routers of experts and grouped layers do not."""
    if type(module).forward is nn.Linear.forward:
        return True
    try:
        found = module(module.weight.new_zeros(1, 1, module.in_features))
    except (RuntimeError, TypeError, ValueError):
        return False
    return isinstance(found, Tensor) and found.shape == (1, 1, module.out_features)


@contextmanager
def ready(model: Any) -> Iterator[None]:
    """Within the block what adapted layers multiply by is made once, and for all layers together.

    With gradient, and in bf16, that is A and s B in the format of W. Without gradient in float32 it is W + s B A, and a
    layer is one product; it costs a copy of the adapted weights for as long. In bf16 that sum would be rounded to the 8
    bits of W and lose updates that two products keep.
    """
    layers = [module for module in model.modules() if isinstance(module, _Linear)]
    groups: dict[tuple[torch.dtype, float], list[_Linear]] = {}
    for layer in layers:
        weight: Any = layer.base_layer.weight
        if weight.dtype == torch.float32 and not torch.is_grad_enabled():
            down, up = layer.cast(torch.float32)
            layer.whole = torch.addmm(weight, up.t(), down)
        else:
            groups.setdefault((weight.dtype, layer.scaling[PLAIN]), []).append(layer)
    for (dtype, scale), some in groups.items():
        weights = [factor[PLAIN].weight for way in ("lora_A", "lora_B") for factor in (getattr(x, way) for x in some)]
        made = _Factors.apply(scale, dtype, *weights)  # type: ignore[no-untyped-call]
        for layer, down, up in zip(some, made[: len(some)], made[len(some) :], strict=True):
            layer.factors = down, up.t()
    try:
        yield
    finally:
        for layer in layers:
            layer.whole = layer.factors = None


class _Factors(torch.autograd.Function):
    """A of some layers, and s B of as many, in another format: a call for all of them, not two a layer."""

    @staticmethod
    def forward(ctx: Any, scale: float, dtype: torch.dtype, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.scale = scale
        ctx.set_materialize_grads(False)
        half = len(weights) // 2
        return _converted(weights[:half], weights[half:], scale, dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Those of layers that took no part are none."""
        half = len(gradients) // 2
        downs, ups = ([g for g in some if g is not None] for some in (gradients[:half], gradients[half:]))
        made = iter(_converted(downs, ups, ctx.scale, torch.float32))
        return None, None, *(None if gradient is None else next(made) for gradient in gradients)


def _converted(
    plain: Sequence[Tensor], scaled: Sequence[Tensor], scale: float, dtype: torch.dtype
) -> tuple[Tensor, ...]:
    """Tensors in a format, the second ones times ``scale``, which is done in float32; all in one piece of memory."""
    tensors = [*plain, *scaled]
    flat = torch.cat([tensor.flatten() for tensor in tensors]).float()
    flat[sum(tensor.numel() for tensor in plain) :] *= scale
    parts = torch.split(flat.to(dtype), [tensor.numel() for tensor in tensors])
    return tuple(part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True))
