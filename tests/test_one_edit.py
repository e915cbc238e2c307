"""One edit a variant: a user's own file registers one component of each kind, and every command and page knows it."""

import json
import shutil
from pathlib import Path

import pytest

from ablations.store import journal
from tests.processes import ablate

SPEC = """\
imports: [my_variants.py]
defaults:
  data: {name: my-stripes, count: 600, image_size: 32}
  network: {name: my-linear, latent_dim: 8}
  optimizer: {name: my-adagrad, lr: 0.01}
  init: my-orthogonal
  loss: my-least-squares
  train: {steps: 12, batch_size: 8}
  evaluation: {extractor: my-pixels, num_samples: 96, num_reference: 96}
  samples: {num_grids: 8, grid_size: 2}
runs:
  baseline: {}
  faster: {extends: baseline, optimizer: {lr: 0.05}}
  ours: {extends: baseline, loss: non-saturating}
studies:
  rates:
    base: baseline
    space: {optimizer.lr: {low: 0.001, high: 0.1, log: true}}
    trials: 2
    seeds: 1
    confirm: 0
    edges: 0
claims:
  mine: {says: Faster is ahead., my-beats: {run: faster, against: baseline, metric: quality}}
  brighter:
    says: Faster is brighter.
    compare: {run: faster, against: baseline, metric: my_brightness, direction: higher, by: 1%}
"""
PATIENT = ("--mirror-wait", "600")
"""A busy machine needs more than the default to ship what tests then look for in MLflow."""
VARIANTS = Path(__file__).with_name("user_variants.py").read_text()


def rows(folder: Path, command: str, *arguments: str) -> list[dict]:
    found = json.loads(ablate(folder, command, "--json", *arguments).stdout)
    return found["jobs"] if command == "plan" else found


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a specification, a user's file, and a store trained by an executor of theirs and by `local`."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "runs.yaml").write_text(SPEC)
    (folder / "my_variants.py").write_text(VARIANTS)
    assert {row["state"] for row in rows(folder, "plan")} == {"data-missing"}
    ablate(folder, "run", "--seeds", "0", "--executor", "my-executor", "--threads", "1")
    ablate(folder, "run", "--seeds", "0,1", "--executor", "local", "--jobs", "2", "--threads", "1", *PATIENT)
    return folder


@pytest.mark.slow
def test_each_component_trains_in_this_process_and_in_workers(lab: Path):
    found = rows(lab, "status", "--seeds", "0,1")
    assert {(row["run"], row["seed"]): row["exit"] for row in found} == {
        (run, seed): "finished" for run in ("baseline", "faster", "ours") for seed in (0, 1)
    }
    for row in found:
        assert {"Loss_D", "fd_my_pixels", "precision_my_pixels", "my_brightness"} <= set(row["metrics"])
        record = journal.read(Path(row["folder"]) / "journal.jsonl").records[0]
        own = {name for label in record["code"] if (name := label.removeprefix("my_variants.py:")) != label}
        used = {"my_adagrad", "my_orthogonal", "my_linear", "Pictures", "Verdict"}
        assert own == used | ({"LeastSquares"} if row["run"] != "ours" else set())
    assert {row["state"] for row in rows(lab, "plan", "--seeds", "0,1")} == {"done"}


@pytest.mark.slow
def test_the_mirror_has_its_params_measures_and_model(lab: Path):
    from mlflow import MlflowClient

    row = rows(lab, "status")[0]
    client = MlflowClient(f"sqlite:///{lab / 'results' / 'mlflow.db'}")
    run = client.get_run(row["mlflow_run_id"])
    assert "my-least-squares" in {run.data.params.get("loss"), run.data.params.get("loss.name")}
    assert run.data.metrics["my_brightness"] == row["metrics"]["my_brightness"]
    models = client.search_logged_models([run.info.experiment_id])
    assert [str(model.status) for model in models] == ["READY"] * 6


@pytest.mark.slow
def test_a_mirror_of_a_store_whose_networks_are_not_imported_says_what_it_lacks(lab: Path, tmp_path: Path):
    store = shutil.copytree(
        lab / "results", tmp_path / "moved", ignore=shutil.ignore_patterns("mlflow*", "mirror")
    )
    done = ablate(tmp_path, "sync", "--store", str(store), check=1)
    assert "its network 'my-linear' is in no module that this command imports" in done.stdout
    assert "ablate sync --spec PATH" in done.stdout
    ablate(tmp_path, "sync", "--store", str(store), "--spec", str(lab / "runs.yaml"))


