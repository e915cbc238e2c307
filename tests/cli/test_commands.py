"""The commands, run as a user runs them: in a process of their own, on a tiny specification."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablations.store import journal
from fakeface.errors import UserError
from tests import processes

pytestmark = pytest.mark.slow

RUNS = ["baseline", "weight-init", "sgd", "both"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    """A store in which `ablate run` has trained the four tiny runs, and how to ask it."""
    from tests.conftest import TINY_SPEC

    folder = tmp_path_factory.mktemp("trained")
    (folder / "runs.yaml").write_text(TINY_SPEC)

    ablate = functools.partial(processes.ablate, folder)
    ablate.folder = folder
    ablate.first = ablate("run", "--no-mirror")
    return ablate


def test_run_ends_with_a_table_the_pictures_and_the_link(trained):
    out = trained.first.stdout
    for run in RUNS:
        assert f"{run}-s0" in out
    assert "fd_efficientnet_lite0 (N = 400)" in out
    assert "Pictures: results/jobs/*/samples/" in out
    assert "Compare" not in out, "nothing was shipped, so there is nothing to see in MLflow"


LINKS = {
    "results": (None, "`make ui`, then http://127.0.0.1:5000/#/"),
    "other store": (None, "`ablate ui --store 'other store'`, then http://127.0.0.1:5000/#/"),
    "served": ("http://lab:80", "http://lab:80/#/"),
    "elsewhere": (
        "sqlite:///elsewhere.db",
        "`mlflow ui --backend-store-uri sqlite:///elsewhere.db`, then http",
    ),
}


@pytest.mark.parametrize("store", LINKS)
def test_the_hint_to_compare_names_the_command_for_this_store_and_uri(
    store: str, tmp_path: Path, tiny_spec: Path, monkeypatch: pytest.MonkeyPatch
):
    from ablations import tracking
    from ablations.cli.options import Selectors
    from ablations.cli.train import compare_words
    from ablations.tracking import shipped
    from ablations.tracking.content import Facts

    monkeypatch.chdir(tmp_path)
    prepare(tiny_spec, Path(store))
    _, jobs, place = Selectors(tiny_spec, store=Path(store)).select()
    uri, words = LINKS[store]
    uri = uri or place.tracking_uri
    assert compare_words(jobs, place, uri) == ""
    folder = place.folder_for(jobs[0].run, jobs[0].seed, jobs[0].identity)
    with journal.Journal(folder / "journal.jsonl") as written:
        record = written.append("job", instance="i", identity=jobs[0].identity)
    noted = shipped.Shipped(experiment_id="1", run_id="r", facts=Facts(job=record))
    shipped.save(place, uri, folder.name, noted)
    assert tracking.run_ids(place, uri) == {folder.name: "r"}
    assert compare_words(jobs, place, uri).startswith(words)


def prepare(spec: Path, store: Path) -> None:
    from ablations.cli.options import Selectors
    from fakeface import data

    _, runs, place = Selectors(spec, store=store).choose()
    data.prepare(runs[0].config.data, place.data)


def test_a_second_run_finds_everything_done(trained):
    before = {path: path.stat().st_mtime_ns for path in trained.folder.glob("results/jobs/*/journal.jsonl")}
    assert "every job is done" in trained("run", "--no-mirror").stdout
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert len(before) == 4


def test_status_lists_every_job_with_its_results(trained):
    rows = json.loads(trained("status", "--json").stdout)
    assert [row["run"] for row in rows] == RUNS
    for row in rows:
        assert row["seed"] == 0
        assert len(row["identity"]) == 64
        assert (row["exit"], row["steps"], row["state"]) == ("finished", 24, "done")
        assert row["samples"] in ("healthy", "noise", "collapsed")
        assert row["dynamics"] in ("balanced", "discriminator-won", "stalled")
        assert {"Loss_D", "Loss_G", "D(x)", "D(G(z))_before", "fd_efficientnet_lite0"} <= row[
            "metrics"
        ].keys()
        assert len(row["weights_sha256"]) == 64
        assert row["mlflow_run_id"] is None, "nothing was shipped"
    assert len({row["weights_sha256"] for row in rows}) == 4


def test_plan_shows_states_without_running_anything(trained):
    rows = json.loads(trained("plan", "--json", "--seeds", "0,1", "--run", "sgd").stdout)
    assert [(row["seed"], row["state"], row["steps"]) for row in rows] == [(0, "done", 24), (1, "new", 24)]
    assert rows[1]["expected_seconds"] > 0
    assert not list(trained.folder.glob("results/jobs/sgd-s1-*"))


def test_dry_run_runs_nothing(trained):
    out = trained("run", "--dry-run", "--seeds", "7").stdout
    assert "4 of 4 jobs to train" in out
    assert "done now; set aside and trained again" in trained("run", "--dry-run", "--rerun").stdout
    assert not list(trained.folder.glob("results/jobs/*-s7-*"))


def test_a_changed_setting_is_stale_and_says_which(trained):
    rows = json.loads(trained("plan", "--json", "--run", "sgd", "--set", "optimizer.lr=0.02").stdout)
    assert (rows[0]["state"], rows[0]["detail"]) == ("stale", "optimizer.lr: default -> 0.02")


def test_a_changed_protocol_scores_again_and_trains_nothing(trained):
    override = ["--set", "evaluation.num_samples=330", "--run", "baseline"]
    assert json.loads(trained("plan", "--json", *override).stdout)[0]["state"] == "re-score"
    path = next(trained.folder.glob("results/jobs/baseline-s0-*/journal.jsonl"))
    sessions = [r for r in journal.read(path).records if r["kind"] == "session"]
    trained("run", "--no-mirror", *override)
    records = journal.read(path).records
    assert [r for r in records if r["kind"] == "session"] == sessions, "no new training session"
    assert [r["step"] for r in records if r["kind"] == "evaluation"] == [12, 24, 12, 24]
    status = json.loads(trained("status", "--json", *override).stdout)[0]
    assert (status["state"], status["exit"]) == ("done", "finished")
    assert json.loads(trained("plan", "--json", "--run", "baseline").stdout)[0]["state"] == "done"


def test_the_same_training_under_another_name_is_not_run_again(trained):
    spec = (trained.folder / "runs.yaml").read_text() + "  plain-sgd: {extends: sgd, group: other}\n"
    (trained.folder / "renamed.yaml").write_text(spec)
    rows = json.loads(trained("plan", "--spec", "renamed.yaml", "--json", "--group", "other").stdout)
    assert (rows[0]["run"], rows[0]["state"]) == ("plain-sgd", "done")


def test_generate_draws_a_grid_and_single_images(trained):
    trained("generate", "baseline", "grid.png", "-n", "9")
    assert Image.open(trained.folder / "grid.png").size == (3 * 34 - 2, 3 * 34 - 2)
    trained("generate", "baseline", "faces", "-n", "3", "--step", "12")
    assert sorted(p.name for p in (trained.folder / "faces").iterdir()) == [
        "00000.png",
        "00001.png",
        "00002.png",
    ]
    done = trained("generate", "baseline", "x.png", "--step", "5", check=2)
    assert "no weights were kept at step 5 (kept: 12, 24)" in done.stderr


def test_generate_tells_that_its_folder_is_a_file(trained):
    (trained.folder / "taken").write_text("mine")
    done = trained("generate", "baseline", "taken", check=2)
    assert "taken: must be a folder, or a picture" in done.stderr
    assert (trained.folder / "taken").read_text() == "mine"
    assert (
        "no run 'baseline' in other"
        in trained("generate", "baseline", "x.png", "--group", "other", check=2).stderr
    )


def test_report_is_one_page_and_its_figures(trained):
    trained("report")
    page = (trained.folder / "results/report/report.html").read_text()
    assert all(run in page for run in RUNS)
    assert list((trained.folder / "results/report").glob("*.png"))


CLAIMS = """
  unrun: {extends: sgd, group: other, init: dcgan, optimizer: {lr: 3e-3}}
