"""Name -> component. A variant is one registered function or class, with no edit elsewhere."""

import difflib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from fakeface.errors import UserError

T = TypeVar("T")


class UnknownComponent(UserError):
    """No component of this kind has the name; the message suggests the nearest one and lists all."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        super().__init__(f"unknown {kind} {name!r}{nearest(name, known)} (known: {', '.join(known)})")


class Registry(Generic[T]):
    """The components of one kind, by name, in the order of registration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._components: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: make a component known under `name`.

        Raises:
            ValueError: the name is taken.
        """

        def add(component: T) -> T:
            if name in self._components:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._components[name] = component
            return component

        return add

    def __getitem__(self, name: str) -> T:
        """Raises UnknownComponent, which lists the known names."""
        try:
            return self._components[name]
        except KeyError:
            raise UnknownComponent(self.kind, name, list(self)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._components)

    def __contains__(self, name: object) -> bool:
        return name in self._components


def nearest(name: str, known: list[str]) -> str:
    """` — did you mean 'sgd'?` if a known name is close, else the empty string."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f" — did you mean {close[0]!r}?" if close else ""
