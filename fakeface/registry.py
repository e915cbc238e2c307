"""Name -> component. A variant is one registered function or class, with no edit elsewhere."""

import difflib
import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from types import FrameType, MappingProxyType
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from fakeface.errors import UserError

T = TypeVar("T")


class UnknownComponent(UserError):
    """No component of this kind has the name; the message suggests the nearest one and lists all."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        super().__init__(f"unknown {kind} {name!r}{nearest(name, known)} (known: {', '.join(known)})")


class Registration(NamedTuple):
    """Where a component was registered."""

    module: str
    line: int


class Registry(Generic[T]):
    """The components of one kind, by name, in the order of registration.

    Args:
        kind: what a component is, for messages.
        given: number of arguments that the caller of a component passes by position. The others are its options,
            which a user may set.
        cached: whether what components make is kept, so that a changed component must not find it.
    """

    every: ClassVar[list["Registry[Any]"]] = []
    """All registries of this process."""

    def __init__(self, kind: str, given: int = 0, *, cached: bool = False) -> None:
        self.kind, self.given, self.cached = kind, given, cached
        self._components: dict[str, T] = {}
        self._registrations: dict[str, Registration] = {}
        self.code: dict[str, str] = {}
        """Digests of the code of those components that a user's files registered, where `cached` asks for them."""
        Registry.every.append(self)

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: make a component known under `name`.

        Raises:
            ValueError: the name is taken.
        """
        frame = self._caller()
        here = Registration(frame.f_globals["__name__"], frame.f_lineno)

        def add(component: T) -> T:
            if name in self._components:
                before = self._registrations[name]
                raise ValueError(
                    f"{self.kind} {name!r} is registered twice, first by {before.module} (line {before.line})"
                )
            self._components[name], self._registrations[name] = component, here
            return component

        return add

    def _caller(self) -> FrameType:
        """The innermost frame outside this module and the module of the registry's class."""
        frame = sys._getframe()
        while frame.f_globals["__name__"] in (__name__, type(self).__module__) and frame.f_back is not None:
            frame = frame.f_back
        return frame

    def registered_by(self, modules: Collection[str]) -> dict[str, Registration]:
        """The names that some modules registered."""
        return {name: where for name, where in self._registrations.items() if where.module in modules}

    def definition(self, name: str) -> object:
        """The function or class that was registered under a name."""
        return self[name]

    def forget(self, name: str) -> None:
        """Take a registration back."""
        del self._components[name], self._registrations[name]
        self.code.pop(name, None)

    def __getitem__(self, name: str) -> T:
        """Raises UnknownComponent, which lists the known names."""
        try:
            return self._components[name]
        except KeyError:
            raise UnknownComponent(self.kind, name, list(self)) from None

    def parameters(self, name: str) -> dict[str, inspect.Parameter]:
        """The options of the component `name`: parameters of the function, or of the class's constructor."""
        component: Any = self[name]
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        parameters = list(inspect.signature(component).parameters.values())[self.given :]
        return {parameter.name: parameter for parameter in parameters if parameter.kind in named}

    def arguments(
        self, name: str, options: Mapping[str, Any], settings: Mapping[str, Any] = MappingProxyType({})
    ) -> dict[str, Any]:
        """All keyword arguments of the component `name`: its options, as they are set or by default, and settings.

        Where the default is a float, an integer becomes one, so that `clip: 1` and `clip: 1.0` are the same.

        Args:
            settings: values of arguments that have a setting of their own and are no options. Those that the component
                does not have are left out.

        Raises:
            UserError: the component is unknown, does not have an option or needs one, or a value's type is not that
                of the default.
        """
        parameters = self.parameters(name)
        known = [parameter for parameter in parameters if parameter not in settings]
        for option in options:
            if option not in known:
                hint = nearest(option, known)
                raise UserError(
                    f"{self.kind} {name!r} has no option {option!r}{hint} (options: {', '.join(known) or 'none'})"
                )
        found = {own: settings[own] for own in parameters if own in settings}
        for option in known:
            parameter = parameters[option]
            value, default = options.get(option, parameter.default), parameter.default
            if value is parameter.empty:
                raise UserError(f"{self.kind} {name!r} needs the option {option!r}")
            if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(default) in _OPTION_TYPES and type(value) is not type(default):
                must = _OPTION_TYPES[type(default)]
                raise UserError(f"{self.kind} {name!r}: the option {option!r} must be {must} (got {value!r})")
            found[option] = value
        return found

    def build(self, name: str, options: Mapping[str, Any], *given: Any, **settings: Any) -> Any:
        """What the component `name` returns for the given arguments, its options, and settings as in `arguments`.

        Raises:
            UserError: as `arguments` does, or the component refuses a value by a TypeError or ValueError.
        """
        component: Any = self[name]
        arguments = self.arguments(name, options, settings)
        try:
            return component(*given, **arguments)
        except (TypeError, ValueError) as error:
            raise UserError(f"{self.kind} {name!r}: {error}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._components)

    def __contains__(self, name: object) -> bool:
        return name in self._components


_OPTION_TYPES = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}


def nearest(name: str, known: list[str]) -> str:
    """` — did you mean 'sgd'?` if a known name is close, else the empty string."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f" — did you mean {close[0]!r}?" if close else ""
