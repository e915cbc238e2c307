"""`ablate status`, `report`, `generate` and `schema`."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ablations.store import journal
from fakeface.outcomes import Dynamics, Samples
from tests.cli.conftest import RUNS, Place
from tests.study_records import study

pytestmark = pytest.mark.slow


def test_status_lists_every_job_with_its_results(trained: Place):
    rows = trained.json("status")
    assert [row["run"] for row in rows] == RUNS
    for row in rows:
        assert row["seed"] == 0
        assert len(row["identity"]) == len(row["weights_sha256"]) == 64
        assert (row["exit"], row["steps"], row["state"]) == ("finished", 24, "done")
        assert row["samples"] in [*Samples]
        assert row["dynamics"] in [*Dynamics]
        assert {"Loss_D", "Loss_G", "D(x)", "D(G(z))_before", "fd_efficientnet_lite0"} <= row[
            "metrics"
        ].keys()
        assert row["mlflow_run_id"] is None, "nothing was shipped"
    assert len({row["weights_sha256"] for row in rows}) == 4


def test_status_lists_what_the_store_has_if_none_of_the_requested_jobs_has_begun(trained: Place):
    lines = trained("status", "--seeds", "77").stdout.splitlines()
    (hint,) = [line for line in lines if "another selection" in line]
    command = shlex.split(hint.partition(": ")[2])
    assert command[:2] == ["ablate", "status"]
    assert "another selection" not in trained(*command[1:]).stdout
    assert "finished" in trained(*command[1:]).stdout


def test_generate_draws_a_grid_and_single_images(trained: Place):
    trained("generate", "baseline", "grid.png", "-n", "9")
    assert Image.open(trained.folder / "grid.png").size == (3 * 34 - 2, 3 * 34 - 2)
    trained("generate", "baseline", "faces", "-n", "3", "--step", "10")
    assert sorted(p.name for p in (trained.folder / "faces").iterdir()) == [f"{i:05d}.png" for i in range(3)]
    done = trained("generate", "baseline", "x.png", "--step", "5", check=2)
    assert "no weights were kept at step 5 (kept: 0, 10, 16, 24)" in done.stderr
    done = trained("generate", "baseline", "x.png", "--group", "other", check=2)
    assert "no run 'baseline' in other" in done.stderr
    done = trained("generate", "baseline", "x.png", "--seeds", "8", check=2)
    assert "no weights are kept yet (new)" in done.stderr


def test_the_report_is_one_page_and_its_figures_with_the_command(trained: Place):
    out = trained("run", "--no-mirror", "--report", "--seeds", "0").stdout
    assert "Report:   results/report/report.html" in out
    page = (trained.folder / "results/report/report.html").read_text()
    assert all(run in page for run in RUNS)
    assert "ablate run --seeds 0 --report" in page
    assert list((trained.folder / "results/report").glob("*.png"))
    trained("report", "--out", "elsewhere", "--seeds", "0")
    assert "ablate run --seeds 0 --report" in (trained.folder / "elsewhere/report.html").read_text()


def test_a_claim_that_is_written_after_its_runs_began_is_marked(trained: Place):
    record = journal.first(trained.job("sgd-s0") / "journal.jsonl")
    assert record is not None
    assert record["claims"]["each"] == {}
    claims = "claims:\n  noise: {says: SGD is noise., outcome: {run: sgd, samples: noise}}\n"
    path = trained.folder / "runs.yaml"
    path.write_text(path.read_text() + claims)
    (claim,) = trained.json("report", "--no-mirror")["claims"]
    assert (claim["change"]["how"], claim["change"]["count"], claim["change"]["of"]) == ("added", 1, 1)
    trained("run", "--no-mirror", "--run", "sgd", "--rerun")
    (again,) = trained.json("report", "--no-mirror")["claims"]
    assert again["change"] == claim["change"], "the same training again shows what was known before"
    path.write_text(path.read_text().replace("is noise", "makes noise"))
    trained("run", "--no-mirror", "--run", "sgd", "--seeds", "5")
    assert trained.json("report", "--no-mirror", "--seeds", "5")["claims"][0]["change"] is None
    assert "SGD makes noise." in (trained.folder / "results/report/report.html").read_text()


def damage(path: Path) -> None:
    path.write_bytes(b"00000000 {}\n")


@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/proc/self/mem"), damage]
)
def test_a_journal_that_cannot_be_read_is_named_and_the_other_jobs_are_shown(trained: Place, make):
    """A pipe, a folder, a file whose disk gives errors, and one that no longer says what job it is."""
    why, what_to_do = "cannot read", "or move its folder out of the store"
    if make is damage:
        why, what_to_do = "line 1 is damaged", "or `ablate run` trains the job again"
    path = trained.job("sgd") / "journal.jsonl"
    path.unlink()
    make(path)
    for command in ("plan", "status", "report"):
        done = trained(command, check=1)
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"Left out: {path}: {why}")
        assert line.endswith(what_to_do)
    plan, status = (json.loads(trained(name, "--json", check=1).stdout) for name in ("plan", "status"))
    assert [row["state"] for row in plan["jobs"]] == ["done", "done", "unreadable", "done"]
    assert [row["exit"] for row in status] == ["finished", "finished", "unreadable", "finished"]
    assert why in (trained.folder / "results/report/report.html").read_text()
    run = trained("run", "--no-mirror", check=None)
    assert bool(run.returncode) is (make is not damage)
    assert f"(1/1) sgd-s0  {'finished' if make is damage else 'refused'}" in run.stdout
    if make is not damage:
        assert path.parent.name not in trained("clean", "--stale").stdout


CLAIMS = """
  unrun: {extends: sgd, group: other, init: dcgan, optimizer: {lr: 3e-3}}
