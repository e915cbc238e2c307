"""`ablate data`: prepare and look at the real images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablations.cli.options import (
    SPEC,
    STORE,
    Group,
    Profile,
    RunName,
    Seeds,
    Selectors,
    Set,
    SpecFile,
    StorePath,
    console,
    spread,
)

if TYPE_CHECKING:
    from fakeface.data import ImageSet

data_app = typer.Typer(no_args_is_help=True, help="Prepare and look at the real images.")
SHOWN_SKIPPED = 10


@data_app.command("prepare")
@spread()
def data_prepare(
    chosen: Selectors,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Decode again, where the source changed.")
    ] = False,
) -> None:
    """Render, download or decode the images that the runs need, once."""
    from ablations.cli.commands_data import prepare_data

    _, runs, place = chosen.choose()
    for images in prepare_data(runs, place, console(), refresh=refresh):
        _describe(images)


@data_app.command("info")
@spread()
def data_info(
    chosen: Selectors,
) -> None:
    """Say what the prepared images are: count, size, digest, source, files that were skipped."""
    from ablations.cli.commands_data import prepared_data

    _, runs, place = chosen.choose()
    for images in prepared_data(runs, place):
        _describe(images)


@data_app.command("preview")
def data_preview(
    out: Annotated[Path, typer.Argument(help="A .png file.")],
    spec: SpecFile = SPEC,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many images.")] = 64,
    profile: Profile = None,
    group: Group = None,
    run: RunName = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
) -> None:
    """Write a contact sheet of the real images."""
    from ablations.cli.commands_data import prepare_data
    from fakeface.images import contact_sheet, save_png

    chosen = Selectors(spec=spec, profile=profile, group=group, run=run, seeds=seeds, set_=set_, store=store)
    _, runs, place = chosen.choose()
    images = prepare_data(runs, place, console())[0].images[:count]
    save_png(out, contact_sheet(images, max(1, round(len(images) ** 0.5))))
    console().print(f"{len(images)} images: {out}", soft_wrap=True)


def _describe(images: "ImageSet") -> None:
    out = console()
    count, height, width, channels = images.images.shape
    out.print(f"[bold]{images.name}[/]  {count:,} images, {height}x{width}, {channels} channel(s)")
    out.print(f"  source  {images.source}\n  digest  {images.digest}", soft_wrap=True, highlight=False)
    for skipped in images.skipped[:SHOWN_SKIPPED]:
        out.print(f"  skipped {skipped.file}: {skipped.why}", soft_wrap=True, highlight=False)
    if len(images.skipped) > SHOWN_SKIPPED:
        out.print(f"  ... and {len(images.skipped) - SHOWN_SKIPPED} more skipped")
