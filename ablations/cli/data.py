"""`ablate data prepare`, `info` and `preview`: the real images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ablations.cli.options import Commands, Count, Json, Selectors, picture_path, with_bundles
from ablations.cli.printing import console, is_verbose, print_json
from fakeface.errors import UserError

if TYPE_CHECKING:
    from fakeface.data import ImageSet

data_app = Commands(no_args_is_help=True, help="Prepare and look at the real images.")
SHOWN_SKIPPED = 10


@data_app.command()
@with_bundles
def prepare(
    chosen: Selectors,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Decode again, where the source changed.")
    ] = False,
) -> None:
    """Render, download or decode the images that the runs need, once."""
    from ablations.cli.setup import prepare_images

    _, runs, store = chosen.choose()
    for images in prepare_images(runs, store, console(), refresh=refresh).values():
        _describe(images)


@data_app.command()
@with_bundles
def info(chosen: Selectors, json_: Json = False) -> None:
    """Describe the prepared images: count, size, digest, source, notes, files that were skipped."""
    from ablations.store import data_key
    from fakeface import data

    _, runs, store = chosen.choose()
    found: list[ImageSet] = []
    for config in dict.fromkeys(data_key(run.config.data) for run in runs):
        images = data.find(config, store.data)
        if images is None:
            raise UserError(f"{config.name}: not prepared yet; `ablate data prepare` does that")
        found.append(images)
    if json_:
        print_json([_record(images) for images in found])
    else:
        for images in found:
            _describe(images)


@data_app.command()
@with_bundles
def preview(
    chosen: Selectors,
    out: Annotated[Path, typer.Argument(help="A .png file.", callback=picture_path)],
    count: Count = 64,
) -> None:
    """Write a contact sheet of the real images."""
    from ablations.cli.setup import prepare_images
    from fakeface.images import contact_sheet, save_png

    _, runs, store = chosen.choose()
    images = next(iter(prepare_images(runs, store, console()).values())).images[:count]
    save_png(out, contact_sheet(images, max(1, round(len(images) ** 0.5))))
    console().note("{} images: {}", len(images), out)


def _record(images: "ImageSet") -> dict[str, Any]:
    count, height, width, channels = images.images.shape
    return {
        "name": images.name,
        "source": images.source,
        "digest": images.digest,
        "shape": [count, height, width, channels],
        "notes": list(images.notes),
        "skipped": [{"file": str(one.file), "why": one.why} for one in images.skipped],
    }


def _describe(images: "ImageSet") -> None:
    out = console()
    count, height, width, channels = images.images.shape
    out.say(f"[bold]{{}}[/]  {count:,} images, {height}x{width}, {channels} channel(s)", images.name)
    out.say("  source  {}\n  digest  {}", images.source, images.digest)
    for note in images.notes:
        out.say("  note    {}", note)
    shown = len(images.skipped) if is_verbose() else SHOWN_SKIPPED
    for skipped in images.skipped[:shown]:
        out.say("  skipped {}: {}", skipped.file, skipped.why)
    if len(images.skipped) > shown:
        out.say("  ... and {} more skipped (--verbose lists all)", len(images.skipped) - shown)
