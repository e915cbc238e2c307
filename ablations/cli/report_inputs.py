"""What a specification asks of its results, beyond how each run went: its studies, its paths and its claims, judged."""

import os
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ablations.cli.options import shell_command
from ablations.cli.tables import frames_of
from ablations.jobs.plan import Job, make_plan
from ablations.jobs.status import results_of
from ablations.spec import Spec
from ablations.spec.paths import AblationPath
from ablations.spec.run_names import plain_name
from ablations.store import Outside, Store, file_in, journal
from ablations.studies.record import FILE
from analysis.claims import Claim, Evidence
from analysis.claims.judging import judge_claims
from analysis.claims.paths import path_result
from analysis.claims.preregistration import changes
from analysis.claims.reading import claims_of
from analysis.frames.studies import StudyResult
from analysis.report.results import ReportInputs
from fakeface.errors import UserError


def report_inputs(spec: Spec, jobs: Sequence[Job], store: Store) -> ReportInputs:
    """What of the specification is about these jobs: studies on the same data that have begun, claims and paths."""
    runs = {job.run for job in jobs}
    newest, left_out = _studies(spec, {job.data_digest for job in jobs}, store)
    begun = [
        newest[study.name] for study in spec.studies if study.name in newest and study.base.label in runs
    ]
    about = runs | {study.name for study in spec.studies if study.base.label in runs}
    labels = {run.name: run.label for run in spec.runs}
    written = claims_of(spec)
    # Under `--set` a claim is about the variants of its runs.
    claims = [claim.about(labels) for claim in written]
    paths = [path for path in spec.paths if _is_about(path, runs, labels)]
    named = {run for claim in claims for run in claim.kind.named_runs}
    named |= {labels[run] for path in paths for run in path.runs}
    planned = _planned(spec, named, store)
    frames = frames_of(planned, store)
    verdicts = judge_claims(claims, Evidence(frames, newest), partial(_lacking_command, spec, store))
    changed = changes(written, _begun(planned, _searches(spec, newest), store))
    verdicts = [replace(verdict, change=changed.get(verdict.claim.name)) for verdict in verdicts]
    return ReportInputs(
        studies=sorted(begun, key=lambda study: study.reference_name in newest),
        further={name: searches[1:] for name, searches in _searches(spec, newest).items()},
        claims=[verdict for verdict in verdicts if about.intersection(verdict.claim.kind.subjects)],
        paths=[path_result(path, labels, frames) for path in paths],
        left_out=left_out,
    )


def _studies(spec: Spec, digests: Set[str | None], store: Store) -> tuple[dict[str, StudyResult], list[str]]:
    """The newest study of each name on some data, and why studies of the specification cannot be read."""
    newest: dict[str, StudyResult] = {}
    left_out = []
    names = {name for study in spec.studies for name in study.search_names}
    folders = [folder for folder in store.study_folders() if os.path.lexists(folder / FILE)]
    for folder in sorted(folders, key=lambda folder: (folder / FILE).lstat().st_mtime):
        try:
            study = StudyResult.read(file_in(folder, FILE))
        except UserError as error:
            why = str(error)
        except Outside as error:
            why = f"{folder / FILE}: {error.strerror}; move it away, and `ablate tune` writes the study again"
        else:
            if study.data_digest in digests and study.profile == spec.profile:
                newest[study.name] = study
            continue
        if folder.name.rpartition("-")[0] in names:
            left_out.append(why)
    return newest, left_out


def _searches(spec: Spec, newest: Mapping[str, StudyResult]) -> dict[str, list[StudyResult]]:
    """The independent searches of each study of the specification, as far as they have begun."""
    found = {
        study.name: [newest[name] for name in study.search_names if name in newest] for study in spec.studies
    }
    return {name: [one for one in own if one.repeats(own[0])] for name, own in found.items()}


def _is_about(path: AblationPath, runs: Set[str], labels: Mapping[str, str]) -> bool:
    """Whether a path belongs to a report on these runs: on one that it makes or, if it makes none, on both ends."""
    own = {run.label for run in path.own_runs}
    return bool(own & runs) if own else {labels[path.start], labels[path.goal]} <= runs


def _planned(spec: Spec, labels: Set[str], store: Store) -> list[Job]:
    """The jobs of these runs, whether the report is on them or not."""
    runs = [run for run in spec.runs if run.label in labels]
    return make_plan(spec, runs, lambda config: store.find_data(config).images)


def _begun(
    jobs: Sequence[Job], studies: Mapping[str, Sequence[StudyResult]], store: Store
) -> dict[str, list[Mapping[str, Any]]]:
    """The `job` records of the trainings that have begun, by run and by study."""
    known = {folder.name: folder for folder in store.job_folders()}
    folders = [(job.plain, results_of(job, store)) for job in jobs]
    folders += [
        (name, known.get(training.folder))
        for name, searches in studies.items()
        for search in searches
        for training in search.trainings
    ]
    found: dict[str, list[Mapping[str, Any]]] = {}
    for name, folder in folders:
        with suppress(UserError):  # what cannot be read is named elsewhere
            record = journal.first(folder / "journal.jsonl") if folder is not None else None
            if record is not None and record["kind"] == "job":
                found.setdefault(name, []).append(record)
    return found


def _lacking_command(spec: Spec, store: Store, claim: Claim) -> str:
    """The command that trains what a claim lacks, under this profile and with these seeds."""
    place = {"spec": spec.path, "profile": spec.profile}
    kind = claim.kind
    if kind.named_study is not None:
        return shell_command("tune", kind.named_study, **place, set=spec.overrides, store=store.root)
    seeds = ",".join(map(str, spec.seeds))
    return shell_command(
        "run", **place, seeds=seeds, run=[plain_name(run) for run in kind.named_runs], set=spec.overrides,
        store=store.root,
    )  # fmt: skip
