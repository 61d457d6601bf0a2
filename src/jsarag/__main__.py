"""``python -m jsarag``: the command line, for launchers that want a module."""

from __future__ import annotations

import sys

from jsarag.cli.main import main

sys.exit(main())
