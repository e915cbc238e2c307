"""`ablate run --until-decided`: rounds of seeds, looks that are fixed before the first, also after a kill."""

import json
import re
from pathlib import Path

import pytest

from ablations.cli import until_decided
from ablations.store import journal
from tests.conftest import TINY_SPEC

pytestmark = pytest.mark.slow

SPEC = (
    TINY_SPEC.replace("steps: 24", "steps: 2").replace("num_evaluations: 2", "num_evaluations: 1")
    + """\
claims:
  noise: {says: SGD is noise., family: f, outcome: {run: sgd, samples: noise}}
  healthy: {says: SGD is healthy., family: f, outcome: {run: sgd, samples: healthy}}
"""
)
COMMAND = ("run", "--no-mirror", "--run", "sgd", "--until-decided")


def records(folder: Path, claim: str) -> list[dict]:
    (path,) = folder.glob(f"results/looks/{claim}-*/journal.jsonl")
    return journal.read(path).records


def looks(folder: Path, claim: str) -> list[tuple[int, str]]:
    return [(len(one["seeds"]), one["verdict"]) for one in records(folder, claim) if one["kind"] == "look"]


def test_seeds_are_added_until_the_claims_are_decided_also_after_a_kill(ablate, tmp_path: Path, monkeypatch):
    (tmp_path / "runs.yaml").write_text(SPEC)
    take = until_decided.UntilDecided._look

    def take_and_die(self, store):
        take(self, store)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(until_decided.UntilDecided, "_look", take_and_die)
        ablate(*COMMAND, check=130)
    assert looks(tmp_path, "noise") == [(3, "undecided")]
    assert len(list(tmp_path.glob("results/jobs/*"))) == 3
    out = ablate(*COMMAND).stdout
    # 2 x 0.5^n, times 2 for the family, is below the level of a look first at 13 seeds.
    assert looks(tmp_path, "noise") == [
        (3, "undecided"),
        (5, "undecided"),
        (8, "undecided"),
        (13, "supported"),
    ]
    assert "Looks at 3, 5, 8, 13 and 20 seeds a run" in out
    assert "Look at 13 seeds a run: 2 of 2 claims decided" in out
    # Two, three and five further seeds: each round knows how many have ended, and how many there are with its own.
    assert re.findall(r"^\((\d+/\d+)\)", out, re.MULTILINE) == [
        *(f"{number}/2" for number in (1, 2)),
        *(f"{number}/5" for number in (3, 4, 5)),
        *(f"{number}/10" for number in range(6, 11)),
    ]
    assert [one["kind"] for one in records(tmp_path, "noise")].count("design") == 1
    before = len(list(tmp_path.glob("results/jobs/*")))
    ablate(*COMMAND)
    assert (before, len(list(tmp_path.glob("results/jobs/*")))) == (13, 13), "there is nothing left to do"
    assert len(looks(tmp_path, "noise")) == 4

    # A report has the verdicts of the looks, whatever seeds it shows; other seeds are another, fixed report.
    report = json.loads(ablate("report", "--no-mirror", "--run", "sgd", "--json").stdout)["claims"]
    assert [claim["verdict"] for claim in report] == ["supported", "refuted"]
    assert [claim["look"]["number"] for claim in report] == [4, 4]
    fixed = ("report", "--no-mirror", "--run", "sgd", "--json", "--seeds")
    assert json.loads(ablate(*fixed, "4,5").stdout)["claims"][0]["judged_before"] == []
    (noise, _) = json.loads(ablate(*fixed, "4,5,6,7,8,9").stdout)["claims"]
    assert (noise["look"], noise["judged_before"]) == (None, [2])
    done = ablate(*COMMAND, "--max-seeds", "9", check=2)
    assert "were fixed before the first, for 20 seeds; use --max-seeds 20" in done.stderr


def test_looks_that_make_no_sense_are_refused(ablate, tmp_path: Path):
    (tmp_path / "runs.yaml").write_text(SPEC)
    for options, words in (
        (("--max-seeds", "9"), "for --until-decided only"),
        (("--until-decided", "--rerun"), "looks that were taken stay taken"),
        (("--until-decided", "--seeds", "0,1,2,3,4", "--max-seeds", "4"), "the first look is at 5 seeds"),
    ):
        assert words in ablate("run", "--no-mirror", *options, "--dry-run", check=2).stderr
    planned = ablate("run", "--until-decided", "--dry-run", "--run", "sgd", "--max-seeds", "8").stdout
    assert "Looks at 3, 5 and 8 seeds a run, judged at 97.5%, 98.8% and 98.6%" in planned
    assert not (tmp_path / "results/looks").exists(), "nothing is fixed by a dry run"
    done = ablate("run", "--no-mirror", "--until-decided", "--run", "baseline", check=2)
    assert "no claim of runs.yaml is about these runs and no others" in done.stderr
