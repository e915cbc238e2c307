"""`ablate show` and `ablate diff`."""

import pytest

from analysis.wording import number
from tests.cli.conftest import Place

pytestmark = pytest.mark.slow


def test_show_has_settings_outcome_evidence_score_and_files(trained: Place):
    (row,) = trained.json("show", "sgd")
    assert row["settings"]["optimizer.G.name"] == "sgd"
    assert row["changed"]["optimizer.name"] == "sgd"
    assert row["exit"] == "finished" and row["evidence"]["exit"] == "took all 24 steps"
    assert {"journal.jsonl", "samples/000024.png", "generator-000024.pt"} <= {
        one["path"] for one in row["files"]
    }
    text = trained("show", "sgd").stdout
    assert "took all 24 steps" in text
    assert "optimizer.G.name" in text
    assert f"fd_efficientnet_lite0 {number(row['scores'][0]['values']['fd_efficientnet_lite0'])}\n" in text
    assert trained.json("show", "sgd-s0") == [row]


def test_show_of_a_run_that_has_not_begun_has_its_settings(trained: Place):
    (row,) = trained.json("show", "sgd-s7")
    assert (row["seed"], row["exit"], row["files"], row["scores"]) == (7, "new", [], [])
    assert "did you mean 'sgd'" in trained("show", "sgdd", check=2).stderr
    assert "these are 4 runs" in trained("show", "*", check=2).stderr


def test_diff_has_settings_and_results_side_by_side(trained: Place):
    found = trained.json("diff", "baseline", "sgd")
    assert found["settings"]["optimizer.G.name"] == ["adam", "sgd"]
    assert not any(name.startswith(("data", "train")) for name in found["settings"])
    assert found["code"] == [
        "adam in fakeface/gan/optimizers/standard.py is gone", "sgd in fakeface/gan/optimizers/standard.py is new",
    ]  # fmt: skip
    (seed,) = found["seeds"]
    rows = {row["run"]: row for row in trained.json("status")}
    for side, run in (("a", "baseline"), ("b", "sgd")):
        assert seed[side]["value"] == rows[run]["metrics"]["fd_efficientnet_lite0"]
    assert "optimizer.G.name" in trained("diff", "baseline", "sgd").stdout


def test_diff_compares_with_an_earlier_training_of_the_same_name(trained: Place):
    assert "no other training under this name" in trained("diff", "sgd", check=2).stderr
    path = trained.folder / "runs.yaml"
    path.write_text(path.read_text().replace("optimizer: sgd", "optimizer: {name: sgd, lr: 0.02}"))
    found = trained.json("diff", "sgd")
    assert found["settings"] == {"optimizer.D.lr": [2e-4, 0.02], "optimizer.G.lr": [2e-4, 0.02]}
    assert found["code"] == []
    assert [(row["a"]["exit"], row["b"]["exit"]) for row in found["seeds"]] == [("finished", "new")]
    identity = trained.job("sgd-s0").name.rpartition("-")[2]
    assert trained.json("diff", identity[:8], "sgd") == found
    assert trained.json("diff", trained.job("sgd-s0").name, "sgd") == found


def test_what_was_scored_under_different_protocols_is_said_not_to_compare(trained: Place):
    trained("run", "--no-mirror", "--run", "both", "--seeds", "1", "--set", "evaluation.num_samples=40")
    words = "do not compare"
    assert words not in trained("diff", "baseline", "sgd").stdout
    identity = trained.job("both-s1").name.rpartition("-")[2]
    found = trained.json("diff", "baseline", identity)
    assert [row["b"]["num_samples"] for row in found["seeds"]] == [48, 40], "all seeds of the same training"
    assert words in trained("diff", "baseline", identity).stdout
