"""The process that encodes a knowledge base while training goes on: ``python -m jsarag.training.encode ORDER``.

``ORDER`` is a folder with ``order.json`` (the encoder, its settings, the knowledge base to encode anew, the folder to
write, the process that waits for it) and the encoder. It ends without a result when that process is gone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from accelerate import Accelerator

from jsarag.files import read_json
from jsarag.kb import KnowledgeBase
from jsarag.models import EncoderConfig, load_encoder


def main(folder: Path) -> int:
    """Do what the order says; 1 where nobody waits for it any more."""
    order = read_json(folder / "order.json")
    # The step that goes on beside this needs the machine more.
    os.nice(10)
    torch.set_num_threads(1)
    encoder = load_encoder(EncoderConfig(**order["encoder"]), Accelerator().device)

    def check(_: int) -> None:
        if os.getppid() != order["parent"]:
            raise SystemExit(1)

    kb = KnowledgeBase.load(Path(order["passages"])).rebuilt(encoder, progress=check)
    check(0)
    kb.save(Path(order["out"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
