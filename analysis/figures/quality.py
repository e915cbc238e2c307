"""Figures of quality: Fréchet distances over steps and over the time that they took."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures import style
from analysis.figures.curves import STEPS, last_step
from analysis.figures.style import run_styles
from analysis.frames.jobs import Frames
from analysis.frames.quality import quality_name, quality_table
from fakeface.evaluation.measures import DISTANCE


def quality_over_steps(ax: Axes, frames: Frames) -> Axes:
    """The Fréchet distance of every run at each evaluation, all under one protocol (`Frames.quality`).

    The last one with the 95% interval of its sampling noise, over the floor that real images have among themselves,
    where these are known.
    """
    style.dress(
        ax, title="Quality over training", subtitle="Fréchet distance to the real images; lower is better",
        xlabel=STEPS, ylabel=quality_name(frames),
    )  # fmt: skip
    style.scale_steps(ax, last_step(frames.outcomes))
    _intervals_and_floor(ax, frames)
    _quality_lines(ax, frames, frames.quality(), "step")
    return ax


def quality_over_time(ax: Axes, frames: Frames) -> Axes:
    """The same distances against the minutes of work that it took to reach them, on whatever each job ran on.

    Work does not count pauses between sessions, and of what was scored later only the training.
    """
    quality = frames.quality()
    quality = quality.assign(minutes=quality["seconds"] / 60)
    style.dress(
        ax, title="Quality over wall time", subtitle="the same distances; other work on the machine counts",
        xlabel="minutes of work", ylabel=quality_name(frames),
    )  # fmt: skip
    style.scale_minutes(ax, float(quality["minutes"].max()))
    _quality_lines(ax, frames, quality, "minutes")
    return ax


def _quality_lines(ax: Axes, frames: Frames, quality: pd.DataFrame, x: str) -> None:
    """One line a job over the column `x`, one label a run."""
    styles = run_styles(frames.runs)
    labels = []
    for run in frames.runs:
        ends = []
        for _, scores in quality[quality["run"] == run].groupby("seed"):
            look = styles[run]
            ordered = scores.sort_values("step")
            ax.plot(
                ordered[x], ordered["value"], color=look.color, linestyle=look.linestyle, label=run,
                lw=1.5, marker="o", ms=4.5, mec="white", mew=0.8, clip_on=False, zorder=3,
            )  # fmt: skip
            ends.append(float(ordered["value"].iloc[-1]))
        if ends:
            labels.append((float(np.median(ends)), run, styles[run]))
    style.scale_values(ax, quality["value"])
    style.label_ends(ax, labels)


def _intervals_and_floor(ax: Axes, frames: Frames) -> None:
    """An error bar on the last point of each job that has an interval, and one faint line for each floor."""
    styles = run_styles(frames.runs)
    rows = quality_table(frames)
    for row in rows:
        distance = row.measured[DISTANCE]
        low, high = distance.low, distance.high
        if low is not None and high is not None and row.step is not None:
            ax.plot(
                [row.step] * 2, [low, high], color=styles[row.run].color, lw=1.2, marker="_", ms=9, mew=1.2,
                clip_on=False, zorder=2.5,
            )  # fmt: skip
    floors = [row.measured["floor"].value for row in rows]
    known = [value for value in floors if value is not None]
    for floor in sorted({float(f"{value:.3g}") for value in known}):  # several where the real images differ
        ax.axhline(floor, color=style.MUTED, lw=0.8, dashes=(1.4, 1.4), zorder=1)
        ax.annotate(
            "real images among themselves", (0, floor), (4, 2), xycoords=("axes fraction", "data"),
            textcoords="offset points", fontsize=style.TEXT_SIZE - 1.5, color=style.MUTED, va="bottom",
        )  # fmt: skip
