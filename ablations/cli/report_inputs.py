"""What a specification asks of its results, beyond how each run went: its studies, its paths and its claims, judged."""

from collections.abc import Mapping, Sequence, Set

from ablations.cli.tables import frames_of
from ablations.cli.verdicts import (
    last_look,
    looks_at_claims,
    newest_studies,
    planned,
    searches_of,
    verdicts_of,
    with_earlier_looks,
)
from ablations.jobs.plan import Job
from ablations.spec import Spec
from ablations.spec.paths import AblationPath
from ablations.store import Store
from analysis.claims.paths import path_result
from analysis.report.results import ReportInputs


def report_inputs(spec: Spec, jobs: Sequence[Job], store: Store) -> ReportInputs:
    """What of the specification is about these jobs: studies on the same data that have begun, claims and paths."""
    runs = {job.run for job in jobs}
    newest, left_out = newest_studies(spec, {job.data_digest for job in jobs}, store)
    begun = [
        newest[study.name] for study in spec.studies if study.name in newest and study.base.label in runs
    ]
    about = runs | {study.name for study in spec.studies if study.base.label in runs}
    labels = {run.name: run.label for run in spec.runs}
    paths = [path for path in spec.paths if _is_about(path, runs, labels)]
    frames = frames_of(planned(spec, {labels[run] for path in paths for run in path.runs}, store), store)
    recorded = looks_at_claims(spec, store)
    looks = {name: last_look(own, spec.seeds) for name, own in recorded.items()}
    verdicts = verdicts_of(spec, store, newest, looks)
    verdicts = [verdict for verdict in verdicts if about.intersection(verdict.claim.kind.subjects)]
    return ReportInputs(
        studies=sorted(begun, key=lambda study: study.reference_name in newest),
        further={name: searches[1:] for name, searches in searches_of(spec, newest).items()},
        claims=with_earlier_looks(verdicts, recorded, spec.seeds),
        paths=[path_result(path, labels, frames) for path in paths],
        left_out=left_out,
    )


def _is_about(path: AblationPath, runs: Set[str], labels: Mapping[str, str]) -> bool:
    """Whether a path belongs to a report on these runs: on one that it makes or, if it makes none, on both ends."""
    own = {run.label for run in path.own_runs}
    return bool(own & runs) if own else {labels[path.start], labels[path.goal]} <= runs
