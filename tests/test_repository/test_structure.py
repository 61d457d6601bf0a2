"""The layout of the code: no file imports in a circle, and the mathematics knows nothing but torch."""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import jsarag

SOURCE = Path(jsarag.__file__).parent
PURE = {"torch", "jsarag.checks", "jsarag.registry", "jsarag.objectives"}


def name_of(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(file): file for file in SOURCE.rglob("*.py")}


def imported(file: Path) -> set[str]:
    """Every module that a file imports, inside of functions and for the type checker as well."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: a relative import"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else node.module for name in whole}
    return found


def test_no_file_imports_in_a_circle() -> None:
    graph = {name: {other for other in imported(file) & FILES.keys() if other != name} for name, file in FILES.items()}
    # The package itself only names where its public names are.
    graph.pop("jsarag")
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(" imports\n".join(reversed(error.args[1]))) from None


def test_objectives_know_torch_and_checks_alone() -> None:
    for name, file in FILES.items():
        if name.startswith("jsarag.objectives"):
            for module in imported(file):
                allowed = module.split(".")[0] in sys.stdlib_module_names or any(
                    module == one or module.startswith(f"{one}.") for one in PURE
                )
                assert allowed, f"{name} imports {module}"


def test_what_the_checks_know() -> None:
    assert imported(FILES["jsarag.checks"]) - set(sys.stdlib_module_names) == {"collections.abc", "jsarag.types"}
