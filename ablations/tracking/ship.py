"""One journal -> its MLflow run. Every step can be repeated after a kill, with the same effect."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ablations.store import Store, file_in, history, is_running, journal
from ablations.store.journal import Record
from ablations.tracking import artifacts, content, server, shipped
from ablations.tracking.content import Point
from ablations.tracking.model import FAILED, log_generator
from ablations.tracking.refusals import Refusal, in_words, meaning
from ablations.tracking.shipped import Shipped
from fakeface.outcomes import Exit

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH = 1_000
"""MLflow's limit of metric rows a request."""
BATCH_PARAMS = 100
DEFAULT_EXPERIMENT = "ablations"


class JobShipper:
    """Ships one job folder's journal. Create a new one for each pass: what was shipped is noted on disk."""

    def __init__(self, store: Store, uri: str, client: "MlflowClient", folder: Path) -> None:
        self.store, self.uri, self.client, self.folder = store, uri, client, folder
        self.shipped = shipped.load(store, uri, folder.name)
        self.path = folder / "journal.jsonl"
        self.problems: list[str] = []
        """What can never be shipped (a missing picture, for example)."""
        self._rows: list[Point] = []
        self._held = 0
        """Byte of the journal before which MLflow has every row, although the note of that was lost."""
        self._images_sent: set[str] | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do for the job until its journal changes."""
        has_status = bool(self.shipped.run_id) and self.shipped.status not in ("", "RUNNING")
        model = bool(self.shipped.model) or not self.shipped.facts.wants_model
        return has_status and model and not self.shipped.lacks_journal

    def run_exists(self) -> bool:
        """Whether MLflow still has the run that was created for the job; True before that."""
        return not self.shipped.run_id or server.is_active(self.client, self.shipped.run_id)

    def forget(self) -> None:
        """Start over at byte 0, with a new run."""
        self.shipped = Shipped()
        self._images_sent, self._held = None, 0
        self._rows.clear()

    def ship(self, abort: Callable[[], bool]) -> None:
        """Ship every whole record. Raises MLflow's errors and OSError.

        `abort` ends it between two requests; what was acknowledged by then stays noted.
        """
        while True:
            reading = journal.read(self.path, self.shipped.offset)
            for record, offset in zip(map(content.since_1970, reading.records), reading.offsets, strict=True):
                if abort():
                    return
                if self.shipped.is_new_branch(record, offset):
                    self._flush(self.shipped.offset)
                    self._start_branch(record, offset)
                    break
                self._ship_record(record, offset)
            else:
                self._flush(reading.offsets[-1] if reading.offsets else self.shipped.offset)
                return

    def settle(self, *, probe: bool) -> None:
        """Set MLflow's status and tags to the job's.

        `probe`: try the job's lock to tell a running job from a dead one; else a job without outcome counts as running.
        """
        if not self.shipped.run_id:
            return
        running = self.shipped.facts.outcome is None and (not probe or is_running(self.folder) is not False)
        exit_ = self.shipped.facts.exit(running=running)
        status = content.STATUS_OF_EXIT[exit_]
        if (status, exit_) == (self.shipped.status, self.shipped.exit):
            return
        self._tag(running=running)
        self._set_status(status)
        self.shipped.status, self.shipped.exit = status, exit_
        self._save()

    def upload_journal(self) -> None:
        """Log the journal of a job that is not running as an artifact, so that the run holds all that is known.

        Call after `settle`. Uploads the part whose records were shipped, not what was appended since.
        """
        if not self.shipped.run_id or not self.shipped.lacks_journal or is_running(self.folder):
            return
        with file_in(self.folder, self.path.name).open("rb") as file:
            body = file.read(self.shipped.offset)
        if self.shipped.is_replaced(self.path):
            return
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary) / self.path.name
            copy.write_bytes(body)
            self.client.log_artifact(self.shipped.run_id, str(copy))
        self.shipped.journal = self.shipped.offset
        self._save()

    def ship_model(self) -> bool:
        """Log the generator if the settings ask for it and it was not done. Returns whether it was attempted."""
        facts = self.shipped.facts
        if self.shipped.model or not self.shipped.run_id or not facts.wants_model:
            return False
        client, run = self.client, self.shipped.run_id
        if not server.takes_files(client, run):
            self.shipped.model = FAILED + "the server takes no files"
            self._save()
            return False
        try:
            self.shipped.model = log_generator(client, self.shipped.experiment_id, run, self.folder, facts)
        except Exception as error:
            if meaning(error) is not Refusal.UNSUPPORTED:
                raise
            self.shipped.model = FAILED + in_words(error)
        if self.shipped.model.startswith(FAILED):
            self.problems.append(f"the generator: {self.shipped.model}")
            client.set_tag(run, "model_error", self.shipped.model.removeprefix(FAILED))
        self._save()
        return True

    def _ship_record(self, record: Record, offset: int) -> None:
        """Ship one record, or add its values to the next batch."""
        if self.shipped.is_superseded(record, offset):
            return
        if offset > self._held:
            self._rows += content.points(record, self.shipped.limit(offset))
        about_job = self.shipped.facts.apply(record)
        if len(self._rows) >= BATCH:
            self._flush(offset)
        if about_job or record["kind"] == "image":
            if record["kind"] in ("image", "session", "outcome"):
                self._ensure_run()
            if self.shipped.run_id:
                self._log_record(record)
                self._flush(offset)

    def _log_record(self, record: Record) -> None:
        run = self.shipped.run_id
        try:
            match record["kind"]:
                case "image":
                    if self._images_sent is None:
                        self._images_sent = artifacts.image_names(self.client, run)
                    artifacts.log_image(self.client, run, self.folder, record, self._images_sent)
                case "named":
                    self.client.update_run(run, name=content.run_name(self.shipped.facts, self.folder.name))
                    self._tag(running=self.shipped.exit == Exit.RUNNING)
                case "session":
                    self._tag(running=True)
                    self._set_status("RUNNING")
                    # Otherwise an ending equal to the previous session's would look as if it were set already.
                    self.shipped.status, self.shipped.exit = "RUNNING", Exit.RUNNING
                    artifacts.log_diff(self.client, run, self.folder, record)
                case "outcome":
                    artifacts.log_ending(self.client, run, history.load(self.path))
                    self._tag(running=False)
                case "note":
                    self._tag(running=self.shipped.exit == Exit.RUNNING)
        except artifacts.Unreadable as error:
            self.problems.append(str(error))

    def _flush(self, offset: int) -> None:
        """Send the gathered rows, then note that everything up to byte `offset` is acknowledged."""
        from mlflow.entities import Metric

        if self._rows:
            self._ensure_run()
        for start in range(0, len(self._rows), BATCH):
            rows = [Metric(p.name, p.value, p.time, p.step) for p in self._rows[start : start + BATCH]]
            self.client.log_batch(self.shipped.run_id, metrics=rows, synchronous=True)
        self._rows.clear()
        if offset != self.shipped.offset:
            self.shipped.offset = offset
            self._save()

    def _ensure_run(self) -> None:
        if not self.shipped.run_id:
            self.shipped.experiment_id, self.shipped.run_id = self._find_or_create_run(self.shipped)
            self._retire_replaced()
            self._held = self._find_held(self.shipped.run_id)
            self._save()

    def _retire_replaced(self) -> None:
        """Mark the run of a journal that this one replaced (`--rerun`)."""
        old = shipped.noted(self.store, self.uri, self.folder.name).run_id
        if old != self.shipped.run_id and server.is_active(self.client, old):
            self._supersede(old, self.shipped.run_id)

    def _supersede(self, old: str, new: str) -> None:
        for tag, value in {"superseded_by": new, "exit": content.SUPERSEDED}.items():
            self.client.set_tag(old, tag, value)

    def _find_held(self, run: str) -> int:
        """See `_held`. Rows are sent in the journal's order, so that MLflow has all before the last that it shows.

        Sending them again would change nothing, but takes MLflow far longer than new ones.
        """
        held = before = 0
        latest = {m.key: (m.step, m.timestamp) for m in self.client.get_run(run).data.to_proto().metrics}
        if latest:
            reading = journal.read(self.path)
            for record, offset in zip(map(content.since_1970, reading.records), reading.offsets, strict=True):
                if any(latest.get(p.name) == (p.step, p.time) for p in content.points(record)):
                    held = before
                before = offset
        return held

    def _find_or_create_run(self, of: Shipped) -> tuple[str, str]:
        """The experiment and run ids of an attempt, with everything logged that never changes."""
        from mlflow.entities import Param

        facts, name = of.facts, self.folder.name
        experiment = facts.first_name.get("experiment", DEFAULT_EXPERIMENT)
        experiment_id = server.experiment_id(self.client, self.store, self.uri, experiment)
        key = content.key_tags(facts, name, of.attempt)
        run_name = content.run_name(facts, name)
        run = server.find_or_create_run(self.client, experiment_id, key, run_name, content.begun(facts))
        color = shipped.color_for(self.store, facts.first_name.get("run", name), experiment)
        self.client.set_tag(run, "mlflow.runColor", color, synchronous=True)
        params = [Param(k, v) for k, v in content.params(facts).items()]
        for start in range(0, len(params), BATCH_PARAMS):
            self.client.log_batch(run, params=params[start : start + BATCH_PARAMS], synchronous=True)
        config = facts.first_name.get("config") or facts.job.get("config")
        if config:
            self.client.log_dict(run, config, "config.yaml")
        if facts.job.get("data"):
            try:
                artifacts.log_dataset(self.client, run, facts.job["data"])
            except Exception as error:
                if meaning(error) is not Refusal.UNSUPPORTED:
                    raise
                self.problems.append(f"the data set: {in_words(error)}")
        return experiment_id, run

    def _start_branch(self, record: Record, offset: int) -> None:
        """End this attempt's run and start the next one, from byte 0."""
        self._ensure_run()
        old, after = self.shipped, self.shipped.next_attempt(record, offset)
        facts = old.facts
        after.facts = content.Facts(facts.job, facts.first_name, facts.name, list(facts.names))
        after.experiment_id, after.run_id = self._find_or_create_run(after)
        self.client.set_tag(after.run_id, "supersedes", old.run_id)
        self.client.set_tag(after.run_id, "branch", f"at step {record['step']}: {record['reason']}")
        self._supersede(old.run_id, after.run_id)
        self.client.set_terminated(
            old.run_id, status="KILLED", end_time=max(record["time"], content.begun(facts))
        )
        self.shipped, self._images_sent = after, None
        self._held = self._find_held(after.run_id)
        self._save()

    def _tag(self, *, running: bool) -> None:
        from mlflow.entities import RunTag

        found = content.tags(self.shipped.facts, self.folder.name, running=running)
        tags = [RunTag(name, value) for name, value in found.items()]
        self.client.log_batch(self.shipped.run_id, tags=tags, synchronous=True)

    def _set_status(self, status: str) -> None:
        if status == "RUNNING":
            self.client.update_run(self.shipped.run_id, status=status)
        else:
            ended = self.shipped.facts.outcome
            last = ended["time"] if ended else int(self.path.stat().st_mtime * 1_000)
            # A clock that was set back may have ended the job before it began.
            self.client.set_terminated(
                self.shipped.run_id, status=status, end_time=max(last, content.begun(self.shipped.facts))
            )

    def _save(self) -> None:
        shipped.save(self.store, self.uri, self.folder.name, self.shipped)
