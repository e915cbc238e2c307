"""`ablate plan` and `ablate run`."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ablations import tracking
from ablations.cli.options import THREADS, Selectors
from ablations.cli.train import compare_words
from ablations.jobs.estimate import Estimator
from ablations.jobs.listing import plan_rows
from ablations.jobs.session import job_record
from ablations.jobs.status import JobState, Status
from ablations.store import Store, history, journal
from ablations.tracking import shipped
from ablations.tracking.content import Facts
from fakeface import data
from tests import processes
from tests.cli.conftest import RUNS, Place
from tests.commands import wait_for

pytestmark = pytest.mark.slow

SHORT = ("--no-mirror", "--set", "train.steps=2")


def test_run_ends_with_a_table_and_the_pictures(first: tuple[Path, subprocess.CompletedProcess[str]]):
    out = first[1].stdout
    for run in RUNS:
        assert f"{run}-s0" in out
    assert "fd_efficientnet_lite0 (N = 48)" in out
    assert "Pictures: results/jobs/*/samples/" in out
    assert re.search(r"These jobs took \d+ \w+; the plan expected ~\d+ \w+ by a rule of thumb", out)
    assert "Compare" not in out, "nothing was shipped, so there is nothing to see in MLflow"


def test_a_second_run_finds_everything_done(trained: Place):
    before = {path: path.stat().st_mtime_ns for path in trained.folder.glob("results/jobs/*/journal.jsonl")}
    assert "every job is done" in trained("run", "--no-mirror").stdout
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert len(before) == 4


def test_plan_shows_states_without_running_anything(trained: Place):
    rows = trained.json("plan", "--seeds", "0,1", "--run", "sgd")["jobs"]
    assert [(row["seed"], row["state"], row["steps"]) for row in rows] == [(0, "done", 24), (1, "new", 24)]
    assert rows[1]["expected_seconds"] > 0
    two = ("--executor", "local", "--jobs", "2")
    words = r"4 of 4 jobs to train or score, ~\d+ s on cpu, ~\d+ s with 2 side by side\n"
    assert re.search(words, trained("run", "--dry-run", "--seeds", "7", *two).stdout)
    assert "serial runs one job at a time" in trained("run", "--dry-run", "--jobs", "2", check=2).stderr
    assert trained.json("plan", "--seeds", "7", "--jobs", "3")["price"]["slots"] == 3
    assert "done now; set aside and trained again" in trained("run", "--dry-run", "--rerun").stdout
    assert len(list(trained.folder.glob("results/jobs/*"))) == 4


def test_a_plan_parses_journals_once_and_estimates_from_this_device(
    trained: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(trained.folder)
    parsed: list[Path] = []
    load = history.load
    monkeypatch.setattr(history, "load", lambda path: parsed.append(path) or load(path))
    _, jobs, place = Selectors(run=["*"], seeds="0,1").select()
    rows, price = plan_rows(jobs, place, slots=2)
    assert len(parsed) == len(set(parsed)) == len(list(place.job_folders()))
    assert {row["expected_seconds"] for row in rows if row["state"] == "done"} == {0.0}
    assert (price.device, price.jobs, price.slots, price.measured) == ("cpu", 4, 2, True)
    assert price.seconds is not None and price.makespan is not None
    assert price.seconds / 2 <= price.makespan < price.seconds
    new = JobState(Status.NEW, "", None, None)
    assert Estimator(place, "NVIDIA H100").expected(jobs[0], new).seconds is None


def test_a_changed_setting_is_stale_and_says_which(trained: Place):
    path = trained.folder / "runs.yaml"
    path.write_text(path.read_text().replace("optimizer: sgd", "optimizer: {name: sgd, lr: 0.02}"))
    (row,) = trained.json("plan", "--run", "sgd")["jobs"]
    assert (row["state"], row["detail"]) == (
        "stale",
        "optimizer.D.lr: 0.0002 -> 0.02; optimizer.G.lr: 0.0002 -> 0.02",
    )


def test_a_setting_changed_by_set_is_another_variant_and_makes_nothing_stale(trained: Place):
    changed = ("--set", "optimizer.lr=0.02")
    (row,) = trained.json("plan", "--run", "sgd", *changed)["jobs"]
    assert (row["run"], row["state"]) == ("sgd[optimizer.lr=0.02]", "new")
    assert trained.json("plan", "--run", "sgd[optimizer.lr=2e-2]")["jobs"] == [row]
    table = trained("run", "--no-mirror", "--run", "sgd", *changed).stdout
    assert "sgd[optimizer.lr=0.02]-s0" in table, "while it runs"
    both = ["sgd", "sgd[optimizer.lr=0.02]"]
    shown = [
        trained.json("status", "--run", "sgd", *changed),
        trained.json("status", "--run", "sgd", "--run", "sgd[optimizer.lr=0.02]"),
        trained.json("report", "--run", "sgd[optimizer.lr=0.02]")["runs"],
    ]
    assert [[row["run"] for row in rows] for rows in shown] == [both] * 3, "the plain run beside its variant"
    assert [row["state"] for row in shown[0]] == ["done", "done"]
    assert "no run of the specification" not in trained("clean", "--stale").stdout, "both are needed"
    (same,) = trained.json("plan", "--run", "sgd", "--set", "optimizer.lr=0.0002")["jobs"]
    assert (same["run"], same["state"]) == ("sgd", "done"), "a value that it had already changes nothing"


def test_a_changed_protocol_scores_again_and_trains_nothing(trained: Place):
    override = ["--set", "evaluation.num_samples=40", "--run", "baseline"]
    assert trained.json("plan", *override)["jobs"][0]["state"] == "re-score"
    path = trained.job("baseline-s0") / "journal.jsonl"
    sessions = [r for r in journal.read(path).records if r["kind"] == "session"]
    trained("run", "--no-mirror", *override)
    records = journal.read(path).records
    assert [r for r in records if r["kind"] == "session"] == sessions, "no new training session"
    assert [r["step"] for r in records if r["kind"] == "evaluation"] == [24, 24]
    assert [r["step"] for r in records if r["kind"] == "curve"] == 2 * [0, 10, 16, 24]
    (status,) = trained.json("status", *override)
    assert (status["state"], status["exit"]) == ("done", "finished")
    assert trained.json("plan", "--run", "baseline")["jobs"][0]["state"] == "done"


def test_the_same_training_under_another_name_is_not_run_again(trained: Place):
    spec = (trained.folder / "runs.yaml").read_text() + "  plain-sgd: {extends: sgd, group: other}\n"
    (trained.folder / "renamed.yaml").write_text(spec)
    (row,) = trained.json("plan", "--spec", "renamed.yaml", "--group", "other")["jobs"]
    assert (row["run"], row["state"]) == ("plain-sgd", "done")


def test_rerun_trains_again_and_sets_the_old_results_aside(trained: Place):
    before = trained.json("status", "--run", "weight-init")[0]
    trained("run", "--no-mirror", "--rerun", "--run", "weight-init")
    after = trained.json("status", "--run", "weight-init")[0]
    assert after["weights_sha256"] == before["weights_sha256"]
    assert len(list(trained.folder.glob("results/aside/weight-init-s0-*/journal.jsonl"))) == 1


def test_a_divergence_is_a_result_with_its_step(ablate):
    override = ["--run", "sgd", "--set", "optimizer.lr=1e30"]
    ablate("run", "--no-mirror", *override)
    (row,) = json.loads(ablate("status", "--json", *override).stdout)
    assert (row["state"], row["exit"]) == ("done", "diverged")
    assert row["onset"]["exit"] <= 3
    assert row["samples"] is None and "no samples to judge" in row["evidence"]["samples"]
    assert "every job is done" in ablate("run", "--no-mirror", *override).stdout


def test_a_crash_is_journaled_and_the_other_jobs_finish(ablate, tmp_path: Path):
    """A file in place of a job's folder of samples makes its first grid fail: a real exception, mid-job."""
    ablate("run", *SHORT, "--run", "sgd")
    (folder,) = tmp_path.glob("results/jobs/sgd-s0-*")
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "samples").write_text("in the way")
    done = ablate("run", *SHORT, "--run", "sgd", "--run", "both", check=1)
    assert "crashed" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    rows = json.loads(ablate("status", "--json", *SHORT[1:]).stdout)
    exits = {row["run"]: row["exit"] for row in rows}
    assert (exits["sgd[train.steps=2]"], exits["both[train.steps=2]"]) == ("crashed", "finished")
    assert "Traceback" in journal.read(folder / "journal.jsonl").records[-1]["traceback"]


