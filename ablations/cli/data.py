"""`ablate data prepare`, `info` and `preview`: the real images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablations.cli.options import Count, Selectors, console, picture_path, with_bundles
from fakeface.errors import UserError

if TYPE_CHECKING:
    from fakeface.data import ImageSet

data_app = typer.Typer(no_args_is_help=True, help="Prepare and look at the real images.")
SHOWN_SKIPPED = 10


@data_app.command()
@with_bundles()
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
@with_bundles()
def info(chosen: Selectors) -> None:
    """Describe the prepared images: count, size, digest, source, files that were skipped."""
    from ablations.store import data_key
    from fakeface import data

    _, runs, store = chosen.choose()
    for config in dict.fromkeys(data_key(run.config.data) for run in runs):
        images = data.find(config, store.data)
        if images is None:
            raise UserError(f"{config.name}: not prepared yet; `ablate data prepare` does that")
        _describe(images)


@data_app.command()
@with_bundles()
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
    console().print(f"{len(images)} images: {out}", soft_wrap=True)


def _describe(images: "ImageSet") -> None:
    from rich.markup import escape

    out = console()
    count, height, width, channels = images.images.shape
    out.print(f"[bold]{images.name}[/]  {count:,} images, {height}x{width}, {channels} channel(s)")
    out.print(f"  source  {escape(images.source)}\n  digest  {images.digest}", soft_wrap=True)
    for skipped in images.skipped[:SHOWN_SKIPPED]:
        out.print(f"  skipped {escape(str(skipped.file))}: {escape(skipped.why)}", soft_wrap=True)
    if len(images.skipped) > SHOWN_SKIPPED:
        out.print(f"  ... and {len(images.skipped) - SHOWN_SKIPPED} more skipped")
