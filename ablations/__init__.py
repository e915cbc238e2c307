"""Ablations: from `runs.yaml` to jobs, their journals, and the mirror in MLflow."""
