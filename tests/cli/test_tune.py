"""`ablate tune --dry-run`."""

import json
from pathlib import Path

STUDIES = """
studies:
  rates:
    base: sgd
    space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}
    reference: adam-rates
    trials: 5
    seeds: 2
    edges: 3
    confirm: 2
  adam-rates: {base: baseline, space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}}
"""


def test_a_dry_run_counts_the_trainings_of_each_part_and_makes_nothing(ablate, tiny_spec: Path):
    tiny_spec.write_text(tiny_spec.read_text() + STUDIES.lstrip("\n"))
    found = json.loads(ablate("tune", "rates", "--dry-run", "--json").stdout)
    assert {part["name"]: part["trainings"] for part in found["parts"]} == {
        "search adam-rates": 10, "search rates": 10, "edges of the window": 6, "confirmation": 4,
    }  # fmt: skip
    assert found["price"]["jobs"] == 30
    assert found["price"]["seconds"] > 0
    fewer = ablate("tune", "rates", "--dry-run", "--trials", "2").stdout
    assert "At most 18 trainings" in fewer
    assert not (tiny_spec.parent / "results").exists()
