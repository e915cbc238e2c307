"""Saved views of MLflow's page: which runs are in them, and that they are shipped once."""

import base64
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablations.tracking import chart_links, compare_link, sync, views
from ablations.tracking.server import connect
from ablations.tracking.views import ShownRun, groups_of, tags_of
from tests.tracking_jobs import EXPERIMENT, METRIC, Job, new_store, run_id_of

RUN = ShownRun(
    id="a", experiment_id="1", experiment="fakeface", run="baseline", seed=0, groups=("quick/report",),
    named=1, begun=1, last_grid=30, params={"optimizer.name": "adam", "seed": "0"},
    scores={"evaluation": "fid", "curve": "fid_n500"},
)  # fmt: skip


def state(tag: str) -> dict[str, Any]:
    """The state of the page in a view."""
    packed = json.loads(tag)["state"].removeprefix("deflate;")
    return dict(json.loads(zlib.decompress(base64.b64decode(packed))))


def test_of_two_trainings_of_one_name_and_seed_the_view_leaves_out_the_one_that_was_named_before() -> None:
    other = replace(RUN, id="b", named=2)
    (group,) = groups_of([other, RUN])
    assert (group.current, group.outdated) == ((other,), (RUN,))
    assert "run_id NOT IN ('a')" in state(tags_of([group])[views.TAG + "quick-report"])["searchFilter"]


def test_a_training_with_two_names_is_in_the_views_of_both_groups() -> None:
    both = replace(RUN, groups=("quick/report", "quick/path"))
    assert {group.key: group.current for group in groups_of([both])} == {
        "quick-report": (both,),
        "quick-path": (both,),
    }


def test_outcome_distance_losses_and_what_differs_are_columns_and_all_runs_are_shown() -> None:
    sgd = replace(RUN, id="b", run="sgd", params={"optimizer.name": "sgd", "seed": "1"})
    shown = state(tags_of(groups_of([RUN, sgd]))[views.TAG + "quick-report"])
    names = ["exit", "samples", "dynamics", "fid", "Loss_D", "Loss_G", "optimizer.name"]
    assert [column.split("`")[1] for column in shown["selectedColumns"]] == names
    assert shown["runsHiddenMode"] == "SHOW_ALL"
    assert [chart["uuid"] for chart in shown["compareRunCharts"]] == [
        "fid_n500",
        "Loss_D",
        "Loss_G",
        "samples",
    ]


def test_the_samples_are_those_of_the_step_that_most_runs_have_reached() -> None:
    running = [replace(RUN, id="b", seed=1, last_grid=12), replace(RUN, id="c", seed=2, last_grid=12)]
    for runs, step in (([RUN, running[0]], 30), ([RUN, *running], 12)):
        shown = state(tags_of(groups_of(runs))[views.TAG + "quick-report"])
        assert shown["compareRunCharts"][-1]["step"] == step


def test_runs_with_several_seeds_have_a_view_of_their_means() -> None:
    seeds = [RUN, replace(RUN, id="b", seed=1)]
    assert state(tags_of(groups_of(seeds))[views.TAG + "quick-report-mean"])["groupBy"]["groupByKeys"] == [
        {"mode": "tag", "groupByData": "run"}
    ]
    assert list(tags_of(groups_of(seeds[:1]))) == [views.TAG + "quick-report"]


def test_views_are_shipped_once_and_a_description_that_a_user_wrote_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path)
    uri = store.tracking_uri
    job = Job(store).whole()
    assert sync(store, uri).complete
    client = connect(uri)
    (experiment,) = [one for one in client.search_experiments() if one.name == EXPERIMENT]
    view = state(experiment.tags[views.TAG + "quick-report"])
    assert f"metrics.`{METRIC}`" in view["selectedColumns"]
    found = client.search_runs([experiment.experiment_id], view["searchFilter"])
    assert [run.info.run_id for run in found] == [run_id_of(store, job)]
    assert "viewStateShareKey=quick-report" in experiment.tags[views.DESCRIPTION]
    address = (
        f"#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning&compareRunsMode=CHART"
    )
    link = f"http://127.0.0.1:5000/{address}&viewStateShareKey=quick-report"
    assert compare_link(store, uri, [job.folder.name]) == link
    assert chart_links(store, "http://127.0.0.1:5000") == [(f"{EXPERIMENT}, quick/report", link)]

    client.set_experiment_tag(experiment.experiment_id, views.DESCRIPTION, "Mine.")
    Job(store, seed=1).whole()
    assert sync(store, uri).complete
    tags = client.get_experiment(experiment.experiment_id).tags
    assert tags[views.DESCRIPTION] == "Mine."
    assert views.TAG + "quick-report-mean" in tags

    monkeypatch.setattr("mlflow.MlflowClient.set_experiment_tag", None)
    assert sync(store, uri).complete
