"""`ablate sync`, `merge`, `audit` and `clean`."""

import json
import shutil
from pathlib import Path

import pytest

from ablations.store import journal
from tests.cli.conftest import RUNS, Place

pytestmark = pytest.mark.slow


def test_sync_says_what_it_could_not_do(ablate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from ablations import tracking

    assert "typo: no store here" in ablate("sync", "--store", "typo", check=2).stderr
    assert not (tmp_path / "typo").exists()
    (tmp_path / "begun" / "jobs").mkdir(parents=True)
    dead = tracking.SyncReport(errors={"http://dead": "connection refused"})
    monkeypatch.setattr(tracking, "sync", lambda *_, **__: dead)
    out = ablate("sync", "--store", "begun", "--tracking-uri", "http://dead", check=1).stdout
    assert "MLflow holds everything in the journals" not in out
    assert "connection refused" in out
    assert "`ablate sync --store begun --tracking-uri http://dead`" in out
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ana:s3cret@lab")
    out = ablate("sync", "--store", "begun", check=1).stdout
    assert "MLFLOW_TRACKING_URI is set, but not used" in out
    assert "s3cret" not in out


def test_two_stores_merge_into_one_that_has_trained_it_all(trained: Place):
    whole = trained.json("status"), trained.json("report") | {"built": None}
    shutil.copytree(trained.folder / "results/jobs", trained.folder / "other/jobs")
    for run in ("sgd", "both"):
        shutil.rmtree(trained.job(run))
    for run in ("baseline", "weight-init"):
        shutil.rmtree(trained.folder / "other/jobs" / trained.job(run).name)
    assert [row["state"] for row in trained.json("status")] == ["done", "done", "new", "new"]
    assert trained("merge", "other").stdout.endswith("\n2 added\n")
    assert (trained.json("status"), trained.json("report") | {"built": None}) == whole


# -- audit -------------------------------------------------------------------------------------------------------


def test_audit_finds_every_bit_again_with_the_recorded_thread_count(trained: Place):
    out = trained("audit", "sgd", "baseline").stdout
    assert out.count("the same bit for bit in 24 steps") == 2
    short = ("--seeds", "5", "--set", "train.steps=2")
    trained("run", "--no-mirror", "--run", "baseline", "--threads", "3", *short)
    out = trained("audit", "baseline", *short).stdout
    assert "threads 3," in out
    assert "recorded on" not in out


def test_audit_of_nothing_is_an_error_in_words(trained: Place):
    text = (trained.folder / "runs.yaml").read_text()
    (trained.folder / "runs.yaml").write_text(
        text.replace("optimizer: sgd", "optimizer: {name: sgd, lr: 0.02}")
    )
    done = trained("audit", "sgd", check=2)
    assert "what was trained under this name is another training: optimizer.D.lr" in done.stdout
    assert "Nothing was audited" in done.stderr


def test_audit_reports_the_first_difference(trained: Place):
    path = trained.job("both-s0") / "journal.jsonl"
    lines = []
    for record in journal.read(path).records:
        if record["kind"] == "metrics" and "Loss_G" in record["values"] and 5 in record["steps"]:
            record["values"]["Loss_G"][record["steps"].index(5)] += 1e-9
        lines.append(journal.encode(record))
    path.write_bytes(b"".join(lines))
    assert "differs at step 5: Loss_G was" in trained("audit", "both", check=1).stdout
    (found,) = json.loads(trained("audit", "both", "--json", check=1).stdout)
    assert (found["run"], found["difference"].split(":")[0]) == ("both", "step 5")


# -- clean -------------------------------------------------------------------------------------------------------


def test_clean_shows_first_and_leaves_results(trained: Place):
    trained("run", "--no-mirror", "--rerun", "--run", "weight-init")
    out = trained("clean").stdout
    assert "that --rerun replaced stay; --aside includes them" in out
    assert "checkpoint.pt" in out
    assert list(trained.folder.glob("results/jobs/*/checkpoint.pt")), "nothing is removed without --yes"
    listed = trained.json("clean")
    assert {Path(entry["path"]).name for entry in listed} == {"checkpoint.pt"}
    assert not any(entry["removed"] for entry in listed)
    trained("clean", "--yes")
    assert not list(trained.folder.glob("results/jobs/*/checkpoint.pt"))
    assert list(trained.folder.glob("results/aside/*/journal.jsonl")), "they are finished results, too"
    assert {row["state"] for row in trained.json("status")} == {"done"}
    assert "Nothing to remove" in trained("clean").stdout
    assert "aside/weight-init-s0-" in trained("clean", "--aside", "--run", "weight-init").stdout
    assert "aside/" not in trained("clean", "--aside", "--run", "sgd").stdout
    trained("clean", "--aside", "--yes")
    assert not list(trained.folder.glob("results/aside/*"))


def test_clean_stale_spares_what_any_profile_seed_or_set_leads_to(trained: Place):
    spec = (trained.folder / "runs.yaml").read_text()
    spec = spec.replace("profiles:\n", "profiles:\n  tiny: {train: {steps: 3}}\n")
    (trained.folder / "profiles.yaml").write_text(spec)
    trained("run", "--no-mirror", "--run", "sgd", "--seeds", "9", "--set", "train.steps=4")

    def stale(*arguments: str) -> str:
        lines = trained("clean", *arguments, "--stale").stdout.splitlines()
        return "\n".join(line for line in lines if "no run of the specification uses it" in line)

    # The first profile of `profiles.yaml` is not the one that the runs were trained under.
    assert stale() == stale("--spec", "profiles.yaml") == stale("--set", "train.steps=5") == ""
    spec = spec.replace("sgd: {extends: baseline, ", "sgd: {extends: baseline, init: dcgan, ")
    (trained.folder / "profiles.yaml").write_text(spec)
    out = stale("--spec", "profiles.yaml")
    assert "jobs/sgd-s9-" in out and "jobs/sgd-s0-" in out and "jobs/baseline-" not in out
    assert stale("--spec", "profiles.yaml", "--run", "baseline") == "", "the selectors say what it is about"
    shutil.rmtree(trained.folder / "results/data")
    assert not any(f"jobs/{run}-s0-" in stale() for run in RUNS), (
        "they may be needed as long as data are missing"
    )
