"""Scores of jobs: one `Scorer` per data set and protocol, and scoring finished jobs again. Trains nothing."""

from collections.abc import Callable
from pathlib import Path

import torch

from ablations.code.reached import code_digests, without_files
from ablations.jobs.context import Context
from ablations.jobs.kept import kept_weights
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress
from ablations.jobs.status import lacking_scores
from ablations.store import check_no_links
from ablations.store import history as histories
from ablations.store.journal import Journal
from fakeface.config import canonical_digest
from fakeface.data import ImageSet
from fakeface.evaluation.extractors import EXTRACTORS, protocols_of
from fakeface.evaluation.reference import compute_reference
from fakeface.evaluation.scoring import Scorer
from fakeface.gan.step import GanState


class Scorers:
    """The scorers of one process."""

    def __init__(self, images: Callable[[Job], ImageSet], cache: Path, device: torch.device) -> None:
        self.images, self.cache, self.device = images, cache, device
        self._scorers: dict[tuple[str, str], Scorer] = {}

    def __call__(self, job: Job) -> Scorer:
        """Raises UserError if something else is in a reference's place."""
        images, config = self.images(job), job.config.evaluation
        key = (images.digest, canonical_digest(protocols_of(config)))
        if key not in self._scorers:
            # Here, since all code of a scorer is in its scores' identity. The folder itself may be a link.
            check_no_links(self.cache.resolve())
            makers = code_digests([EXTRACTORS[config.extractor], compute_reference])
            code = canonical_digest(without_files(makers))
            self._scorers[key] = Scorer(images, config, self.cache, self.device, code=code)
        return self._scorers[key]


def rescore(job: Job, folder: Path, context: Context) -> None:
    """Journal the scores that kept generators lack under the job's protocols. The caller holds the lock.

    Raises:
        UserError: kept weights are damaged.
    """
    state = GanState.create(job.config, job.seed, context.device)
    with Journal(folder / "journal.jsonl") as journal:
        history = histories.load(journal.path)
        lacking = lacking_scores(job, history)
        for step, protocols in lacking.items():
            if context.stop():
                return
            context.on_progress(Progress(job, step, max(lacking), "scoring", {}))
            state.generator.load_state_dict(kept_weights(folder, step, state.generator, job.identity))
            scores = context.scorer(job).score(
                state.generator, protocols, seed=job.seed, latent_dim=job.config.network.latent_dim
            )
            for kind, values in scores.items():
                journal.append(kind, step=step, values=values, **protocols[kind].record())
        journal.sync()
