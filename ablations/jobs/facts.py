"""What only the registered components can say of a run: whether its settings are sound, what they come to, its code.

Components need torch, which takes seconds to import. What ours say is therefore remembered in the user's cache, as
Python does with byte code: for as long as no source of this project changes. What a user's modules register is not.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import ablations
import fakeface
from ablations.code import user as user_modules
from ablations.spec import Problem, Run, RunConfig
from ablations.store.exported import Recorded, key_of
from fakeface.config import canonical_digest
from fakeface.files import cache_folder, whole_file
from fakeface.scores import ScoreKind

FILE: Path | None = cache_folder() / f"facts-{canonical_digest({'of': __file__})[:16]}.json"
"""None: nothing is remembered, as in tests, which replace parts of the code."""
MOST = 20_000
"""Answers in the file. Beyond, it begins again."""


class Protocol(NamedTuple):
    """How a kind of score is taken."""

    details: dict[str, Any]
    """As `protocols_of` has it."""
    identity: str

    def record(self) -> dict[str, Any]:
        """The fields of a score's record that describe it."""
        return {"protocol": self.identity, "metric": self.details["metric"], "details": self.details}


class Facts:
    """Asks the components of the modules that are loaded, or remembers what they said. To be saved at the end."""

    def __init__(self, recorded: Recorded | None = None) -> None:
        """
        Args:
            recorded: what an export says, which then counts.
        """
        self._recorded = recorded
        self._file = None if user_modules.current().entries else FILE
        self._memory: dict[str, dict[str, Any]] = {"answers": {}, "values": {}}
        self._grown = False
        if self._file is not None:
            with suppress(OSError, ValueError, KeyError, TypeError):  # damaged counts as none
                found = json.loads(self._file.read_bytes())
                if found["code"] == _source_digest() and len(found["answers"]) < MOST:
                    self._memory = found

    def problems(self, run: Run) -> Sequence[Problem]:
        """What is wrong with the components of a run. Only that there is nothing is remembered."""
        found: Sequence[Problem] = ()

        def is_sound() -> bool:
            nonlocal found
            found = _components().problems_of(run)
            return not found

        written = {".".join(path): layer for path, (_, layer) in run.settings.items()}
        self._answer(["sound", run.config.model_dump(mode="json"), written], is_sound)
        return found

    def resolved(self, config: RunConfig, num_images: int) -> dict[str, Any]:
        """`resolved_settings`. Raises UserError as that does."""
        training = config.training()
        if recorded := self._recorded_of(config):
            return dict(recorded["resolved"])
        found: dict[str, Any] = self._answer(
            ["resolved", training.model_dump(mode="json"), num_images],
            lambda: _components().resolved_settings(training, num_images),
        )
        return found

    def code(self, config: RunConfig) -> dict[str, str]:
        """Labelled digests of a training's code."""
        if recorded := self._recorded_of(config):
            return dict(recorded["code"])
        found: dict[str, str] = self._answer(
            ["code", config.training().model_dump(mode="json")], lambda: _components().training_code(config)
        )
        return found

    def protocols(self, config: RunConfig) -> dict[ScoreKind, Protocol]:
        """The protocol of each kind of score that is taken."""
        found = self._recorded.protocols.get(key_of(config.evaluation)) if self._recorded else None
        found = found or self._answer(
            ["protocols", config.evaluation.model_dump(mode="json")],
            lambda: _components().scoring_protocols(config),
        )
        return {ScoreKind(kind): Protocol(*protocol) for kind, protocol in found.items()}

    def _recorded_of(self, config: RunConfig) -> dict[str, Any] | None:
        return self._recorded.training(config.training()) if self._recorded else None

    def _answer(self, question: list[Any], ask: Callable[[], Any]) -> Any:
        answers, values = self._memory["answers"], self._memory["values"]
        key = canonical_digest({"question": question})
        if key not in answers or answers[key] not in values:
            value = ask()
            if value is False:
                return value
            found = canonical_digest({"value": value})
            answers[key] = found
            values.setdefault(found, value)  # many runs share their code
            self._grown = True
        return values[answers[key]]

    def save(self) -> None:
        """Write the new answers to the file. Ignores a folder that cannot be written."""
        if self._file is None or not self._grown:
            return
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self._file) as file:
                file.write(json.dumps({"code": _source_digest(), **self._memory}).encode())
        self._grown = False


def _components() -> Any:
    from ablations.jobs import components  # imports torch

    return components


@cache
def _source_digest() -> str:
    """Of all that an answer depends on: this project's sources, and torch's version."""
    digest = hashlib.sha256(version("torch").encode())
    for package in (ablations, fakeface):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            digest.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