studies:
  rates: {base: sgd, space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}}
claims:
  single: {says: One., compare: {run: sgd, against: baseline, metric: quality, direction: lower, by: 5%}}
  absent: {says: Two., outcome: {run: unrun, against: sgd, samples: noise}}
  mixed: {says: Three., compare: {run: unrun, against: sgd, metric: converged Loss_D, direction: same, within: 5%}}
  search: {says: Four., study: {name: rates, window: {excludes: 2e-4}}}
"""


def test_a_report_judges_claims_and_says_what_each_lacks(trained):
    spec = trained.folder / "claims.yaml"
    spec.write_text((trained.folder / "runs.yaml").read_text() + CLAIMS.lstrip("\n"))
    said = json.loads(trained("report", "--spec", "claims.yaml", "--json", "--out", "judged").stdout)
    claims = {claim["id"]: claim for claim in said["claims"]}
    assert [claim["verdict"] for claim in claims.values()] == ["described", "not run", "not run", "not run"]
    assert claims["single"]["n"] == {"sgd": 1, "baseline": 1}
    assert (
        "`ablate run --spec claims.yaml --profile quick --seeds 0 --run unrun --run sgd`"
        in claims["absent"]["words"]
    )
    assert "`ablate tune rates --spec claims.yaml --profile quick`" in claims["search"]["words"]
    assert {row["run"] for row in said["runs"]} == set(RUNS)
    assert Path(trained.folder, said["page"]).is_file()


def test_a_claim_that_names_nothing_stops_the_report_with_its_line(trained):
    (trained.folder / "typo.yaml").write_text(
        (trained.folder / "runs.yaml").read_text() + CLAIMS.lstrip("\n").replace("run: unrun", "run: unrnu")
    )
    told = trained("report", "--spec", "typo.yaml", check=2).stderr
    assert "typo.yaml:22:" in told and "did you mean 'unrun'" in told


def test_run_can_write_the_report_which_names_the_command(trained):
    page = trained.folder / "results/report/report.html"
    page.unlink(missing_ok=True)
    out = trained("run", "--no-mirror", "--report", "--seeds", "0").stdout
    assert "Report:   results/report/report.html" in out
    assert "ablate run --seeds 0 --report" in page.read_text()
    trained("report", "--out", "elsewhere", "--seeds", "0")
    assert "ablate run --seeds 0 --report" in (trained.folder / "elsewhere/report.html").read_text()


def test_data_info_and_preview(trained):
    out = trained("data", "info").stdout
    assert "synthetic  96 images, 32x32, 3 channel(s)" in out
    trained("data", "preview", "sheet.png", "-n", "16", "--group", "report", "--seeds", "0")
    assert Image.open(trained.folder / "sheet.png").size == (4 * 34 - 2, 4 * 34 - 2)


def test_schema_is_json(trained):
    assert json.loads(trained("schema").stdout)["type"] == "object"


def test_audit_finds_every_bit_again(trained):
    out = trained("audit", "sgd", "baseline").stdout
    assert out.count("the same bit for bit in 24 steps") == 2


def test_audit_takes_the_recorded_thread_count(trained):
    trained(
        "run", "--no-mirror", "--run", "baseline", "--seeds", "5", "--threads", "3", "--set", "train.steps=2"
    )
    out = trained("audit", "baseline", "--seeds", "5", "--set", "train.steps=2").stdout
    assert "threads 3," in out
    assert "recorded on" not in out


def test_audit_of_nothing_is_an_error_in_words(trained):
    done = trained("audit", "sgd", "--set", "optimizer.lr=0.02", check=2)
    assert "what was trained under this name is another training: optimizer.lr" in done.stdout
    assert "Nothing was audited" in done.stderr


def test_audit_tells_the_first_difference(trained):
    journal_path = next(trained.folder.glob("results/jobs/both-s0-*/journal.jsonl"))
    whole = journal_path.read_bytes()
    lines = []
    for record in journal.read(journal_path).records:
        if record["kind"] == "metrics" and "Loss_G" in record["values"] and 5 in record["steps"]:
            record["values"]["Loss_G"][record["steps"].index(5)] += 1e-9
        lines.append(journal.encode(record))
    journal_path.write_bytes(b"".join(lines))
    try:
        assert "differs at step 5: Loss_G was" in trained("audit", "both", check=1).stdout
    finally:
        journal_path.write_bytes(whole)


def test_rerun_trains_again_and_sets_the_old_results_aside(trained):
    before = json.loads(trained("status", "--json", "--run", "weight-init").stdout)[0]
    trained("run", "--no-mirror", "--rerun", "--run", "weight-init")
    after = json.loads(trained("status", "--json", "--run", "weight-init").stdout)[0]
    assert after["weights_sha256"] == before["weights_sha256"]
    assert len(list(trained.folder.glob("results/aside/weight-init-s0-*/journal.jsonl"))) == 1


def test_clean_shows_first_and_leaves_results(trained):
    out = trained("clean").stdout
    assert "that --rerun replaced stay; --aside includes them" in out
    assert "checkpoint.pt" in out
    assert list(trained.folder.glob("results/jobs/*/checkpoint.pt")), "nothing is removed unasked"
    trained("clean", "--yes")
    assert not list(trained.folder.glob("results/jobs/*/checkpoint.pt"))
    assert list(trained.folder.glob("results/aside/*/journal.jsonl")), "they are finished results, too"
    rows = json.loads(trained("status", "--json").stdout)
    assert {row["state"] for row in rows} == {"done"}
    assert "Nothing to remove" in trained("clean").stdout
    assert "aside/weight-init-s0-" in trained("clean", "--aside", "--run", "weight-init").stdout
    assert "aside/" not in trained("clean", "--aside", "--run", "sgd").stdout
    trained("clean", "--aside", "--yes")
    assert not list(trained.folder.glob("results/aside/*"))


def test_clean_stale_spares_what_any_profile_or_seed_leads_to(trained):
    spec = (trained.folder / "runs.yaml").read_text()
    (trained.folder / "profiles.yaml").write_text(
        spec.replace("profiles:\n", "profiles:\n  tiny: {train: {steps: 3}}\n")
    )
    trained("run", "--no-mirror", "--run", "sgd", "--seeds", "9", "--set", "train.steps=4")

    def stale(*arguments: str) -> str:
        lines = trained("clean", *arguments, "--stale").stdout.splitlines()
        return "\n".join(line for line in lines if "no run of the specification uses it" in line)

    out = stale(
        "--spec", "profiles.yaml"
    )  # whose first profile is not the one that the four runs were trained under
    assert "jobs/sgd-s9-" in out
    assert not any(f"jobs/{run}-s0-" in out for run in RUNS)
    assert stale("--run", "baseline", "--seeds", "9") == "", "the selectors say what it is about"
    assert stale("--set", "train.steps=4", "--seeds", "9") == ""
    shutil.move(trained.folder / "results/data", trained.folder / "results/moved")
    try:
        assert not any(f"jobs/{run}-s0-" in stale() for run in RUNS), (
            "without data they may still be asked for"
        )
    finally:
        shutil.move(trained.folder / "results/moved", trained.folder / "results/data")


def test_changed_data_refuse_only_a_run(ablate, tmp_path: Path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for shade in range(40):
        Image.new("RGB", (40, 40), (shade * 6, 90, 200 - shade)).save(pictures / f"{shade}.png")
    job = ["--run", "baseline", "--set", "data.name=folder", "--set", f"data.path={pictures}"]
    job += ["--set", "train.steps=3"]
    ablate("run", "--no-mirror", *job)
    before = json.loads(ablate("status", "--json", *job).stdout)[0]
    Image.new("RGB", (40, 40)).save(pictures / "new.png")
    (planned,) = json.loads(ablate("plan", "--json", *job).stdout)
    assert planned["state"] == "data-missing"
    assert "not what was cached: 1 files added" in planned["detail"]
    assert "`ablate data prepare --refresh`" in planned["detail"]
    (row,) = json.loads(ablate("status", "--json", *job).stdout)
    assert (row["exit"], row["weights_sha256"]) == ("finished", before["weights_sha256"])
    assert "finished" in ablate("status", *job).stdout
    ablate("report", *job)
    ablate("generate", "baseline", "grid.png", *job[2:])
    assert "uses it any more" not in ablate("clean", "--stale", *job[2:]).stdout
    assert "not what was cached" in ablate("run", "--no-mirror", *job, check=2).stderr
    ablate("data", "prepare", "--refresh", *job)
    assert json.loads(ablate("plan", "--json", *job).stdout)[0]["state"] == "stale"
    for meta in tmp_path.glob("results/data/folder-*/meta.json"):
        meta.write_text("{")
    assert json.loads(ablate("status", "--json", *job).stdout)[0]["exit"] == "finished"
    ablate("data", "prepare", "--refresh", *job)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly_and_the_same_command_goes_on(tmp_path: Path, ablate, number: int):
    long = [
        "--run",
        "baseline",
        "--set",
        "train.steps=3000",
        "--set",
        "evaluation.num_evaluations=1",
        "--no-mirror",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "ablations.cli.app", "run", *long],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: any(p.stat().st_size > 5000 for p in tmp_path.glob("results/jobs/*/journal.jsonl")))
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopping after this step" in out
    assert "The same command resumes" in out
    (row,) = json.loads(ablate("status", "--json", *long[:-1]).stdout)
    assert (row["state"], row["exit"]) == ("resumable", "interrupted")
    (planned,) = json.loads(ablate("plan", "--json", *long[:-1]).stdout)
    assert planned["detail"] == f"interrupted; resumes from step {row['steps']}"


def test_a_crash_is_journaled_and_the_others_go_on(ablate, tmp_path: Path):
    """Half of G's weights missing makes the first grid fail in one job only: a real exception, mid-job."""
    ablate("run", "--no-mirror", "--run", "baseline", "--run", "sgd", "--set", "train.steps=2")
    folder = next(tmp_path.glob("results/jobs/sgd-s0-*"))
    for path in folder.glob("*"):
        if path.name != "samples":
            path.unlink()
    for picture in (folder / "samples").iterdir():
        picture.unlink()
    (folder / "samples").rmdir()
    (folder / "samples").write_text("in the way")
    done = ablate("run", "--no-mirror", "--run", "sgd", "--run", "both", "--set", "train.steps=2", check=1)
    assert "crashed" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    rows = {
        row["run"]: row for row in json.loads(ablate("status", "--json", "--set", "train.steps=2").stdout)
    }
    assert rows["sgd"]["exit"] == "crashed"
    assert rows["both"]["exit"] == "finished"
    outcome = journal.read(folder / "journal.jsonl").records[-1]
    assert "Traceback" in outcome["traceback"]


