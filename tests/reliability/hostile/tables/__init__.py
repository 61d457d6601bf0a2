"""The bad inputs by kind: each table crosses what is bad with the commands and the places where it can stand."""

from __future__ import annotations

from tests.reliability.hostile.case import Case
from tests.reliability.hostile.tables import files, folders, models, options, places, settings, special, words

TABLES = (settings, options, files, special, folders, models, places, words)


def cases() -> list[Case]:
    """All of them."""
    found = [case for table in TABLES for case in table.cases()]
    names = [str(case) for case in found]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
    return found
