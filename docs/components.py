"""Writes docs/components.md from a store in which docs/components.yaml was trained: python docs/components.py STORE"""

import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image

import analysis
from analysis.frames.jobs import Frames
from fakeface.config import TrainingConfig, settings_of

HERE = Path(__file__).parent
IMAGES, COLOURS = 8, 64
"""Images of a run's picture, and the size of its palette: the pictures are to stay small in the repository."""
HEAD = """\
# The components, each trained for 300 steps

Every registered loss, penalty, network, optimizer and augmentation, on the built-in faces at 32x32, with one seed: a
check that each works, not a comparison. Each run differs from `baseline` in the settings that are given.
`make components` trains [components.yaml](components.yaml) and writes this page.

The outcome has three words: how the training ended, what its samples are, and how the two networks stand.
"""


def settings_in_words(frames: Frames) -> dict[str, str]:
    """By run: its settings that are not those of `baseline`."""
    defaults = settings_of(TrainingConfig())
    settings: dict[str, dict[str, Any]] = {row.run: row.settings for row in frames.jobs.itertuples()}
    names = sorted({name for own in settings.values() for name in own})
    whole = {
        run: {name: own.get(name, defaults.get(name)) for name in names} for run, own in settings.items()
    }
    return {
        run: ", ".join(
            f"`{name}={value if isinstance(value, str) else json.dumps(value)}`"
            for name, value in own.items()
            if value != whole["baseline"][name]
        )
        for run, own in whole.items()
    }


def picture(grid: Path, size: int) -> Image.Image:
    """The first images of a sample grid, in one row."""
    sheet = Image.open(grid).convert("RGB")
    step = size + 2
    cells = [(x, y) for y in range(0, sheet.height, step) for x in range(0, sheet.width, step)][:IMAGES]
    row = Image.new("RGB", (len(cells) * step - 2, size), "white")
    for i, (x, y) in enumerate(cells):
        row.paste(sheet.crop((x, y, x + size, y + size)), (i * step, 0))
    return row.quantize(COLOURS, kmeans=2)


def render(frames: Frames, pictures: Path) -> str:
    """The page; writes each run's picture into a folder beside it."""
    pictures.mkdir(exist_ok=True)
    words, distances = settings_in_words(frames), frames.quality()
    lines = [HEAD, "| run | settings | distance | outcome | samples |", "|---|---|---|---|---|"]
    for job in frames.jobs.itertuples():
        outcome = frames.jobs_of(job.run)[0]
        scores = distances[distances["run"] == job.run].sort_values("step")["value"]
        distance = f"{scores.iloc[-1]:,.0f}" if len(scores) else "—"
        grids = frames.images[frames.images["run"] == job.run].sort_values("step")["path"]
        picture(grids.iloc[-1], job.image_size).save(pictures / f"{job.run}.png", optimize=True)
        three = ", ".join(outcome[word] for word in ("exit", "samples", "dynamics") if outcome[word])
        shown = f"![samples of {job.run}]({pictures.name}/{job.run}.png)"
        lines.append(f"| {job.run} | {words[job.run] or '—'} | {distance} | {three} | {shown} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    page = HERE / "components.md"
    page.write_text(render(analysis.load(sys.argv[1]), HERE / "components"))


if __name__ == "__main__":
    main()
