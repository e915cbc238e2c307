"""Ablations: from `runs.yaml` to jobs, their journals, and the mirror in MLflow."""

import fakeface  # noqa: F401 - first, since it sets how OpenMP's threads wait
