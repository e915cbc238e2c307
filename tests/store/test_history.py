"""Series of a journal: what one record brings at once is what its steps bring one by one."""

import pytest

from ablations.store.history import Series


@pytest.mark.parametrize(
    "blocks",
    [
        [[1, 2, 3], [4, 5]],
        [[1, 2, 3], [3, 4], [2, 6]],  # repeated after a resume
        [[4, 5], [1, 2]],
        [[3, 1, 2]],
        [[], [1]],
    ],
)
def test_a_record_at_once_is_its_steps_one_by_one(blocks: list[list[int]]):
    at_once, one_by_one = Series(), Series()
    for time, steps in enumerate(blocks):
        values = [10.0 * time + step for step in steps]
        at_once.extend(steps, values, time)
        for step, value in zip(steps, values, strict=True):
            one_by_one.add(step, value, time)
    assert at_once == one_by_one
    assert at_once.steps == sorted(set(at_once.steps))