def test_a_read_only_store_is_one_clear_error(ablate, tmp_path: Path):
    if os.geteuid() == 0:
        (tmp_path / "results").write_text("a file in place of the store")
    else:
        (tmp_path / "results").mkdir(mode=0o500)
    assert "results" in ablate("run", "--no-mirror", check=2).stderr


def test_json_is_the_only_thing_on_standard_output_and_says_what_the_run_did(ablate, tmp_path: Path):
    chosen = (*SHORT, "--run", "sgd", "--run", "both")
    planned = ablate("run", *chosen, "--json", "--dry-run", "--until-decided", "--seeds", "0,1")
    content = json.loads(planned.stdout)
    assert [job["state"] for job in content["jobs"]] == ["data-missing"] * 4
    assert content["looks"]["counts"][-1] == 20
    ablate("run", *SHORT, "--run", "sgd")
    done = ablate("run", *chosen, "--json", "--report")
    written = json.loads(done.stdout)
    rows = json.loads(ablate("status", "--json", *chosen[1:]).stdout)
    assert written["jobs"] == [
        {**row, "ended": end, "why": ""} for row, end in zip(rows, [None, "finished"], strict=True)
    ]
    assert (written["exit_status"], written["stopped_by"]) == (0, "")
    assert written["report"]["page"] == str(tmp_path / "results/report/report.html")
    assert "(1/1) both" in done.stderr