def test_journals_are_parsed_once_and_only_this_device_counts(trained, monkeypatch: pytest.MonkeyPatch):
    from ablations.cli.options import Selectors
    from ablations.jobs.estimate import Estimator
    from ablations.jobs.listing import plan_rows
    from ablations.store import history

    monkeypatch.chdir(trained.folder)
    parsed: list[Path] = []
    load = history.load
    monkeypatch.setattr(history, "load", lambda path: parsed.append(path) or load(path))
    _, jobs, place = Selectors(run=["*"], seeds="0,1").select()
    rows = plan_rows(jobs, place)
    assert len(parsed) == len(set(parsed)) == len(list(place.job_folders()))
    assert {row["expected_seconds"] for row in rows if row["state"] == "done"} == {0.0}
    assert Estimator(place, "cpu").seconds(jobs[0], 10) > 0
    assert Estimator(place, "NVIDIA H100").seconds(jobs[0], 10) is None


def test_archive_moves_all_jobs_or_none(tmp_path: Path):
    from ablations.store import Store, job_lock

    place = Store(tmp_path)
    for name in ("a", "b"):
        folder = place.folder_for(name, 0, name * 64)
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").touch()
    with job_lock(place.find("b" * 64)), pytest.raises(UserError, match="another process is running it"):
        place.archive(["a" * 64, "b" * 64])
    assert len(list(place.job_folders())) == 2
    first = place.archive(["a" * 64, "b" * 64])
    place.folder_for("a", 0, "a" * 64).mkdir()
    again = place.archive(["a" * 64])
    assert len({*first, *again}) == 3
    assert list(place.job_folders()) == []


