"""A study and the report in MLflow: a run each, with what was found and the files, sent again only after a change."""

import json
from pathlib import Path
from typing import Any

import pytest

from ablations import tracking
from ablations.store import Store
from ablations.store.sealed import sealed
from ablations.tracking.loop import pending
from ablations.tracking.server import connect
from tests import study_records


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    folder = store.studies / "sgd-lr-0123"
    folder.mkdir(parents=True)
    (folder / "lock").touch()
    study_records.whole_sgd_study().write(folder)
    (folder / "response.png").write_bytes(b"a picture")
    return store


@pytest.mark.slow
def test_a_study_has_one_run_with_what_it_found(store: Store):
    for _ in range(2):
        assert tracking.sync(store, store.tracking_uri).complete
    client = connect(store.tracking_uri)
    experiment = client.get_experiment_by_name("fakeface-sgd-lr")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["metric"] == study_records.METRIC
    assert float(run.data.tags["best.value"]) > 0
    assert "- **best**: fd_" in run.data.tags["mlflow.note.content"]
    assert {f.path for f in client.list_artifacts(run.info.run_id)} == {"study.json", "response.png"}

    path = store.studies / "sgd-lr-0123" / "study.json"
    record = json.loads(path.read_text())
    record["best"]["value"] = 1.5
    path.write_text(json.dumps(record))
    refused = tracking.sync(store, store.tracking_uri)
    assert "its content is not what was written" in refused.errors["study-sgd-lr-0123"]
    del record["sha256"]
    path.write_bytes(sealed(record))
    assert tracking.sync(store, store.tracking_uri).complete
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.tags["best.value"] == "1.5"


@pytest.mark.slow
def test_a_damaged_study_stops_no_journal(store: Store):
    (store.studies / "sgd-lr-0123" / "study.json").write_text("{")
    report = tracking.sync(store, store.tracking_uri)
    assert "study.json: damaged" in report.errors["study-sgd-lr-0123"]
    assert list(report.errors) == ["study-sgd-lr-0123"]
    assert str(report.pending) == "the study-sgd-lr-0123"


@pytest.fixture
def reported(store: Store) -> Store:
    """A store with a report beside its study."""
    store.report.mkdir()
    (store.report / "report.html").write_text("<h1>of four runs</h1>")
    write_report(store, {"sgd-behind": "undecided"})
    return store


def write_report(store: Store, verdicts: dict[str, str], title: str = "Ana's faces") -> None:
    claims = [{"id": name, "verdict": verdict} for name, verdict in verdicts.items()]
    record = {"title": title, "command": "ablate run --report", "built": 1_000, "claims": claims}
    (store.report / "report.json").write_text(json.dumps(record))


def report_run(store: Store, title: str = "Ana's faces") -> Any:
    client = connect(store.tracking_uri)
    experiment = client.get_experiment_by_name(title)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    return run


@pytest.mark.slow
def test_the_report_is_an_artifact_of_one_run_whose_tags_are_its_last_verdicts(reported: Store):
    assert tracking.sync(reported, reported.tracking_uri).complete
    assert report_run(reported).data.tags["claim.sgd-behind"] == "undecided"
    write_report(reported, {"lr=2e-4+momentum": "supported"})
    assert pending(reported, reported.tracking_uri).results == ("report",)
    assert tracking.sync(reported, reported.tracking_uri).complete
    run = report_run(reported)
    claims = {name: value for name, value in run.data.tags.items() if name.startswith("claim.")}
    assert claims == {"claim.lr_2e-4_momentum": "supported"}
    files = connect(reported.tracking_uri).list_artifacts(run.info.run_id)
    assert {file.path for file in files} == {"report.json", "report.html"}
    assert not pending(reported, reported.tracking_uri)


@pytest.mark.slow
def test_what_is_unchanged_is_not_sent_again(reported: Store, monkeypatch: pytest.MonkeyPatch):
    tracking.sync(reported, reported.tracking_uri)
    from mlflow import MlflowClient

    monkeypatch.setattr(MlflowClient, "log_artifact", None)
    assert tracking.sync(reported, reported.tracking_uri).complete


@pytest.mark.slow
def test_a_report_that_was_deleted_in_mlflow_comes_back(reported: Store):
    tracking.sync(reported, reported.tracking_uri)
    first = report_run(reported).info.run_id
    connect(reported.tracking_uri).delete_run(first)
    assert tracking.sync(reported, reported.tracking_uri).complete
    assert report_run(reported).info.run_id != first


@pytest.mark.slow
def test_a_report_without_its_page_holds_up_nothing(reported: Store):
    (reported.report / "report.html").unlink()
    assert tracking.sync(reported, reported.tracking_uri).complete
