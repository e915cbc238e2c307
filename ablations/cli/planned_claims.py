"""What the planned seeds can show of the claims that are about the planned runs."""

import re
from collections.abc import Sequence
from dataclasses import replace

from ablations.cli.tables import frames_of
from ablations.jobs.plan import Job, make_plan
from ablations.spec import Spec
from ablations.store import Store
from analysis.claims import Evidence
from analysis.claims.power import Outlook, outlooks
from analysis.claims.reading import claims_of

_SEED = re.compile(r"-s(\d+)-[^-]*$")
"""In the name of a job's folder."""


def planned_claims(spec: Spec, jobs: Sequence[Job], store: Store) -> list[Outlook]:
    """What the seeds of a plan can show of the claims on its runs, by the earlier seeds that the store has of them."""
    planned = {job.run for job in jobs}
    labels = {run.name: run.label for run in spec.runs}
    claims = [claim.about(labels) for claim in claims_of(spec)]
    named = {run for claim in claims for run in claim.kind.named_runs} & planned
    frames = frames_of(_earlier(spec, named, store), store)
    return outlooks(claims, Evidence(frames, {}), len(spec.seeds), planned)


def _earlier(spec: Spec, labels: set[str], store: Store) -> list[Job]:
    """The jobs of these runs, with any seed, that the store has."""
    seeds = {int(found[1]) for folder in store.job_folders() if (found := _SEED.search(folder.name))}
    if not seeds:
        return []
    runs = [run for run in spec.runs if run.label in labels]
    jobs = make_plan(
        replace(spec, seeds=tuple(sorted(seeds))), runs, lambda config: store.find_data(config).images
    )
    return [job for job in jobs if job.data_digest is not None and store.find(job.identity)]
