"""Whether a claim was written before the trainings that it is about began.

The journal of a job begins with the digests of the claims that its specification had then. A claim that is not among
them, or whose family was another, was written with some results at hand: it is marked, and judged as any other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.claims._base import KINDS, Claim
from analysis.wording import counted
from fakeface.config import canonical_digest

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A claim is not what it was when some of its trainings began."""

    how: str
    """`added`, `changed` or `put into another family`, since the first of them began."""
    run: str
    """The run, or the study, of the first of them."""
    seed: int
    time: int
    """When that began, in ms since 1970."""
    count: int
    """How many of its trainings began before the change."""
    of: int
    """How many have begun."""

    @property
    def brief(self) -> str:
        """For a table: "changed after its runs began"."""
        return f"{self.how} after its runs began"

    @property
    def sentence(self) -> str:
        """For a paragraph; the name of the run is between backticks."""
        date = np.datetime64(self.time, "ms").astype("datetime64[D]")
        count = "all" if self.count == self.of else str(self.count)
        return (
            f"The claim was {self.how} after {count} of its {counted(self.of, 'training')} had begun (the first: "
            f"`{self.run}` with seed {self.seed}, on {date}), so it does not predict these; new seeds would test it."
        )


def registered(claims: Sequence[Claim]) -> dict[str, Any]:
    """What the journal of a job that begins now says of the claims, as plain data.

    `each` has two SHA-256 for every claim, by name: of the statement, which is what it says, its kind and its form, and
    of all statements of its family (None without one), since these decide its correction. `sha256` is of all claims
    together. Sources, comments and the order of the claims do not count.
    """
    statements = {claim.name: _statement(claim) for claim in claims}
    families: dict[str, list[str]] = {}
    for claim in claims:
        if claim.family is not None:
            families.setdefault(claim.family, []).append(statements[claim.name])
    digests = {family: canonical_digest(sorted(members)) for family, members in families.items()}
    each = {
        claim.name: {
            "statement": statements[claim.name],
            "family": None if claim.family is None else digests[claim.family],
        }
        for claim in claims
    }
    return {"sha256": canonical_digest(each), "each": each}


def changes(claims: Sequence[Claim], begun: Mapping[str, Sequence[Record]]) -> dict[str, Change]:
    """Which claims were added or changed after trainings that they are about had begun, by name.

    Args:
        claims: all of the specification, as it has them: `--set` changes the runs of a claim, and not the claim.
        begun: the `job` records of the trainings that have begun, by run and by study. One of an earlier version has no
            digests and is left out.
    """
    found: dict[str, Change] = {}
    now = registered(claims)["each"]
    for claim in claims:
        known = [(name, job) for name, job in _trainings(claim, begun) if job.get("claims") is not None]
        before = [
            (name, job, how)
            for name, job in known
            if (how := _difference(claim.name, now[claim.name], job["claims"]["each"]))
        ]
        if before:
            name, job, how = min(before, key=lambda one: int(one[1]["time"]))
            found[claim.name] = Change(how, name, job["seed"], job["time"], len(before), len(known))
    return found


def _statement(claim: Claim) -> str:
    kind = next(name for name in KINDS if KINDS[name] is type(claim.kind))
    # Without what is at its default, so that a field that a later version adds changes no digest.
    form = claim.kind.model_dump(mode="json", exclude_defaults=True)
    return canonical_digest({"says": claim.says, "kind": kind, "form": form})


def _trainings(claim: Claim, begun: Mapping[str, Sequence[Record]]) -> Iterator[tuple[str, Record]]:
    """The trainings that a claim is about, each with the name of its run or study."""
    kind = claim.kind
    for name in (*kind.named_runs, *((kind.named_study,) if kind.named_study else ())):
        yield from ((name, job) for job in begun.get(name, ()))


def _difference(name: str, now: Mapping[str, Any], then: Mapping[str, Mapping[str, Any]]) -> str:
    """How a claim differs from those of a journal; empty if it is one of them, under whatever name."""
    same = [one for one in then.values() if one["statement"] == now["statement"]]
    if not same:
        return "changed" if name in then else "added"
    return "" if any(one["family"] == now["family"] for one in same) else "put into another family"
