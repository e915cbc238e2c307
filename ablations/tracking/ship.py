"""One journal -> its MLflow run. A step that a kill cuts short is done again, to the same effect."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ablations.store import Store, history, is_running, journal
from ablations.store.journal import Record
from ablations.tracking import artifacts, content, server, state
from ablations.tracking.content import Point
from ablations.tracking.model import FAILED, log_generator
from fakeface.outcomes import Exit

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH = 1_000
"""MLflow's limit of metric rows a request."""
BATCH_PARAMS = 100
DEFAULT_EXPERIMENT = "ablations"


class JobShipper:
    """Ships one job folder's journal. Make a new one for each pass: the state file is the memory."""

    def __init__(self, store: Store, uri: str, client: "MlflowClient", folder: Path) -> None:
        self.store, self.uri, self.client, self.folder = store, uri, client, folder
        self.state = state.load(store, uri, folder.name)
        self.path = folder / "journal.jsonl"
        self.problems: list[str] = []
        """What could not be shipped and never will be (a picture that is gone, say), in words."""
        self._rows: list[Point] = []
        self._images_sent: set[str] | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do for the job until its journal changes."""
        told = bool(self.state.run_id) and self.state.status not in ("", "RUNNING")
        model = bool(self.state.model) or not self.state.facts.wants_model
        return told and model and not self.state.lacks_journal

    def run_exists(self) -> bool:
        """Whether MLflow still has the run that the state names (True before it is made)."""
        return not self.state.run_id or server.is_active(self.client, self.state.run_id)

    def forget(self) -> None:
        """Begin again at byte 0, with a new run."""
        self.state = state.State()
        self._images_sent = None
        self._rows.clear()

    def ship(self, abort: Callable[[], bool]) -> None:
        """Ship every whole record, then set the status. Raises MLflow's errors and OSError.

        `abort` is asked between requests; after it says so, what was acknowledged stands.
        """
        while not abort():
            reading = journal.read(self.path, self.state.offset)
            branched = False
            for record, offset in zip(reading.records, reading.offsets, strict=True):
                if abort():
                    return
                if self.state.is_new_branch(record, offset):
                    self._flush(self.state.offset)
                    self._branch(record, offset)
                    branched = True
                    break
                self._take(record, offset)
            if not branched:
                self._flush(reading.offsets[-1] if reading.offsets else self.state.offset)
                return

    def settle(self, *, probe: bool) -> None:
        """Set MLflow's status and tags to the job's.

        `probe`: look at the job's lock to tell a running job from a dead one; else one without outcome counts
        as running.
        """
        if not self.state.run_id:
            return
        running = self.state.facts.outcome is None and (not probe or is_running(self.folder))
        word = self.state.facts.exit(running=running)
        status = content.STATUS_OF_EXIT[word]
        if (status, word) == (self.state.status, self.state.exit):
            return
        self._tag(running=running)
        self._set_status(status)
        self.state.status, self.state.exit = status, word
        self._save()

    def ship_journal(self) -> None:
        """Lay the journal of a job at which nobody works beside its run, so that whoever has the run has all of it.

        For use after `settle`. What is sent is what was shipped in records, not what the file has become since.
        """
        if not self.state.run_id or not self.state.lacks_journal or is_running(self.folder):
            return
        with self.path.open("rb") as file:
            body = file.read(self.state.offset)
        if state.is_replaced(self.path, self.state):
            return
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary) / self.path.name
            copy.write_bytes(body)
            self.client.log_artifact(self.state.run_id, str(copy))
        self.state.journal = self.state.offset
        self._save()

    def ship_model(self) -> bool:
        """Log the generator if the job wants that and it was not done; return whether it was attempted."""
        facts = self.state.facts
        if self.state.model or not self.state.run_id or not facts.wants_model:
            return False
        client, run = self.client, self.state.run_id
        self.state.model = log_generator(client, self.state.experiment_id, run, self.folder, facts)
        if self.state.model.startswith(FAILED):
            self.problems.append(f"the generator: {self.state.model}")
            client.set_tag(run, "model_error", self.state.model.removeprefix(FAILED))
        self._save()
        return True

    def _take(self, record: Record, offset: int) -> None:
        """Act on one record, or gather it for the next batch."""
        if self.state.superseded(record, offset):
            return
        self._rows += content.points(record, self.state.limit(offset))
        about_job = self.state.facts.apply(record)
        if len(self._rows) >= BATCH:
            self._flush(offset)
        if about_job or record["kind"] == "image":
            if record["kind"] in ("image", "session", "outcome"):
                self._ensure_run()
            if self.state.run_id:
                self._act(record)
                self._flush(offset)

    def _act(self, record: Record) -> None:
        run = self.state.run_id
        try:
            match record["kind"]:
                case "image":
                    if self._images_sent is None:
                        self._images_sent = artifacts.image_names(self.client, run)
                    artifacts.log_image(self.client, run, self.folder, record, self._images_sent)
                case "named":
                    self.client.update_run(run, name=content.run_name(self.state.facts, self.folder.name))
                    self._tag(running=self.state.exit == Exit.RUNNING)
                case "session":
                    self._tag(running=True)
                    self._set_status("RUNNING")
                    # Else an ending like the one before this session would seem to be set already.
                    self.state.status, self.state.exit = "RUNNING", Exit.RUNNING
                    artifacts.log_diff(self.client, run, self.folder, record)
                case "outcome":
                    artifacts.log_ending(self.client, run, history.load(self.path))
                    self._tag(running=False)
                case "note":
                    self._tag(running=self.state.exit == Exit.RUNNING)
        except artifacts.Unreadable as error:
            self.problems.append(str(error))

    def _flush(self, offset: int) -> None:
        """Send the gathered rows, then note that all up to byte `offset` is acknowledged."""
        from mlflow.entities import Metric

        if self._rows:
            self._ensure_run()
        for start in range(0, len(self._rows), BATCH):
            rows = [Metric(p.name, p.value, p.time, p.step) for p in self._rows[start : start + BATCH]]
            self.client.log_batch(self.state.run_id, metrics=rows, synchronous=True)
        self._rows.clear()
        if offset != self.state.offset:
            self.state.offset = offset
            self._save()

    def _ensure_run(self) -> None:
        if not self.state.run_id:
            self.state.experiment_id, self.state.run_id = self._make_run(self.state)
            self._save()

    def _make_run(self, of: state.State) -> tuple[str, str]:
        """Find or create the run of an attempt, with what never changes in it."""
        from mlflow.entities import Param

        facts, name = of.facts, self.folder.name
        experiment = facts.first_name.get("experiment", DEFAULT_EXPERIMENT)
        experiment_id = server.experiment_id(self.client, self.store, self.uri, experiment)
        key = content.key_tags(facts, name, of.attempt)
        begun = facts.job.get("time") or facts.session.get("time") or 0
        run_name = content.run_name(facts, name)
        run = server.find_or_create_run(self.client, experiment_id, key, run_name, begun)
        colour = state.colour_for(self.store, self.uri, facts.first_name.get("run", name))
        self.client.set_tag(run, "mlflow.runColor", colour, synchronous=True)
        params = [Param(k, v) for k, v in content.params(facts).items()]
        for start in range(0, len(params), BATCH_PARAMS):
            self.client.log_batch(run, params=params[start : start + BATCH_PARAMS], synchronous=True)
        config = facts.first_name.get("config") or facts.job.get("config")
        if config:
            self.client.log_dict(run, config, "config.yaml")
        if facts.job.get("data"):
            artifacts.log_dataset(self.client, run, facts.job["data"])
        return experiment_id, run

    def _branch(self, record: Record, offset: int) -> None:
        """End this attempt's run and go on with the next one, from byte 0."""
        self._ensure_run()
        old, after = self.state, self.state.branched(record, offset)
        facts = old.facts
        after.facts = content.Facts(facts.job, facts.first_name, facts.name, list(facts.names))
        after.experiment_id, after.run_id = self._make_run(after)
        self.client.set_tag(after.run_id, "supersedes", old.run_id)
        self.client.set_tag(after.run_id, "branch", f"at step {record['step']}: {record['reason']}")
        for tag, value in {"superseded_by": after.run_id, "exit": "superseded"}.items():
            self.client.set_tag(old.run_id, tag, value)
        self.client.set_terminated(old.run_id, status="KILLED", end_time=record["time"])
        self.state, self._images_sent = after, None
        self._save()

    def _tag(self, *, running: bool) -> None:
        from mlflow.entities import RunTag

        found = content.tags(self.state.facts, self.folder.name, running=running)
        tags = [RunTag(name, value) for name, value in found.items()]
        self.client.log_batch(self.state.run_id, tags=tags, synchronous=True)

    def _set_status(self, status: str) -> None:
        if status == "RUNNING":
            self.client.update_run(self.state.run_id, status=status)
        else:
            ended = self.state.facts.outcome
            last = ended["time"] if ended else int(self.path.stat().st_mtime * 1_000)
            self.client.set_terminated(self.state.run_id, status=status, end_time=last)

    def _save(self) -> None:
        state.save(self.store, self.uri, self.folder.name, self.state)
