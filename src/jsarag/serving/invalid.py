"""A request whose fields are not what they must be, in our words: the field, and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KINDS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "an object",
    "model": "an object",
    "dataclass": "an object",
}
"""What pydantic's errors of type are named after: ``string_type``, ``int_parsing``, ``model_attributes_type``."""
BOUNDS = {
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of {ge} or more",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of {le} or less",
    "finite_number": "a finite number",
    "string_too_short": "a text of {min_length} characters or more",
    "string_too_long": "a text of at most {max_length} characters",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of at most {max_length}",
    "literal_error": "{expected}",
    "missing": "a value; the field is required",
    "extra_forbidden": "no field of this name",
    "json_invalid": "valid JSON ({error})",
}
"""Its other errors, filled in from what they bring."""


def told(error: Mapping[str, Any]) -> tuple[str, str]:
    """The field of an error of pydantic, and what is wrong with it."""
    kind: str = error["type"]
    place = error["loc"][1:] if kind != "json_invalid" else ()
    # The branch of a union that was tried is no field: ``str``, ``list[Part]``.
    names = [str(part) for part in place if part not in ("str", "int", "float", "bool") and "[" not in str(part)]
    field = ".".join(names)
    if kind == "value_error":  # what a check of ours said
        return field, str(error["msg"]).removeprefix("Value error, ")
    bounds = {name: f"{value:g}" if isinstance(value, float) else value for name, value in error.get("ctx", {}).items()}
    expected = BOUNDS.get(kind, "").format_map(bounds) or KINDS.get(kind.partition("_")[0])
    return field, f"expected {expected}" if expected else "expected another value"
