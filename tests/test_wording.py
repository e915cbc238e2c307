"""How numbers and names are written."""

import math
from typing import Any

import pytest

from analysis import wording


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (2e-4, 3, "2e-4"), (0.0213, 3, "0.0213"), (1e-5, 3, "1e-5"), (0.9, 3, "0.9"), (2.5e-3, 3, "2.5e-3"),
        (0, 3, "0"), (1.234e-4, 2, "1.2e-4"), (64, 3, "64"), ("adam", 3, "adam"), (True, 3, "True"),
    ],
)  # fmt: skip
def test_a_rate(value: Any, digits: int, text: str) -> None:
    assert wording.rate(value, digits) == text


def test_lists_counts_and_spans() -> None:
    assert [wording.listed("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert [wording.counted(n, "step") for n in (0, 1, 1200)] == ["0 steps", "1 step", "1,200 steps"]
    assert [wording.name_runs(["a", "b"], most) for most in (2, 1)] == ["`a` and `b`", "2 runs"]
    assert [wording.name_seeds(seeds) for seeds in ([3], [0, 1, 3], [0, 4, 3, 5])] == [
        "seed 3",
        "seeds 0, 1, 3",
        "seeds 0, 3-5",
    ]
    assert [wording.span(values) for values in ([3, 1, 2], [2, 2.0001])] == ["1.000 to 3.000", "2.000"]
    assert [wording.percent(share) for share in (0.234, -0.04, 0.001)] == ["23%", "-4%", "0%"]
    assert [wording.signed(text) for text in ("-1.2", "3", "-0")] == ["−1.2", "+3", "0"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (math.nan, "NaN"), (math.inf, "+∞"), (-math.inf, "-∞"), (0.0, "0.000"), (0.00058, "5.8e-4"),
     (0.5, "0.500"), (645.93, "645.9"), (3204.4, "3,204")],
)  # fmt: skip
def test_a_measured_number(value: float | None, text: str) -> None:
    assert wording.number(value) == text
