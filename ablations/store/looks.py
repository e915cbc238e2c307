"""The looks at claims: which seeds were looked at, at which level, with which verdict, and the looks that are planned.

A journal in `<store>/looks/<claim>-<digest>/` for each statement on the same trainings, whatever their seeds. Its
`design` records fix all looks of `ablate run --until-decided` before the first is taken, and are never changed; its
`look` records are the looks that were taken, those of fixed reports included.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from filelock import Timeout

from ablations.store import journal
from ablations.store.exported import recorded_in
from ablations.store.inside import check_no_links
from ablations.store.layout import IDENTITY_DIGITS, Store
from ablations.store.locks import job_lock
from fakeface.errors import UserError
from fakeface.files import os_errors

WAIT_SECONDS = 10.0
"""For another process that writes a look."""


@dataclass(frozen=True)
class Design:
    """Looks that were fixed before the first of them."""

    seeds: tuple[int, ...]
    """In the order in which they are trained."""
    counts: tuple[int, ...]
    """How many of them there are at each look."""
    levels: tuple[float, ...]

    @property
    def looks(self) -> list[tuple[tuple[int, ...], float]]:
        """The seeds and the level of each."""
        return [(self.seeds[:count], level) for count, level in zip(self.counts, self.levels, strict=True)]


@dataclass(frozen=True)
class TakenLook:
    """A look that was taken at a claim."""

    seeds: tuple[int, ...]
    level: float
    verdict: str


@dataclass(frozen=True)
class Looks:
    """What is recorded of the looks at one claim on the same trainings."""

    folder: Path
    designs: Sequence[Design] = ()
    taken: Sequence[TakenLook] = ()

    @classmethod
    def find(cls, store: Store, claim: str, digest: str) -> Self:
        """The looks at a claim, under whatever name.

        Raises:
            UserError: the journal of its looks cannot be read.
        """
        folder = store.looks_at(digest) or store.looks / f"{claim}-{digest[:IDENTITY_DIGITS]}"
        records = journal.read(folder / "journal.jsonl").records
        return cls(
            folder,
            [
                Design(tuple(one["seeds"]), tuple(one["counts"]), tuple(one["levels"]))
                for one in records
                if one["kind"] == "design"
            ],
            [
                TakenLook(tuple(one["seeds"]), one["level"], one["verdict"])
                for one in records
                if one["kind"] == "look"
            ],
        )

    def design_for(self, seeds: Sequence[int]) -> Design | None:
        """The design that begins with these seeds, in any order."""
        return next((one for one in self.designs if set(one.seeds[: len(seeds)]) == set(seeds)), None)

    def taken_of(self, design: Design) -> int:
        """How many looks of a design were taken."""
        known = {(one.seeds, one.level) for one in self.taken}
        return sum(look in known for look in design.looks)

    def taken_besides(self, seeds: Sequence[int], design: Design | None = None) -> tuple[int, ...]:
        """At how many of some seeds there were looks beside those of a design, or beside the one at all of them."""
        own, planned = set(seeds), design.looks if design else []
        other = [one for one in self.taken if set(one.seeds) <= own and (one.seeds, one.level) not in planned]
        return tuple(sorted({len(one.seeds) for one in other if design or set(one.seeds) < own}))

    def add_design(self, claim: str, design: Design) -> None:
        """Record a design. Raises UserError if it cannot be written."""
        self._append("design", claim=claim, **_plain(design))

    def add_look(self, claim: str, look: TakenLook) -> None:
        """Record a look, unless it is there already. Raises UserError if it cannot be written."""
        if look not in self.taken:
            self._append("look", claim=claim, **_plain(look))

    def _append(self, kind: str, **fields: object) -> None:
        if recorded_in(self.folder.parent.parent):
            raise UserError(f"{self.folder}: in an export, which is only for reading")
        check_no_links(self.folder)
        with os_errors(self.folder, "record the looks at a claim"):
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = job_lock(self.folder).acquire(timeout=WAIT_SECONDS)
            with lock, journal.Journal(self.folder / "journal.jsonl") as file:
                file.append(kind, **fields)
                file.sync()
        except Timeout:
            raise UserError(
                f"{self.folder}: another process is writing there; run the command again"
            ) from None


def _plain(record: Design | TakenLook) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(record).items()}
