"""What a specification asks of its results, beyond how each run went: its ladders, studies and claims, answered."""

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial

from ablations.cli.options import shell_command
from ablations.cli.tables import frames_of
from ablations.jobs.plan import Job, make_plan
from ablations.spec import Claim, Ladder, Spec
from ablations.store import Store
from analysis.claims.judging import Finding, judge_claims
from analysis.claims.ladder import LadderSpec, Rung
from analysis.frames.studies import StudyResult
from analysis.report.results import LadderInput, ReportInputs
from fakeface.errors import UserError


def report_inputs(spec: Spec, jobs: Sequence[Job], store: Store) -> ReportInputs:
    """What of the specification is about these jobs: ladders, studies on the same data that have begun, claims."""
    runs, groups = {job.run for job in jobs}, {job.group for job in jobs}
    ladders = [
        LadderInput(ladder.group, ladder.description, _ladder_spec(spec, ladder, jobs))
        for ladder in spec.ladders
        if ladder.group in groups and {ladder.floor, ladder.goal} <= runs
    ]
    digests = {job.data_digest for job in jobs}
    newest: dict[str, StudyResult] = {}
    for path in sorted(store.studies.glob("*/study.json"), key=lambda path: path.stat().st_mtime):
        with contextlib.suppress(UserError):  # damaged, or of a former version: `ablate tune` writes it anew
            study = StudyResult.read(path)
            if study.data_digest in digests and study.profile == spec.profile:
                newest[study.name] = study
    asked = [newest[study.name] for study in spec.studies if study.name in newest and study.base.name in runs]
    about = runs | {study.name for study in spec.studies if study.base.name in runs}
    findings = [
        finding
        for finding in _judged_claims(spec, store, newest)
        if about & {*finding.claim.runs, finding.claim.study}
    ]
    return ReportInputs(ladders, sorted(asked, key=lambda study: study.reference_name in newest), findings)


def _ladder_spec(spec: Spec, ladder: Ladder, jobs: Sequence[Job]) -> LadderSpec:
    """The ladder with the rungs among the jobs; each starts from the last run of the ladder that it extends."""
    named = {run.name: run for run in spec.runs}
    names = list(dict.fromkeys(job.run for job in jobs if job.group == ladder.group))
    on_it = {ladder.floor, ladder.goal, *names}
    rungs = [
        Rung(
            name,
            named[name].tests,
            named[name].description,
            next((parent for parent in reversed(named[name].extends) if parent in on_it), ladder.floor),
        )
        for name in names
    ]
    return LadderSpec(ladder.floor, ladder.goal, ladder.hypotheses, rungs)


def _judged_claims(spec: Spec, store: Store, known: Mapping[str, StudyResult]) -> list[Finding]:
    """Every claim, held against the jobs of the runs that it names, whether the report is on them or not."""
    named = {run for claim in spec.claims for run in claim.runs}
    runs = [run for run in spec.runs if run.name in named]
    jobs = make_plan(spec, runs, lambda config: store.find_data(config).images)
    return judge_claims(spec.claims, frames_of(jobs, store), known, partial(_lacking_command, spec, store))


def _lacking_command(spec: Spec, store: Store, claim: Claim) -> str:
    """The command that trains what a claim lacks, under this profile and with these seeds."""
    place = {"spec": spec.path, "profile": spec.profile}
    if claim.study is not None:
        return shell_command("tune", claim.study, **place, set=spec.overrides, store=store.root)
    seeds = ",".join(map(str, spec.seeds))
    return shell_command("run", **place, seeds=seeds, run=claim.runs, set=spec.overrides, store=store.root)