def test_json_says_why_a_job_crashed(ablate, tmp_path: Path):
    ablate("data", "prepare")
    (job,) = json.loads(ablate("plan", "--json", *SHORT[1:], "--run", "sgd").stdout)["jobs"]
    folder = tmp_path / f"results/jobs/sgd-s0-{job['identity'][:12]}"
    folder.mkdir(parents=True)
    (folder / "samples").write_text("in the way")
    done = json.loads(ablate("run", *SHORT, "--run", "sgd", "--json", check=1).stdout)
    assert done["exit_status"] == 1
    assert done["jobs"][0]["ended"] == "crashed"
    assert "samples" in done["jobs"][0]["why"]
    assert done["report"] is None


def test_fail_fast_stops_the_other_jobs_at_a_crash(ablate, tmp_path: Path):
    long = (
        "--set",
        "train.steps=3000",
        "--set",
        "evaluation.curve_samples=0",
        "--run",
        "sgd",
        "--run",
        "both",
    )
    ablate("data", "prepare")
    crashing, _ = json.loads(ablate("plan", "--json", *long).stdout)["jobs"]
    folder = tmp_path / f"results/jobs/sgd-s0-{crashing['identity'][:12]}"
    folder.mkdir(parents=True)
    (folder / "samples").write_text("in the way")
    options = ("--no-mirror", "--executor", "local", "--jobs", "2", "--fail-fast")
    out = ablate("run", *options, *long, check=1).stdout
    assert (
        f"Stopped at the crash of {crashing['run']}-s0 (--fail-fast). The same command tries it again" in out
    )
    crashed, other = json.loads(ablate("status", "--json", *long).stdout)
    assert crashed["exit"] == "crashed"
    assert other["exit"] in ("interrupted", "new"), "it was stopped, or did not begin any more"


