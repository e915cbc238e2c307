"""The folder that holds all: its layout, the journal, and what a journal says."""

from ablations.store.layout import IDENTITY_DIGITS, FoundData, Snapshot, Store, data_key, is_running, job_lock

__all__ = ["IDENTITY_DIGITS", "FoundData", "Snapshot", "Store", "data_key", "is_running", "job_lock"]
