"""The edge of a window, from which numbers worked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from ablations.studies.window import locate

BOUNDS = (-5.0, 0.0)


def test_separated_outcomes_put_the_edge_between_them():
    found = locate([-4, -3, -2.2, -1.8, -1], [False] * 3 + [True] * 2, direction="rising", bounds=BOUNDS)
    assert -2.2 < found.estimate < -1.8
    assert -3.2 < found.low < -2.1
    assert -1.9 < found.high < -0.8


def test_the_interval_shrinks_with_every_training_near_the_edge():
    x, worked, widths = [-4.0, -1.0], [False, True], []
    for _ in range(8):
        found = locate(x, worked, direction="rising", bounds=BOUNDS)
        widths.append(found.high - found.low)
        x.append(found.estimate)
        worked.append(found.estimate > -2.05)
    assert widths[-1] < widths[0] / 3
    assert found.low < -2.05 < found.high


def test_a_ragged_edge_has_a_wider_interval_than_a_sharp_one():
    x = np.linspace(-3, -1, 12)
    sharp = locate(list(x), list(x < -2), direction="falling", bounds=BOUNDS)
    mingled = (x < -2) ^ (np.abs(x + 2) < 0.3) & (np.arange(12) % 2 == 0)
    ragged = locate(list(x), list(mingled), direction="falling", bounds=BOUNDS)
    assert ragged.high - ragged.low > 1.3 * (sharp.high - sharp.low)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-5, 0), st.booleans()), min_size=2, max_size=20))
def test_both_directions_mirror_each_other(seen: list[tuple[float, bool]]):
    x, worked = [a for a, _ in seen], [b for _, b in seen]
    if all(worked) or not any(worked):
        return
    up = locate(x, worked, direction="rising", bounds=BOUNDS)
    down = locate([-5 - a for a in x], worked, direction="falling", bounds=BOUNDS)
    assert up.estimate == pytest.approx(-5 - down.estimate, abs=0.01)
    assert up.low <= up.estimate <= up.high


def test_the_interval_holds_the_edge_as_often_as_it_says():
    """Edges drawn as the prior has them, found as a staircase finds them: 200 times, at the level of 95%."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        edge, width = rng.uniform(-4, -1), 10 ** rng.uniform(-1.7, 0.3)
        x = [*rng.uniform(-5, 0, 6), -5.0, 0.0]
        works = lambda at, c=edge, w=width: bool(rng.random() < expit(np.log(81) * (at - c) / w))  # noqa: E731
        worked = [*map(works, x[:-2]), False, True]
        for _ in range(5):
            x.append(locate(x, worked, direction="rising", bounds=BOUNDS).estimate)
            worked.append(works(x[-1]))
        found = locate(x, worked, direction="rising", bounds=BOUNDS)
        held += found.low <= edge <= found.high
    assert 180 <= held <= 199


@pytest.mark.parametrize("worked", [[True, True], [False, False], []])
def test_one_outcome_alone_has_no_edge(worked: list[bool]):
    with pytest.raises(ValueError, match="an edge is between"):
        locate([-1.0, -2.0][: len(worked)], worked, direction="rising", bounds=BOUNDS)
