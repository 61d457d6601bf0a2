"""Names for parts that can be chosen: those built in, those of other packages, those registered while a program runs.

A package offers a part by an entry point, for which nothing is imported before its name is asked for:

    [project.entry-points."jsarag.objectives"]
    mine = "my_package:Mine"

In a notebook ``OBJECTIVES.register("mine", Mine)`` does the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from jsarag.checks import closest
from jsarag.types import InputError

Thing = TypeVar("Thing")

_LOG = logging.getLogger(__name__)


class Registry(Mapping[str, Thing]):
    """Parts of one kind by name, in the order in which people should read them."""

    def __init__(self, group: str, built_in: Mapping[str, Thing]) -> None:
        """Know the built-in parts, and those that installed packages offer as entry points of ``group``."""
        self.group = group
        self._known = dict(built_in)
        self._offers: dict[str, EntryPoint] | None = None
        self._built_in = frozenset(built_in)
        self._left_out: set[str] = set()

    def register(self, name: str, thing: Thing) -> Thing:
        """Add a part under a new name; returns the part.

        Raises:
            InputError: the name is taken.
        """
        if name in self:
            raise InputError(f"{self.group}: {name!r} is taken; expected a new name")
        self._known[name] = thing
        return thing

    def unregister(self, name: str) -> None:
        """Take away a part that was registered, so that another may have its name.

        Raises:
            InputError: no part of that name was registered.
        """
        if name not in self._known or name in self._built_in or name in self._offered():
            raise InputError(f"{self.group}: expected the name of a part that was registered, got {name!r}")
        del self._known[name]

    def named(self, name: str, option: str, package: str = "") -> Thing:
        """The part of that name, which a user gave for ``option``, or a file that names its package.

        Raises:
            InputError: there is none; the message names the package, or lists those there are.
        """
        if name not in self and package:
            raise InputError(f"{option}: {name!r} came with the package {package}, which is not installed here")
        if name not in self:
            raise InputError(f"{option}: expected one of {', '.join(self)}, got {name!r}{closest(name, self)}")
        return self[name]

    def loadable(self, name: str) -> Thing | None:
        """The part of that name; None where there is none, or where its package cannot be loaded: that is told once."""
        try:
            return self.get(name)
        except InputError as error:
            if name not in self._left_out:
                _LOG.warning("%s; it is left out", error)
            self._left_out.add(name)
            return None

    def all_loadable(self) -> dict[str, Thing]:
        """All parts but those whose package cannot be loaded: nobody asked for these by name."""
        return {name: part for name in self if (part := self.loadable(name)) is not None}

    def origin(self, name: str) -> str:
        """The package, with its version, that offers a part; empty where the part is built in or was registered."""
        offer = None if name in self._built_in else self._offered().get(name)
        return f"{offer.dist.name} {offer.dist.version}" if offer is not None and offer.dist is not None else ""

    def __getitem__(self, name: str) -> Thing:
        """The part of that name; one that a package offers is loaded now.

        Raises:
            KeyError: there is none.
            InputError: the package that offers the part cannot be loaded.
        """
        if name not in self._known:
            offer = self._offered()[name]
            try:
                self._known[name] = offer.load()
            except Exception as error:  # whatever another package does while it is imported
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                raise InputError(f"{self.group}: {name!r} of {self.origin(name)} cannot be loaded ({reason})") from None
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is such a part; none is loaded."""
        return name in self._known or name in self._offered()

    def __iter__(self) -> Iterator[str]:
        """The names: built in, then registered or offered; none is loaded."""
        yield from self._known
        yield from (name for name in self._offered() if name not in self._known)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _offered(self) -> dict[str, EntryPoint]:
        if self._offers is None:
            self._offers = {offer.name: offer for offer in entry_points(group=self.group)}
        return self._offers
