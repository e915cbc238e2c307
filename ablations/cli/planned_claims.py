"""What the planned seeds can show of the claims that are about the planned runs."""

import re
from collections.abc import Sequence

from ablations.cli.tables import frames_of
from ablations.cli.verdicts import claims_on_variants, planned
from ablations.jobs.plan import Job
from ablations.spec import Spec
from ablations.store import Store
from analysis.claims import Evidence
from analysis.claims.power import Outlook, outlooks

_SEED = re.compile(r"-s(\d+)-[^-]*$")
"""In the name of a job's folder."""


def planned_claims(spec: Spec, jobs: Sequence[Job], store: Store) -> list[Outlook]:
    """What the seeds of a plan can show of the claims on its runs, by the earlier seeds that the store has of them."""
    runs, claims = {job.run for job in jobs}, claims_on_variants(spec)
    named = {run for claim in claims for run in claim.kind.named_runs} & runs
    frames = frames_of(_earlier(spec, named, store), store)
    return outlooks(claims, Evidence(frames, {}), len(spec.seeds), runs)


def _earlier(spec: Spec, labels: set[str], store: Store) -> list[Job]:
    """The jobs of these runs, with any seed, that the store has."""
    seeds = {int(found[1]) for folder in store.job_folders() if (found := _SEED.search(folder.name))}
    if not seeds:
        return []
    jobs = planned(spec, labels, store, seeds)
    return [job for job in jobs if job.data_digest is not None and store.find(job.identity)]
