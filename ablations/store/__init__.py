"""The folder that holds all state: its layout, the journals, and reading them."""

from ablations.store.layout import IDENTITY_DIGITS, FoundData, Snapshot, Store, data_key, is_running, job_lock

__all__ = ["IDENTITY_DIGITS", "FoundData", "Snapshot", "Store", "data_key", "is_running", "job_lock"]
