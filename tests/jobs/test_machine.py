"""What a job runs on."""

import os

from ablations.jobs.machine import usable_cores


def test_usable_cores_are_those_of_this_process():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
