"""Low-rank adaptation, on PEFT; the only file that knows it.

PEFT adds the low-rank path to a layer's output in four operations, each a pass over the activations; here it is one
matrix product that adds to its input (`torch.addmm`), in forward and backward. Without gradient and in float32 even
that is saved: `merged`. Weights, names and files stay PEFT's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import peft
import torch
from torch import Tensor, nn

PLAIN = "default"
"""The name that PEFT gives the only adapter."""


class _Linear(peft.tuners.lora.Linear):
    """W x + s B A x, where PEFT's own layer has nothing else to do.

    Attributes:
        whole: W + s B A while `merged` holds it, else None.
    """

    whole: Tensor | None = None

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self.disable_adapters or self.merged or args or kwargs or self.active_adapters != [PLAIN]:
            result: Tensor = super().forward(x, *args, **kwargs)
            return result
        if self.whole is not None:
            bias: Any = self.base_layer.bias
            return nn.functional.linear(x, self.whole, bias)
        y: Tensor = self.base_layer(x)
        down: Any = self.lora_A[PLAIN].weight
        up: Any = self.lora_B[PLAIN].weight
        low = nn.functional.linear(x.to(y.dtype), down.to(y.dtype)).flatten(0, -2)
        return torch.addmm(y.flatten(0, -2), low, (up * self.scaling[PLAIN]).to(y.dtype).t()).view_as(y)


def adapted(model: Any, *, rank: int, alpha: int, targets: list[str] | str, dtype: torch.dtype) -> Any:
    """Wrap ``model`` so that adapters of the layers ``targets`` are all that learns.

    Args:
        model: A language model of transformers.
        rank: Rank of the update.
        alpha: Scale of the update; it enters as alpha / rank.
        targets: Names of layers, or "all-linear".
        dtype: Format of the computation.
    """
    task = "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM"
    settings = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, lora_dropout=0.0, task_type=task)
    wrapped: Any = peft.get_peft_model(model, settings)
    for module in wrapped.modules():
        if dtype != torch.float32 and hasattr(module, "cast_input_dtype_enabled"):
            # PEFT would cast activations to the adapters' float32 and autocast would cast them back.
            module.cast_input_dtype_enabled = False
        if type(module) is peft.tuners.lora.Linear and not module.lora_variant:
            module.__class__ = _Linear
    return wrapped


@contextmanager
def merged(model: Any) -> Iterator[None]:
    """Within the block, where nothing may need a gradient, adapted layers multiply by W + s B A, made once.

    Costs a copy of the adapted weights for as long. In float32 alone: in bf16 the sum would be rounded to the 8 bits of
    W and lose updates that the two products keep.
    """
    layers = [m for m in model.modules() if isinstance(m, _Linear) and m.base_layer.weight.dtype == torch.float32]
    with torch.no_grad():
        for layer in layers:
            weight: Any = layer.base_layer.weight
            down: Any = layer.lora_A[PLAIN].weight
            up: Any = layer.lora_B[PLAIN].weight
            layer.whole = torch.addmm(weight, up, down, alpha=layer.scaling[PLAIN])
    try:
        yield
    finally:
        for layer in layers:
            layer.whole = None
