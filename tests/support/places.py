"""Where a function is that a plugin wraps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Place:
    """A name in a class or in a module."""

    owner: Any
    name: str

    @classmethod
    def of(cls, target: str) -> Place:
        """The place of ``module:Class.method`` or ``module:function``."""
        module, path = target.split(":")
        *classes, name = path.split(".")
        place = cls(reduce(getattr, classes, import_module(module)), name)
        assert hasattr(place.owner, name), f"{target} does not exist"
        return place

    def held(self) -> Any:
        """What the owner itself holds there; ``None`` if it inherits it."""
        return vars(self.owner).get(self.name)

    def get(self) -> Any:
        """What a user finds there."""
        return getattr(self.owner, self.name)

    @contextmanager
    def replaced_by(self, stand_in: Callable[..., Any]) -> Iterator[None]:
        """Puts a function there for a while. It is called without a receiver, also in a class."""
        before = self.held()
        setattr(self.owner, self.name, stand_in)
        try:
            yield
        finally:
            if before is None:
                delattr(self.owner, self.name)
            else:
                setattr(self.owner, self.name, before)
