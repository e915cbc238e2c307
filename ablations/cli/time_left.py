"""How long the jobs of a command still take: at first what the plan expects, then what they have shown so far."""

import time
from collections.abc import Callable, Mapping

TRUSTED_SHARE = 0.1
"""Share of the work from which on only the work so far counts, and not the plan."""


class TimeLeft:
    """The time until the last of some jobs ends. Counts down between two reports."""

    def __init__(
        self,
        count: int,
        seconds: Mapping[str, float | None] | None = None,
        makespan: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            count: how many jobs there are.
            seconds: the expected time of each by its name. Those that are not known take the mean of the others.
            makespan: the expected time of all, side by side.
        """
        self.count, self._plan, self._clock = count, makespan, clock
        self._weights = {name: value for name, value in (seconds or {}).items() if value}
        self._first: dict[str, float] = {}
        """Share of its steps that a job had when it began: more than 0 if it was resumed."""
        self._shares: dict[str, float] = {}
        """Share of what was left of it then that is done."""
        self._began = clock()
        self._estimate, self._at = makespan, self._began
        self._base: tuple[float, float] | None = None
        """When the first job reported its first steps, and the share of the work that was done then."""

    def begin(self, name: str) -> None:
        """A job has begun."""
        self._shares.setdefault(name, 0.0)

    def progress(self, name: str, share: float) -> None:
        """A job has taken this share of its steps."""
        first = self._first.setdefault(name, min(share, 0.99))
        self._update(name, (share - first) / (1 - first))

    def end(self, name: str) -> None:
        """A job has ended."""
        self._update(name, 1.0)

    def seconds(self) -> float | None:
        """None before anything is known, and while the plan turns out too short before the jobs show their speed."""
        if self._estimate is None:
            return None
        left = self._estimate - (self._clock() - self._at)
        return max(0.0, left) if left > 0 or self._base is not None else None

    def _update(self, name: str, share: float) -> None:
        self._shares[name] = min(1.0, share)
        usual = sum(self._weights.values()) / len(self._weights) if self._weights else 1.0
        weights = {one: self._weights.get(one, usual) for one in (*self._weights, *self._shares)}
        total = sum(weights.values()) + usual * max(0, self.count - len(weights))
        done = sum(weights[one] * share for one, share in self._shares.items()) / total
        now = self._clock()
        if self._base is None:
            self._base = now, done
        since, before = self._base
        if done <= before or now <= since:
            return
        shown = (now - since) * (1 - done) / (done - before)
        trust = 1.0 if self._plan is None else min(1.0, (done - before) / TRUSTED_SHARE)
        self._estimate = trust * shown + (1 - trust) * max(0.0, (self._plan or 0.0) - (now - self._began))
        self._at = now


def clock_words(seconds: float) -> str:
    """A time that is left: "0:42", "12:05", "1:02:30"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