@pytest.mark.slow
def test_weights_are_not_exported_with_a_network_that_was_edited_since(lab: Path, tmp_path: Path):
    store = shutil.copytree(
        lab / "results", tmp_path / "moved", ignore=shutil.ignore_patterns("mlflow*", "mirror")
    )
    edited = tmp_path / "edited"
    edited.mkdir()
    shutil.copy(lab / "runs.yaml", edited)
    assert ".tanh()" in VARIANTS
    (edited / "my_variants.py").write_text(VARIANTS.replace(".tanh()", ".sin()"))
    done = ablate(edited, "sync", "--store", str(store), check=1)
    assert "'my-linear' is not the one that was trained (Pictures in my_variants.py changed)" in done.stdout


@pytest.mark.slow
def test_a_study_searches_a_setting_of_it(lab: Path):
    result = json.loads(ablate(lab, "tune", "rates", "--json", "--jobs", "2", "--threads", "1").stdout)
    assert result["metric"] == "fd_my_pixels"
    assert len(result["trials"]) == 2


@pytest.mark.slow
def test_the_report_judges_its_claims_and_shows_its_measure(lab: Path):
    report = json.loads(ablate(lab, "report", "--json", "--seeds", "0,1", "--no-mirror").stdout)
    verdicts = {claim["id"]: claim["verdict"] for claim in report["claims"]}
    assert set(verdicts) == {"mine", "brighter"}
    assert set(verdicts.values()) <= {"supported", "refuted", "undecided"}
    page = (lab / "results" / "report" / "report.html").read_text()
    assert "brightness" in page
    assert "faster is ahead of baseline" in page


def states_after(lab: Path, old: str, new: str) -> dict[str, tuple[str, str]]:
    """What `ablate plan` says of each run after an edit of the user's file, which is taken back."""
    assert old in VARIANTS
    (lab / "my_variants.py").write_text(VARIANTS.replace(old, new))
    try:
        return {row["run"]: (row["state"], row["detail"]) for row in rows(lab, "plan")}
    finally:
        (lab / "my_variants.py").write_text(VARIANTS)


@pytest.mark.slow
def test_an_edit_makes_the_jobs_stale_that_reach_it_and_names_it(lab: Path):
    stale = ("stale", "LeastSquares in my_variants.py changed")
    states = states_after(lab, "(batch.fake_outputs - 1)", "(2 * batch.fake_outputs - 1)")
    assert states == {"baseline": stale, "faster": stale, "ours": ("done", "finished")}


@pytest.mark.slow
def test_an_edit_of_a_measure_scores_again_and_a_comment_does_nothing(lab: Path):
    states = states_after(lab, "samples.images.mean()", "2 * samples.images.mean()")
    assert {state for state, _ in states.values()} == {"re-score"}
    states = states_after(lab, "rows = random", "# at random\n        rows = random")
    assert {state for state, _ in states.values()} == {"done"}


@pytest.mark.slow
def test_an_edit_of_a_data_set_prepares_its_images_again(lab: Path):
    states = states_after(lab, "random.integers(0, 255", "random.integers(0, 100")
    assert {state for state, _ in states.values()} == {"data-missing"}
    assert {detail.partition(";")[0] for _, detail in states.values()} == {
        "Stripes in my_variants.py changed"
    }


@pytest.mark.slow
def test_a_crash_in_the_users_code_names_their_line(lab: Path):
    line = "return (batch.fake_outputs - 1).square().mean() / 2"
    crashing = VARIANTS.replace(line, "return batch.fake_outputs['logits']")
    assert crashing != VARIANTS
    (lab / "my_variants.py").write_text(crashing)
    try:
        done = ablate(lab, "run", "--run", "baseline", "--seeds", "9", "--no-mirror", check=1)
    finally:
        (lab / "my_variants.py").write_text(VARIANTS)
    number = VARIANTS[: VARIANTS.index(line)].count("\n") + 1
    assert f"my_variants.py:{number}: IndexError: " in done.stdout
    assert "(1/1) baseline-s9  crashed  " in done.stdout


@pytest.mark.slow
def test_an_error_in_the_file_ends_a_command_as_a_bad_specification_does(lab: Path):
    (lab / "my_variants.py").write_text(VARIANTS + "\n1 / 0\n")
    try:
        done = ablate(lab, "plan", check=2)
    finally:
        (lab / "my_variants.py").write_text(VARIANTS)
    lines = done.stderr.splitlines()
    assert lines[1].startswith('  File "my_variants.py", line ')
    assert lines[-2:] == [
        "ZeroDivisionError: division by zero",
        "runs.yaml:1:11: imports[0]: my_variants.py cannot be imported; mend what the traceback shows",
    ]