# -- in processes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "executor", "send"),
    [
        (signal.SIGINT, "serial", os.kill),
        (signal.SIGTERM, "serial", os.kill),
        (signal.SIGUSR1, "serial", os.kill),
        (signal.SIGUSR1, "local", os.kill),
        (signal.SIGUSR1, "local", os.killpg),  # a scheduler may send it to every process
    ],
)
def test_a_signal_stops_cleanly_and_the_same_command_resumes(
    tmp_path: Path, ablate, number: int, executor: str, send: Callable[[int, int], None]
):
    long = ("--run", "baseline", "--set", "train.steps=3000", "--set", "evaluation.curve_samples=0")
    command = ("run", "--no-mirror", "--executor", executor, *long)
    process = processes.start(tmp_path, *command, log=str(tmp_path / "log"))
    wait_for(lambda: any(p.stat().st_size > 5000 for p in tmp_path.glob("results/jobs/*/journal.jsonl")))
    send(process.pid, number)
    process.join(60)
    assert process.exitcode == 130
    out = (tmp_path / "log").read_text()
    assert "Stopping after this step" in out
    assert "The same command resumes" in out
    (row,) = json.loads(ablate("status", "--json", *long).stdout)
    assert (row["state"], row["exit"]) == ("resumable", "interrupted")
    (planned,) = json.loads(ablate("plan", "--json", *long).stdout)["jobs"]
    assert f"from step {row['steps']}" in planned["detail"]


def test_both_executors_of_one_machine_give_the_same_bits_by_default(ablate):
    found, threads = {}, set()
    for executor in ("serial", "local"):
        job = ("--store", executor, "--run", "baseline", "--seeds", "0,1")
        ablate("run", "--executor", executor, "--no-mirror", *job)
        rows = json.loads(ablate("status", "--json", *job).stdout)
        found[executor] = [(row["weights_sha256"], row["metrics"]["Loss_G"]) for row in rows]
        histories = [history.job_history(Path(row["folder"])) for row in rows]
        threads |= {session["stack"]["threads"] for one in histories for session in one.sessions}
    assert found["local"] == found["serial"]
    assert threads == {THREADS}


def test_two_commands_on_one_store_share_the_work(ablate, tmp_path: Path):
    ablate("data", "prepare")
    running = [processes.start(tmp_path, "run", "--no-mirror") for _ in range(2)]
    for process in running:
        process.join(processes.TIMEOUT)
    assert [process.exitcode for process in running] == [0, 0]
    for path in tmp_path.glob("results/jobs/*/journal.jsonl"):
        kinds = [record["kind"] for record in journal.read(path).records]
        assert kinds.count("session") == 1, "every job is trained once"
        assert kinds.count("outcome") == 1
    assert len(list(tmp_path.glob("results/jobs/*"))) == 4


# -- the mirror --------------------------------------------------------------------------------------------------


LINKS = {
    "results": (None, "`ablate ui`, then http://127.0.0.1:5000/#/"),
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
    monkeypatch.chdir(tmp_path)
    chosen = Selectors(tiny_spec, store=Path(store))
    images = data.prepare(chosen.choose()[1][0].config.data, Store(Path(store)).data)
    _, jobs, _ = chosen.select()
    place = Store(Path(store))
    uri, words = LINKS[store]
    uri = uri or place.tracking_uri
    assert compare_words(jobs, place, uri) == ""
    folder = place.folder_for(jobs[0].run, jobs[0].seed, jobs[0].identity)
    with journal.Journal(folder / "journal.jsonl") as written:
        record = written.append("job", **job_record(jobs[0], images, 24))
    noted = shipped.Shipped(experiment_id="1", run_id="r", facts=Facts(job=record))
    shipped.save(place, uri, folder.name, noted)
    assert tracking.run_ids(place, uri) == {folder.name: "r"}
    assert compare_words(jobs, place, uri).startswith(words)


def test_what_the_mirror_lacks_is_said_with_reason_and_command(ablate):
    uri = "http://127.0.0.1:9"
    out = ablate("run", "--run", "sgd", *SHORT[1:], "--tracking-uri", uri, "--mirror-wait", "8").stdout
    assert "Sending the remaining results to MLflow" in out
    reason, _, command = out.split("MLflow lacks")[1].partition("`ablate sync")
    assert "127.0.0.1" in reason
    assert command.startswith(f" --tracking-uri {uri}` ships the rest")
    assert "Compare" not in out
