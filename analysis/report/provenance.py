"""Where the numbers come from: data, code, machine."""

from typing import Any

import pandas as pd

from analysis.frames.jobs import Frames


def provenance(frames: Frames) -> dict[str, list[str]]:
    """Where the numbers come from, by topic; several values where the jobs differ, none where nothing is known."""
    jobs, sessions = frames.jobs, frames.sessions
    commits = [
        f"{commit}{' (with uncommitted changes)' if dirty else ''}"
        for commit, dirty in zip(sessions["commit"], sessions["dirty"], strict=True)
        if commit
    ]
    data = [
        f"{job['data_name']}: {job['data_count']:,} images of {job['image_size']} × {job['image_size']}, "
        f"{'greyscale' if job['channels'] == 1 else 'RGB'}"
        for job in jobs.dropna(subset=["data_name", "data_count"]).to_dict("records")
    ]
    return {
        "Experiment": _distinct(jobs["experiment"]),
        "Group": _distinct(jobs["group"]),
        "Profile": _distinct(jobs["profile"]),
        "Seeds": [", ".join(_distinct(frames.outcomes["seed"]))],
        "Commit": _distinct(pd.Series(commits, dtype=object)),
        "Data": _distinct(pd.Series(data, dtype=object)),
        "Source": _distinct(jobs["data_source"]),
        "Data digest": _distinct(jobs["data_digest"]),
        "Digest of claims": _distinct(jobs["claims_digest"]),
        "Device": _distinct(sessions["device"]),
        "Processor": _distinct(sessions["cpu"]),
        "Threads": _distinct(sessions["threads"]),
        "Python": _distinct(sessions["python"]),
        "PyTorch": _distinct(sessions["torch"]),
    }


def _distinct(values: "pd.Series[Any]") -> list[str]:
    return [str(value) for value in values.dropna().drop_duplicates() if value != ""]
