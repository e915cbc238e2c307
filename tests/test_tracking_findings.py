"""A study and the report in MLflow: a run each, with what was found and the files, sent again only when it changed."""

import json
from pathlib import Path

import pytest

from ablations import tracking
from ablations.store import Store
from ablations.tracking.server import connect
from tests import study_records


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    folder = store.studies / "sgd-lr-0123"
    folder.mkdir(parents=True)
    (folder / "lock").touch()
    (folder / "study.json").write_text(json.dumps(study_records.whole_sgd_study()))
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
    assert {f.path for f in client.list_artifacts(run.info.run_id)} == {"study.json", "response.png"}

    path = store.studies / "sgd-lr-0123" / "study.json"
    record = json.loads(path.read_text())
    record["best"]["value"] = 1.5
    path.write_text(json.dumps(record))
    assert tracking.sync(store, store.tracking_uri).complete
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.tags["best.value"] == "1.5"


@pytest.mark.slow
def test_a_damaged_study_stops_no_journal(store: Store):
    (store.studies / "sgd-lr-0123" / "study.json").write_text("{")
    report = tracking.sync(store, store.tracking_uri)
    assert list(report.errors) == ["sgd-lr-0123"]


@pytest.mark.slow
def test_the_report_is_an_artifact_of_one_run_that_names_the_verdicts(store: Store):
    store.report.mkdir()
    (store.report / "report.html").write_text("<h1>of four runs</h1>")
    claim = {"id": "sgd-behind", "verdict": "undecided"}
    record = {"title": "fakeface", "command": "ablate run --report", "built": 1_000, "claims": [claim]}
    for verdict in ("undecided", "supported"):
        claim["verdict"] = verdict
        (store.report / "report.json").write_text(json.dumps(record))
        assert tracking.sync(store, store.tracking_uri).complete
    client = connect(store.tracking_uri)
    experiment = client.get_experiment_by_name("fakeface")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.tags["claim.sgd-behind"] == "supported"
    assert {f.path for f in client.list_artifacts(run.info.run_id)} == {"report.json", "report.html"}