def test_clean_on_a_read_only_store_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from ablations.jobs import cleaning

    def refuse(_: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(UserError, match="cannot remove it: Read-only file system"):
        cleaning.remove([cleaning.Removable(tmp_path, "", 0)])


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]):
    from ablations.cli.options import print_json

    print_json({"a": [float("nan"), float("inf"), 1.5], "b": -float("inf")})
    assert json.loads(capsys.readouterr().out) == {"a": ["NaN", "Infinity", 1.5], "b": "-Infinity"}


def test_sync_says_what_it_could_not_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    import typer

    from ablations import tracking
    from ablations.cli.store import sync

    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="typo: no store here"):
        sync(Path("typo"), "http://dead")
    assert not (tmp_path / "typo").exists()
    (tmp_path / "begun" / "jobs").mkdir(parents=True)
    dead = tracking.SyncReport(errors={"http://dead": "connection refused"})
    monkeypatch.setattr(tracking, "sync", lambda *_, **__: dead)
    with pytest.raises(typer.Exit) as ended:
        sync(Path("begun"), "http://dead")
    assert ended.value.exit_code == 1
    out = capsys.readouterr().out
    assert "MLflow holds all that" not in out
    assert "connection refused" in out
    assert "`ablate sync --store begun --tracking-uri http://dead`" in out


