"""How numbers and names are written, in the same way in figures, verdicts, sentences and tables."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

COVERS_AT_N = "covers the mean distance at this N, not the distance at N = ∞"
"""Of the interval of a Fréchet distance; said wherever one is shown."""


def number(value: float | None) -> str:
    """A measured value to three or four significant digits; an en dash for None."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "∞")
    if value == 0 or (abs(value) >= 1e-3 and round(abs(value), 3) < 10):
        return f"{value:.3f}"
    if abs(value) < 1e-3:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:,.1f}" if round(abs(value), 1) < 1000 else f"{value:,.0f}"


def rate(value: Any, digits: int = 3) -> str:
    """A number as `runs.yaml` has it: 2e-4, 0.0213, 0.9; anything but a number as text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if value == 0 or 0.01 <= abs(value) < 1000:
        return f"{value:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def length(value: float) -> str:
    """A distance in own lengths, or an error, to two digits: 0.044, 1.2, 350."""
    return f"{float(f'{value:.2g}'):,.10g}"


def percent(share: float) -> str:
    """A share in whole percent: "23%", "-4%"; one that rounds to nothing is 0%."""
    return f"{round(100 * share):,}%"


def signed(text: str) -> str:
    """A written number with its sign, a true minus; zero has none."""
    if text in ("0", "-0"):
        return "0"
    return text.replace("-", "−", 1) if text.startswith("-") else f"+{text}"


def span(values: Sequence[float], show: Callable[[float], str] = number, between: str = " to ") -> str:
    """The smallest and the largest value, or the one that both are written as: "1.2 to 3.4"."""
    low, high = show(min(values)), show(max(values))
    return low if low == high else f"{low}{between}{high}"


def listed(words: Iterable[str]) -> str:
    """ "a, b and c"; empty for none."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def counted(count: int, noun: str) -> str:
    """A noun with its count: "1 seed", "1,200 steps"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def tallied(words: Iterable[str]) -> str:
    """ "works", or "2 × works; 1 × stalled" where they differ; empty for none."""
    counts = Counter(words)
    return "; ".join(word if len(counts) == 1 else f"{count} × {word}" for word, count in counts.items())


def name_runs(runs: Sequence[str], most: int) -> str:
    """Up to `most` runs by name, between backticks; "5 runs" for more."""
    return counted(len(runs), "run") if len(runs) > most else listed(f"`{run}`" for run in runs)


def name_seeds(seeds: Sequence[int]) -> str:
    """ "seed 3", or "seeds 0, 3-7"."""
    return f"seed{'' if len(seeds) == 1 else 's'} {ranges(seeds)}"


def ranges(numbers: Sequence[int]) -> str:
    """Whole numbers in their order, three or more in sequence as `--seeds` takes them: "0, 3-7"."""
    parts: list[list[int]] = []
    for value in sorted(numbers):
        if parts and value == parts[-1][-1] + 1:
            parts[-1].append(value)
        else:
            parts.append([value])
    words = (f"{one[0]}-{one[-1]}" if len(one) > 2 else ", ".join(map(str, one)) for one in parts)
    return ", ".join(words)
