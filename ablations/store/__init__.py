"""The folder that holds all state: its layout, the journals, and reading them."""

from ablations.store.generators import generator_file, kept_steps
from ablations.store.inside import Outside, check_no_links, file_in, has_file
from ablations.store.layout import IDENTITY_DIGITS, FoundData, Snapshot, Store, data_key
from ablations.store.locks import is_running, job_lock

__all__ = [
    "IDENTITY_DIGITS", "FoundData", "Outside", "Snapshot", "Store", "check_no_links", "data_key", "file_in",
    "generator_file", "has_file", "is_running", "job_lock", "kept_steps",
]  # fmt: skip
