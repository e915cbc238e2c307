"""The scores of one kind, looked up by job without a pass over the rows of all others."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from fakeface.evaluation.measures import MEASURES


class Protocol(NamedTuple):
    """A protocol under which a job was scored."""

    identity: str
    metric: str
    """Registered name of the Fréchet distance."""
    details: Mapping[str, Any]


@dataclass(frozen=True)
class ScoreTable:
    """The scores of one kind."""

    registered: pd.DataFrame
    """The rows with the registered value, under the requested protocol where one was requested."""
    protocols: Mapping[tuple[str, int], Mapping[str, Protocol]]
    """Those of `registered`, by run and seed."""
    values: Mapping[tuple[str, int, str, str], Mapping[int, float]]
    """Every value by step, by run, seed, protocol and metric."""

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "ScoreTable":
        """The table of rows as `Frames.evaluations` has them."""
        wanted = rows["requested"].isna() | (rows["requested"] == rows["protocol"])
        registered = rows[rows["registered"] & wanted]
        protocols: dict[tuple[str, int], dict[str, Protocol]] = defaultdict(dict)
        for run, seed, *protocol in _columns(registered, "protocol", "metric", "details"):
            protocols[run, seed].setdefault(protocol[0], Protocol(*protocol))
        values: dict[tuple[str, int, str, str], dict[int, float]] = defaultdict(dict)
        for run, seed, protocol, metric, step, value in _columns(rows, "protocol", "metric", "step", "value"):
            values[run, seed, protocol, metric].setdefault(step, value)
        return cls(registered, protocols, values)

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


def _columns(rows: pd.DataFrame, *names: str) -> Iterator[tuple[Any, ...]]:
    """Run, seed and some other columns, row by row."""
    return zip(*(rows[name].tolist() for name in ("run", "seed", *names)), strict=True)