studies:
  rates: {base: sgd, space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}}
claims:
  single: {says: One., compare: {run: sgd, against: baseline, metric: quality, direction: lower, by: 5%}}
  absent: {says: Two., outcome: {run: unrun, against: sgd, samples: noise}}
  mixed: {says: Three., compare: {run: unrun, against: sgd, metric: converged Loss_D, direction: same, within: 5%}}
  search: {says: Four., window: {study: rates, excludes: 2e-4}}
"""


def test_a_report_judges_claims_and_says_what_each_lacks(trained: Place):
    spec = trained.folder / "claims.yaml"
    spec.write_text((trained.folder / "runs.yaml").read_text() + CLAIMS.lstrip("\n"))
    content = trained.json("report", "--spec", "claims.yaml", "--out", "judged")
    claims = {claim["id"]: claim for claim in content["claims"]}
    assert [claim["verdict"] for claim in claims.values()] == ["described", "not run", "not run", "not run"]
    assert claims["single"]["n"] == {"sgd": 1, "baseline": 1}
    command = "`ablate run --spec claims.yaml --profile quick --seeds 0 --run unrun --run sgd`"
    assert command in claims["absent"]["words"]
    assert "`ablate tune rates --spec claims.yaml --profile quick`" in claims["search"]["words"]
    assert {row["run"] for row in content["runs"]} == set(RUNS)
    assert Path(trained.folder, content["page"]).is_file()


@pytest.mark.parametrize("how", ["changed", "link"])
def test_a_study_that_cannot_be_read_is_named_and_the_report_is_written(how: str, trained: Place):
    (trained.folder / "claims.yaml").write_text(
        (trained.folder / "runs.yaml").read_text() + CLAIMS.lstrip("\n")
    )
    folder = trained.folder / "results/studies/rates-123"
    folder.mkdir(parents=True)
    path = study([], name="rates").write(folder)
    if how == "changed":
        path.write_text(path.read_text().replace('"total_steps": ', '"total_steps": 1'))
    else:
        path.rename(trained.folder / "elsewhere")
        path.symlink_to(trained.folder / "elsewhere")
    done = trained("report", "--spec", "claims.yaml", "--json", check=1)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Left out: {path}: ")
    assert "`ablate tune`" in line
    content = json.loads(done.stdout)
    assert line.endswith(content["left_out"][0])
    assert "Left out" in Path(trained.folder, content["page"]).read_text()


def test_a_claim_that_names_nothing_stops_the_report_with_its_line(trained: Place):
    text = (trained.folder / "runs.yaml").read_text() + CLAIMS.lstrip("\n").replace(
        "run: unrun", "run: unrnu"
    )
    (trained.folder / "typo.yaml").write_text(text)
    error = trained("report", "--spec", "typo.yaml", check=2).stderr
    assert "typo.yaml:22:" in error
    assert "did you mean 'unrun'" in error


def test_the_report_goes_to_mlflow_with_its_jobs_each_time_that_it_is_written(ablate, tmp_path: Path):
    from ablations.tracking.server import connect

    job = ("--run", "sgd", "--seeds", "3", "--set", "train.steps=2", "--mirror-wait", "600")
    ablate("run", *job, "--report")
    client = connect(f"sqlite:///{tmp_path}/results/mlflow.db")

    def shipped() -> tuple[str, int]:
        """The page in MLflow, and when it was built."""
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        (run,) = client.search_runs(experiments, "tags.ablate = 'report'")
        local = Path(client.download_artifacts(run.info.run_id, "", str(tmp_path)))
        return (local / "report.html").read_text(), json.loads((local / "report.json").read_text())["built"]

    page = tmp_path / "results/report/report.html"
    shown, before = shipped()
    assert shown == page.read_text()
    assert json.loads(ablate("report", *job, "--json").stdout)["claims"] == []
    shown, after = shipped()
    assert shown == page.read_text()
    assert after > before


def test_schema_is_json(ablate):
    assert json.loads(ablate("schema").stdout)["type"] == "object"


def test_a_closed_pipe_is_no_traceback():
    command = f"{sys.executable} -m ablations.cli.app schema | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""