def test_what_the_mirror_lacks_is_said_with_reason_and_command(ablate):
    out = ablate(
        "run",
        "--run",
        "sgd",
        "--set",
        "train.steps=2",
        "--tracking-uri",
        "http://127.0.0.1:9",
        "--mirror-wait",
        "8",
    ).stdout
    assert "Shipping the rest to MLflow" in out
    assert "MLflow lacks" in out
    assert "127.0.0.1" in out.split("MLflow lacks")[1].split("`ablate sync")[0], "the reason"
    assert "`ablate sync --tracking-uri http://127.0.0.1:9` ships the rest" in out
    assert "Compare" not in out


def test_the_report_goes_where_its_jobs_are_each_time_that_it_is_written(ablate, tiny_spec: Path):
    from ablations.tracking.server import connect

    job = ("--run", "sgd", "--seeds", "3")
    ablate("run", *job, "--set", "train.steps=2", "--report")
    folder = tiny_spec.parent
    uri = f"sqlite:///{folder}/results/mlflow.db"
    client = connect(uri)

    def reported() -> tuple[str, int]:
        """The page in MLflow, and when it was built."""
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        (run,) = client.search_runs(experiments, "tags.ablate = 'report'")
        local = Path(client.download_artifacts(run.info.run_id, "", str(folder)))
        return (local / "report.html").read_text(), json.loads((local / "report.json").read_text())["built"]

    page = folder / "results/report/report.html"
    shown, before = reported()
    assert shown == page.read_text()
    told = ablate("report", *job, "--set", "train.steps=2", "--json")
    assert json.loads(told.stdout)["claims"] == []
    shown, after = reported()
    assert shown == page.read_text()
    assert after > before


