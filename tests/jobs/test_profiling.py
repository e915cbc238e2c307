"""`ablate run --profile-steps`: the parts of the work, and the same weights."""

import cProfile
import json
from collections.abc import Callable

from ablations.jobs.profiling import parts_of


def test_parts_add_up_to_the_time_of_the_jobs_and_change_no_weight(ablate: Callable):
    out = ablate("run", "--no-mirror", "--run", "baseline", "--profile-steps").stdout
    table = out[out.index("part") :].splitlines()
    rows = dict(line.split()[:2] for line in table[1:] if "%" in line and not line.startswith("These"))
    assert list(rows) == [
        "start", "data", "D", "G", "optimizer", "evaluation", "tracking", "checkpoints", "other",
    ]  # fmt: skip
    shares = [float(share.rstrip("%")) for share in rows.values()]
    assert all(share >= 0 for share in shares)
    assert 99 < sum(shares) < 101
    assert min(float(rows[part].rstrip("%")) for part in ("D", "G", "evaluation")) > 0
    ablate("run", "--no-mirror", "--run", "baseline", "--store", "plain")
    weights = {
        store: json.loads(ablate("status", "--run", "baseline", "--json", "--store", store).stdout)[0][
            "weights_sha256"
        ]
        for store in ("results", "plain")
    }
    assert weights["results"] == weights["plain"]


def test_without_a_job_there_are_no_parts():
    with cProfile.Profile() as profile:
        pass
    assert parts_of(profile) == []
