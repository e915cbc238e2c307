"""The scores of one kind, looked up by job without a pass over the rows of all others."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from fakeface.evaluation.measures import MEASURES

Row = Mapping[str, Any]


class Protocol(NamedTuple):
    """A protocol under which a job was scored."""

    identity: str
    metric: str
    """Registered name of the Fréchet distance."""
    details: Mapping[str, Any]


@dataclass(frozen=True)
class ScoreTable:
    """The scores of one kind."""

    rows: Sequence[Row]
    """Every value, with the columns of `Frames.evaluations` but `seconds`."""
    registered: Sequence[Row]
    """Those with the registered value, under the requested protocol where one was requested."""
    protocols: Mapping[tuple[str, int], Mapping[str, Protocol]]
    """Those of `registered`, by run and seed."""
    values: Mapping[tuple[str, int, str, str], Mapping[int, float]]
    """Every value by step, by run, seed, protocol and metric."""

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "ScoreTable":
        """The table of all values."""
        registered = [
            row for row in rows if row["registered"] and row["requested"] in (None, row["protocol"])
        ]
        protocols: dict[tuple[str, int], dict[str, Protocol]] = defaultdict(dict)
        for row in registered:
            protocol = Protocol(row["protocol"], row["metric"], row["details"])
            protocols[row["run"], row["seed"]].setdefault(protocol.identity, protocol)
        values: dict[tuple[str, int, str, str], dict[int, float]] = defaultdict(dict)
        for row in rows:
            key = (row["run"], row["seed"], row["protocol"], row["metric"])
            values[key].setdefault(row["step"], row["value"])
        return cls(rows, registered, protocols, values)

    @cached_property
    def compared(self) -> Sequence[Row]:
        """The scores that may be compared: the registered value, under one protocol.

        A job for which a protocol was requested is left out if it has no score under it. If several protocols remain,
        the one that scored the most jobs counts, the newest of equals.
        """
        jobs: dict[str, set[tuple[str, int]]] = defaultdict(set)
        newest: dict[str, int] = {}
        for row in self.registered:
            protocol = row["protocol"]
            jobs[protocol].add((row["run"], row["seed"]))
            newest[protocol] = max(row["time"], newest.get(protocol, row["time"]))
        chosen = max(sorted(jobs), key=lambda protocol: (len(jobs[protocol]), newest[protocol]), default=None)
        return [row for row in self.registered if row["protocol"] == chosen]

    def protocols_of(self, run: str, seed: int) -> Iterable[Protocol]:
        """The requested protocol if the job was scored under it; all of its protocols where none was requested."""
        return self.protocols.get((run, seed), {}).values()

    def of_job(self, run: str, seed: int, key: str) -> dict[int, float]:
        """A registered measure of one job by step, NaN included."""
        found: dict[int, float] = {}
        for protocol in self.protocols_of(run, seed):
            name = MEASURES[key].under(protocol.metric).name
            found |= self.values.get((run, seed, protocol.identity, name), {})
        return found
