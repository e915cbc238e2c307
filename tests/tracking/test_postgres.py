"""A team's services: MLflow's server and a study's trials on one PostgreSQL, with a password in the environment."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from ablations.store import Store
from ablations.tracking import run_ids
from tests.conftest import TINY_SPEC
from tests.mlflow_server import Server
from tests.postgres import PASSWORD, postgres
from tests.processes import ablate
from tests.tracking_jobs import journal_rows

pytestmark = [pytest.mark.service, pytest.mark.slow]
SPEC = f"""{TINY_SPEC}
studies:
  rates: {{base: sgd, trials: 3, seeds: 1, steps: 10, confirm: 1, edges: 0,
           space: {{optimizer.lr: {{low: 1e-4, high: 1e-2, log: true}}}}}}
"""


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, str]]:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with postgres("mlflow", "optuna") as found:
        yield found


def rows_of(url: str, query: str, *values: object) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query, values).fetchall()  # type: ignore[arg-type]


def test_a_study_and_the_mirror_of_its_trainings_are_on_postgresql_and_no_password_is_in_the_store(
    databases: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "runs.yaml").write_text(SPEC)
    mlflow_url, optuna_url = (url.replace("://", "+psycopg://") for url in databases.values())
    server = Server(tmp_path / "server", database=mlflow_url)
    server.root.mkdir()
    server.start()
    command = ("tune", "rates", "--storage", optuna_url, "--tracking-uri", server.uri, "--jobs", "1")
    try:
        first = ablate(tmp_path, *command, "--executor", "serial", "--mirror-wait", "120")
        synced = ablate(tmp_path, "sync", "--tracking-uri", server.uri)
        again = ablate(tmp_path, *command, "--executor", "serial", "--no-mirror", "--json")
    finally:
        server.kill()
    assert "MLflow holds everything in the journals" in synced.stdout
    store = Store(tmp_path / "results")
    runs = run_ids(store, server.uri)
    assert len(runs) == len([*store.job_folders()]) == 4, "three trials and a confirmation"
    query = "select key, step, timestamp, value from metrics where run_uuid = %s order by 1, 2, 3, 4"
    for name, run in runs.items():
        journaled = [row for row in journal_rows(store.jobs / name) if row[3] != "nan"]
        assert rows_of(databases["mlflow"], query, run) == sorted(journaled)
    states = rows_of(databases["optuna"], "select state, count(*) from trials group by state")
    assert states == [("COMPLETE", 3)]
    assert len(json.loads(again.stdout)["trials"]) == 3
    assert [*server.root.glob("artifacts/*/*/artifacts/images/*.png")], "the server has the pictures"
    printed = [done.stdout + done.stderr for done in (first, synced, again)]
    kept = [path.read_bytes() for path in store.root.rglob("*") if path.is_file()]
    assert not any(PASSWORD in text for text in printed)
    assert not any(PASSWORD.encode() in content for content in kept)
