"""The verdicts on a specification's claims from what a store has, each by the seeds and at the level of its look."""

import os
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ablations.cli.options import shell_command
from ablations.cli.tables import frames_of
from ablations.jobs.plan import Job, plan_in
from ablations.jobs.status import results_of
from ablations.spec import Spec
from ablations.spec.run_names import plain_name
from ablations.store import Outside, Store, file_in
from ablations.store.looks import Looks, TakenLook
from ablations.studies.record import FILE
from analysis.claims import Claim, Evidence
from analysis.claims.judging import Look, Verdict, judge_claims
from analysis.claims.preregistration import changes, registered
from analysis.claims.reading import claims_of
from analysis.frames.studies import StudyResult
from analysis.statistics import VerdictWord
from fakeface.config import canonical_digest
from fakeface.errors import UserError

JUDGED = (VerdictWord.SUPPORTED, VerdictWord.REFUTED, VerdictWord.UNDECIDED)
"""The verdicts that are a look at a claim."""


def planned(spec: Spec, labels: Set[str], store: Store, seeds: Iterable[int] | None = None) -> list[Job]:
    """The jobs of these runs, whether a command is about them or not; with other seeds than the specification's."""
    spec = spec if seeds is None else replace(spec, seeds=tuple(sorted(set(seeds))))
    runs = [run for run in spec.runs if run.label in labels]
    return plan_in(store, spec, runs)


def claims_on_variants(spec: Spec) -> list[Claim]:
    """The claims of a specification: under `--set` they are about the variants of their runs."""
    labels = {run.name: run.label for run in spec.runs}
    return [claim.about(labels) for claim in claims_of(spec)]


def newest_studies(
    spec: Spec, digests: Set[str | None], store: Store
) -> tuple[dict[str, StudyResult], list[str]]:
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


def searches_of(spec: Spec, newest: Mapping[str, StudyResult]) -> dict[str, list[StudyResult]]:
    """The independent searches of each study of the specification, as far as they have begun."""
    found = {
        study.name: [newest[name] for name in study.search_names if name in newest] for study in spec.studies
    }
    return {name: [one for one in own if one.repeats(own[0])] for name, own in found.items()}


def looks_at_claims(spec: Spec, store: Store) -> dict[str, Looks]:
    """What is recorded of the looks at every claim on runs whose data are prepared.

    Looks belong together if the statement, its family and all that decides the trainings but their seeds are the same.
    """
    claims, digests = claims_on_variants(spec), registered(claims_of(spec))["each"]
    named = {run for claim in claims for run in claim.kind.named_runs}
    trainings = {
        job.run: job.identity for job in planned(spec, named, store, seeds=[0]) if job.data_digest is not None
    }
    found = {}
    for claim in claims:
        runs = claim.kind.named_runs
        if runs and trainings.keys() >= set(runs):
            own = {"claim": digests[claim.name], "trainings": [trainings[run] for run in runs]}
            found[claim.name] = Looks.find(store, claim.name, canonical_digest(own))
    return found


def last_look(looks: Looks | None, seeds: Sequence[int]) -> Look:
    """The last look that was taken of those that were fixed for a claim (the first if none was), or else a look that is
    the only one."""
    design = looks.design_for(seeds) if looks else None
    if looks is None or design is None:
        return Look(tuple(seeds))
    taken = max(1, looks.taken_of(design))
    return Look(design.seeds[: design.counts[taken - 1]], design.counts, design.levels)


def verdicts_of(
    spec: Spec, store: Store, studies: Mapping[str, StudyResult], looks: Mapping[str, Look]
) -> list[Verdict]:
    """The verdict on every claim, at its look."""
    claims = claims_on_variants(spec)
    named = {run for claim in claims for run in claim.kind.named_runs}
    seeds = {seed for look in looks.values() for seed in look.seeds} | set(spec.seeds)
    jobs = planned(spec, named, store, seeds)
    evidence = Evidence(frames_of(jobs, store), studies)
    # A study has confirmation seeds of its own.
    at = {
        claim.name: looks.get(claim.name, Look(spec.seeds))
        for claim in claims
        if claim.kind.named_study is None
    }
    found = judge_claims(claims, evidence, partial(_lacking_command, spec, store, at), at)
    changed = changes(claims_of(spec), _begun(jobs, searches_of(spec, studies), store))
    return [replace(verdict, change=changed.get(verdict.claim.name)) for verdict in found]


def with_earlier_looks(
    verdicts: Sequence[Verdict], looks: Mapping[str, Looks], seeds: Sequence[int]
) -> list[Verdict]:
    """The verdicts with the other looks at their claims. Records the look of one that is meant to be the only one.

    Args:
        seeds: of the specification.
    """
    found = []
    for verdict in verdicts:
        own, judged_by = looks.get(verdict.claim.name), _seeds_of(verdict)
        if own is not None and verdict.word in JUDGED:
            design = own.design_for(seeds)
            verdict = replace(verdict, judged_before=own.taken_besides(judged_by, design))
            if design is None and judged_by:
                look = TakenLook(judged_by, Look(judged_by).level, verdict.word)
                with suppress(UserError):  # a store that cannot be written is a store that can be read
                    own.add_look(verdict.claim.name, look)
        found.append(verdict)
    return found


def _seeds_of(verdict: Verdict) -> tuple[int, ...]:
    """The seeds by which a claim was judged: those of which every run has a value."""
    seeds = [set(group.values) for group in verdict.groups]
    return tuple(sorted(set.intersection(*seeds))) if seeds else ()


def _begun(
    jobs: Sequence[Job], studies: Mapping[str, Sequence[StudyResult]], store: Store
) -> dict[str, list[Mapping[str, Any]]]:
    """The `job` records of the trainings that have begun, by run and by study; of a training that was replaced by the
    same one, the first."""
    known = {folder.name: folder for folder in store.job_folders()}
    folders = [(job.plain, results_of(job, store)) for job in jobs]
    folders += [
        (name, known.get(training.folder))
        for name, searches in studies.items()
        for search in searches
        for training in search.trainings
    ]
    aside = store.aside_by_name()
    found: dict[str, list[Mapping[str, Any]]] = {}
    for name, folder in folders:
        if folder is None:
            continue
        records = []
        for one in (folder, *aside.get(folder.name, ())):
            with suppress(UserError):  # what cannot be read is named elsewhere
                records.append(store.job_record(one))
        if began := [record for record in records if record is not None]:
            found.setdefault(name, []).append(min(began, key=lambda record: int(record["time"])))
    return found


def _lacking_command(spec: Spec, store: Store, looks: Mapping[str, Look], claim: Claim) -> str:
    """The command that trains what a claim lacks, under this profile and with these seeds."""
    place = {"spec": spec.path, "profile": spec.profile}
    kind = claim.kind
    if kind.named_study is not None:
        return shell_command("tune", kind.named_study, **place, set=spec.overrides, store=store.root)
    seeds = ",".join(map(str, spec.seeds))
    return shell_command(
        "run", **place, seeds=seeds, run=[plain_name(run) for run in kind.named_runs], set=spec.overrides,
        store=store.root, until_decided=bool(looks[claim.name].counts),
    )  # fmt: skip
