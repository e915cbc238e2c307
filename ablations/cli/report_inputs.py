"""What a specification asks of its results, beyond how each run went: its studies and its claims, judged."""

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial

from ablations.cli.options import shell_command
from ablations.cli.tables import frames_of
from ablations.jobs.plan import Job, make_plan
from ablations.spec import Spec
from ablations.store import Store, has_file
from ablations.studies.record import FILE
from analysis.claims import Claim, Evidence
from analysis.claims.judging import Verdict, judge_claims
from analysis.claims.reading import claims_of
from analysis.frames.studies import StudyResult
from analysis.report.results import ReportInputs
from fakeface.errors import UserError


def report_inputs(spec: Spec, jobs: Sequence[Job], store: Store) -> ReportInputs:
    """What of the specification is about these jobs: studies on the same data that have begun, and claims."""
    runs = {job.run for job in jobs}
    digests = {job.data_digest for job in jobs}
    newest: dict[str, StudyResult] = {}
    found = [folder / FILE for folder in store.study_folders() if has_file(folder, FILE)]
    for path in sorted(found, key=lambda path: path.stat().st_mtime):
        with contextlib.suppress(UserError):  # damaged, or of a former version: `ablate tune` writes it again
            study = StudyResult.read(path)
            if study.data_digest in digests and study.profile == spec.profile:
                newest[study.name] = study
    begun = [newest[study.name] for study in spec.studies if study.name in newest and study.base.name in runs]
    about = runs | {study.name for study in spec.studies if study.base.name in runs}
    verdicts = [
        verdict
        for verdict in _verdicts(spec, store, newest)
        if about.intersection(verdict.claim.kind.subjects)
    ]
    return ReportInputs(sorted(begun, key=lambda study: study.reference_name in newest), verdicts)


def _verdicts(spec: Spec, store: Store, known: Mapping[str, StudyResult]) -> list[Verdict]:
    """Every claim, judged by the jobs of the runs that it names, whether the report is on them or not."""
    claims = claims_of(spec)
    named = {run for claim in claims for run in claim.kind.named_runs}
    runs = [run for run in spec.runs if run.name in named]
    jobs = make_plan(spec, runs, lambda config: store.find_data(config).images)
    evidence = Evidence(frames_of(jobs, store), known)
    return judge_claims(claims, evidence, partial(_lacking_command, spec, store))


def _lacking_command(spec: Spec, store: Store, claim: Claim) -> str:
    """The command that trains what a claim lacks, under this profile and with these seeds."""
    place = {"spec": spec.path, "profile": spec.profile}
    kind = claim.kind
    if kind.named_study is not None:
        return shell_command("tune", kind.named_study, **place, set=spec.overrides, store=store.root)
    seeds = ",".join(map(str, spec.seeds))
    return shell_command(
        "run", **place, seeds=seeds, run=kind.named_runs, set=spec.overrides, store=store.root
    )