def test_usable_cores_are_those_of_this_process():
    from ablations.jobs.machine import usable_cores

    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_make_passes_its_variables_on():
    root = Path(__file__).parents[2]
    variables = ["SEEDS=0", "PROFILE=quick", "DATA=a b", "ARGS=--device cuda", "STORE=s"]

    def commands(target: str) -> list[str]:
        done = subprocess.run(
            ["make", "-n", "-o", "setup", "-o", ".venv/.ready", target, *variables],
            cwd=root, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return [line for line in done.stdout.splitlines() if "bin/ablate" in line]

    selectors = (
        "--profile quick --seeds 0 --spec runs.yaml --set data.name=folder --set 'data.path=a b' --store s"
    )
    assert commands("ablate") == [f".venv/bin/ablate run --report {selectors} --device cuda"]
    assert commands("data") == [f".venv/bin/ablate data prepare {selectors} --device cuda"]


def test_a_divergence_is_a_result_with_its_step(ablate):
    override = ["--run", "sgd", "--set", "optimizer.lr=1e30"]
    ablate("run", "--no-mirror", *override)
    (row,) = json.loads(ablate("status", "--json", *override).stdout)
    assert (row["state"], row["exit"]) == ("done", "diverged")
    assert row["onset"]["exit"] <= 3
    assert "every job is done" in ablate("run", "--no-mirror", *override).stdout


def test_two_commands_on_one_store_share_the_work(ablate, tmp_path: Path):
    ablate("data", "prepare")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "ablations.cli.app", "run", "--no-mirror"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    assert [process.wait(280) for process in processes] == [0, 0]
    for path in tmp_path.glob("results/jobs/*/journal.jsonl"):
        kinds = [record["kind"] for record in journal.read(path).records]
        assert kinds.count("session") == 1, "every job is trained once"
        assert kinds.count("outcome") == 1
    assert len(list(tmp_path.glob("results/jobs/*"))) == 4


def test_an_image_folder_is_trained_on(ablate, tmp_path: Path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    generator = np.random.default_rng(0)
    for i in range(40):
        Image.fromarray(generator.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(pictures / f"{i}.png")
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    override = ["--run", "baseline", "--set", "data.name=folder", "--set", f"data.path={pictures}"]
    done = ablate("run", "--no-mirror", *override, "--set", "train.steps=3")
    assert "1 file(s) skipped" in done.stdout
    assert "broken.jpg" in done.stdout


BAD_INPUT = {
    "an unknown optimizer": (["--set", "optimizer.name=adan"], "unknown optimizer 'adan' — did you mean 'adam'?"),
    "a setting of another optimizer": (["--set", "optimizer.momentum=0.9"], "optimizer 'adam' has no momentum"),
    "an option the optimizer lacks": (["--set", "optimizer.options.rho=1"], "has no option 'rho'"),
    "an initializer that does not exist": (["--set", "init=xavier"], "unknown initializer 'xavier'"),
    "an unknown data set": (["--set", "data.name=celebb"], "unknown dataset 'celebb' — did you mean 'celeba'?"),
    "an extractor that does not exist": (["--set", "evaluation.extractor=vgg"], "unknown extractor 'vgg'"),
    "a run that does not exist": (["--run", "baselin"], "did you mean 'baseline'?"),
    "a group that does not exist": (["--group", "reprot"], "unknown group 'reprot'"),
    "a profile that does not exist": (["--profile", "quik"], "did you mean 'quick'?"),
    "a folder that does not exist": (["--set", "data.name=folder", "--set", "data.path=nowhere"], "nowhere"),
    "an empty folder": (["--set", "data.name=folder", "--set", "data.path=empty"], "empty"),
    "a folder of broken images": (["--set", "data.name=folder", "--set", "data.path=broken"], "broken"),
    "a subset larger than the data": (["--set", "data.limit=97"], "97"),
    "a device that is not there": (["--device", "cuda:7"], "--device cuda:7"),
    "a device that is no device": (["--device", "gpu"], "must be auto, cpu, cuda or cuda:N"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_screen_and_leaves_the_store_alone(case: str, trained):
    (trained.folder / "empty").mkdir(exist_ok=True)
    (trained.folder / "broken").mkdir(exist_ok=True)
    (trained.folder / "broken" / "a.png").write_bytes(b"\x89PNG no")
    (trained.folder / "broken" / "b.jpg").write_bytes(b"")
    arguments, words = BAD_INPUT[case]
    before = snapshot(trained.folder / "results")
    done = trained("run", "--no-mirror", *arguments, check=2)
    assert words in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) <= 24
    assert snapshot(trained.folder / "results") == before


def snapshot(store: Path) -> dict[str, int]:
    """Every file that could hold a result, with its time of change (locks and empty folders aside)."""
    return {
        str(path): path.stat().st_mtime_ns
        for path in store.rglob("*")
        if path.is_file() and path.suffix != ".lock" and path.name != "lock"
    }


def wait_for(condition, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def test_a_read_only_store_is_one_clear_error(ablate, tmp_path: Path):
    if os.geteuid() == 0:
        (tmp_path / "results").write_text("a file where the store should be")
    else:
        (tmp_path / "results").mkdir(mode=0o500)
    done = ablate("run", "--no-mirror", check=2)
    assert "results" in done.stderr
    assert "Traceback" not in done.stderr
