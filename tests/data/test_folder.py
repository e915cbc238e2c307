"""`folder`, and what `celeba` and `lfw` share with it: which files, what is skipped, what the errors say."""

import json
import os
import subprocess
import sys
import tarfile
import types
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ablations.store import Store
from fakeface.config import DataConfig
from fakeface.data import DATASETS, ImageSet, _files, find, prepare
from fakeface.errors import UserError

FACES = Path(__file__).parents[3] / "shared" / "data" / "faces-10k"


def picture(path: Path, grey: int, size: tuple[int, int] = (40, 40)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (grey, grey, grey)).save(path)
    return path


def settings(path: Path | str | None, name: str = "folder", channels: int = 3) -> DataConfig:
    where = None if path is None else str(path)
    return DataConfig.model_validate({"name": name, "path": where, "image_size": 32, "channels": channels})


def greys(images: ImageSet) -> list[int]:
    return [int(v) for v in images.images[:, 16, 16, 0]]


def test_the_tree_is_read_in_the_order_of_relative_names(tmp_path: Path) -> None:
    root = tmp_path / "faces"
    for name, grey in (("b.png", 20), ("a/z.PNG", 10), ("a.bmp", 5), ("c/d/e.Gif", 30)):
        picture(root / name, grey)
    (root / "notes.txt").write_text("no image")
    (root / ".hidden.png").write_bytes(b"no image either")
    picture(root / ".thumbnails/a.png", 99)
    images = prepare(settings(root), tmp_path / "cache")
    assert greys(images) == [5, 10, 20, 30]  # "a.bmp" < "a/z.PNG"
    assert images.skipped == ()
    assert images.name == "folder" and images.source == f"folder {root}"


def test_bad_files_are_skipped_counted_and_named_and_the_rest_keeps_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "faces"
    for i in range(6):
        picture(root / f"{i}.png", 10 * i)
    whole = (root / "1.png").read_bytes()
    (root / "1.png").write_bytes(whole[:60])
    (root / "3.png").write_bytes(b"")
    picture(root / "5.png", 50, size=(200, 100))
    monkeypatch.setattr("fakeface.data._decode.MAX_PIXELS", 10_000)
    (root / "6.png").symlink_to(root / "nowhere.png")
    images = prepare(settings(root), tmp_path / "cache")
    assert greys(images) == [0, 20, 40]
    assert [file for file, _ in images.skipped] == ["1.png", "3.png", "5.png", "6.png"]
    assert "cannot be decoded" in images.skipped[0].why
    assert images.skipped[1].why == "not an image in a known format"
    assert "200x100 is over the limit" in images.skipped[2].why
    assert "No such file" in images.skipped[3].why
    again = find(settings(root), tmp_path / "cache")
    assert again is not None and again.skipped == images.skipped


def test_many_files_in_many_processes_give_the_same_pixels_as_in_one(tmp_path: Path) -> None:
    root = tmp_path / "faces"
    for i in range(600):
        picture(root / f"{i:03}.bmp", i % 256, size=(4, 4))
    (root / "300.bmp").write_bytes(b"")
    seen: list[tuple[int, int]] = []
    one = prepare(settings(root), tmp_path / "one", workers=1)
    two = prepare(settings(root), tmp_path / "two", workers=2, progress=lambda *at: seen.append(at))
    assert one.digest == two.digest
    assert one.skipped == two.skipped and len(one.skipped) == 1
    assert seen == sorted(seen) and seen[-1] == (600, 600) and len(seen) > 5


def test_symbolic_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "faces", tmp_path / "elsewhere"
    picture(root / "a/1.png", 10)
    picture(elsewhere / "2.png", 20)
    (root / "a" / "loop").symlink_to(root)
    (root / "b").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(root / "a")
    assert greys(prepare(settings(root), tmp_path / "cache")) == [10, 20]


def test_an_image_with_several_names_counts_once(tmp_path: Path) -> None:
    root = tmp_path / "faces"
    picture(root / "b/1.png", 10)
    picture(root / "2.png", 20)
    os.link(root / "2.png", root / "3.png")
    (root / "a.png").symlink_to("2.png")
    (root / "link").symlink_to("b")
    (root / "blobs").mkdir()
    (root / "2.png").rename(
        root / "blobs/abc"
    )  # as in the cache of a hub, whose images are links to such files
    (root / "2.png").symlink_to("blobs/abc")
    images = prepare(settings(root), tmp_path / "cache")
    assert greys(images) == [20, 10]
    assert images.skipped == () and images.notes[0] == "skipped: 4 read under another name"
    assert [*_files.ImageFiles(root).files()] == ["2.png", "b/1.png"]


def test_a_link_to_itself_is_no_folder(tmp_path: Path) -> None:
    picture(tmp_path / "faces/1.png", 10)
    for name in ("self", "self.png"):
        (tmp_path / "faces" / name).symlink_to(tmp_path / "faces" / name)
    images = prepare(settings(tmp_path / "faces"), tmp_path / "cache")
    assert greys(images) == [10]
    assert [file for file, _ in images.skipped] == ["self.png"]


def test_the_pictures_of_a_store_are_no_data(tmp_path: Path) -> None:
    picture(tmp_path / "1.png", 10)
    store = Store(tmp_path / "results")
    store.prepare()
    picture(store.jobs / "baseline/samples/000000.png", 99)
    assert greys(prepare(settings(tmp_path), store.data)) == [10]
    assert "no image files" in refused(settings(store.root), tmp_path / "cache")


def test_files_that_may_hold_images_are_skipped_with_what_to_do(tmp_path: Path) -> None:
    root = tmp_path / "faces"
    picture(root / "1.png", 10).rename(root / "1")
    picture(root / "2.png", 20)
    for name in ("3.CR2", "4.zip", "5.npz", "notes.txt", "README"):
        (root / name).write_bytes(b"something")
    images = prepare(settings(root), tmp_path / "cache")
    assert greys(images) == [20]
    advice = dict(images.skipped)
    assert list(advice) == ["1", "3.CR2", "4.zip", "5.npz"]
    assert "rename it" in advice["1"] and "JPEG or PNG" in advice["3.CR2"] and "unpack" in advice["4.zip"]


def test_notes_count_what_is_skipped_by_ending_and_images_that_are_small_grey_or_twice(
    tmp_path: Path,
) -> None:
    root = tmp_path / "faces"
    for i in range(3):
        picture(root / f"{i}.png", 10 * i)
    picture(root / "small.png", 200, size=(20, 40))
    Image.new("RGB", (40, 40), (1, 2, 3)).save(root / "colour.png")
    picture(root / "twice.png", 10)
    files = ("a.txt", "b.TXT", "c.mp4", "README", "d.heic.part", "e.version-of-today", "f.zip", "damaged.png")
    for name in files:
        (root / name).write_bytes(b"something")
    config = settings(root)
    images = prepare(config, tmp_path / "cache")
    assert images.notes == (
        "skipped: 2 .txt, 1 .mp4, 1 .part, 1 .png, 1 .zip, 1 without an ending, 1 of other kinds",
        "smaller than 32x32 and enlarged: 1 of 6 images",
        "grey: 5 of 6 images (data.channels: 1 trains on one channel)",
        "the same as an earlier one, pixel by pixel: 1 of 6 images",
    )
    found = find(config, tmp_path / "cache")
    assert found is not None and found.notes == images.notes
    grey = prepare(settings(root, channels=1), tmp_path / "cache")
    assert not any("grey" in note for note in grey.notes)


def test_a_cache_from_before_the_notes_is_still_read(tmp_path: Path) -> None:
    picture(tmp_path / "faces/1.png", 10)
    config = settings(tmp_path / "faces")
    prepare(config, tmp_path / "cache")
    (path,) = tmp_path.glob("cache/*/meta.json")
    meta = json.loads(path.read_text())
    del meta["notes"]
    path.write_text(json.dumps(meta))
    found = find(config, tmp_path / "cache")
    assert found is not None and found.notes == ()


def test_many_kinds_of_skipped_files_are_one_short_note(tmp_path: Path) -> None:
    picture(tmp_path / "faces/1.png", 10)
    for i in range(30):
        (tmp_path / f"faces/x.{i}").touch()
    (note, *_) = prepare(settings(tmp_path / "faces"), tmp_path / "cache").notes
    assert note.endswith("1 .14, 1 .15, 22 of other kinds")


def zipped(folder: Path, image: Path) -> None:
    with zipfile.ZipFile(folder / "it's faces.zip", "w") as archive:
        archive.write(image, "cat/1.png")


def tarred(folder: Path, image: Path) -> None:
    with tarfile.open(folder / "faces.tar.gz", "w:gz") as archive:
        archive.add(image, "cat/1.png")


def table(image: Path) -> pa.Table:
    """As Hugging Face's `datasets` writes images."""
    return pa.table({"label": [1], "img": [{"bytes": image.read_bytes(), "path": None}]})


def parquet(folder: Path, image: Path) -> None:
    (folder / "data").mkdir()
    pq.write_table(table(image), folder / "data/train-00000-of-00001.parquet")


def arrow(folder: Path, image: Path) -> None:
    file = folder / "data-00000-of-00001.arrow"
    with file.open("wb") as sink, pa.ipc.new_stream(sink, table(image).schema) as stream:
        stream.write_table(table(image))


@pytest.mark.parametrize("whole_folder", [True, False])
@pytest.mark.parametrize("pack", [zipped, tarred, parquet, arrow])
def test_images_in_an_archive_or_a_table_are_an_error_with_the_commands_that_unpack_them(
    tmp_path: Path, pack: Callable[[Path, Path], None], whole_folder: bool
) -> None:
    (tmp_path / "pack's").mkdir()
    pack(tmp_path / "pack's", picture(tmp_path / "1.png", 10))
    (tmp_path / "pack's/dataset_info.json").touch()
    (packed,) = (path for path in (tmp_path / "pack's").rglob("*.*") if path.suffix != ".json")
    path = tmp_path / "pack's" if whole_folder else packed
    message = refused(settings(path), tmp_path / "cache")
    found = f"no image files, but {packed.name}: " if whole_folder else "is a file, not a folder: "
    assert message.startswith(f"{path}: {found}") and len(message.splitlines()) < 20
    _, command, last = message.split("\n\n")
    subprocess.run(["sh", "-c", command], check=True)
    unpacked = path if last == "and run this again" else last.removeprefix("and set data.path to ")
    assert greys(prepare(settings(unpacked), tmp_path / "cache")) == [10]


def test_heif_without_its_extra_is_skipped_with_the_extras_name_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "faces/1.png", 10)
    (tmp_path / "faces/2.HEIC").write_bytes(b"something")
    monkeypatch.setattr(_files, "EXTENSIONS", _files.EXTENSIONS - {".heic"})
    (skipped,) = prepare(settings(tmp_path / "faces"), tmp_path / "cache").skipped
    assert skipped.file == "2.HEIC"
    assert skipped.why.startswith(
        "needs pip install 'fakeface-ablations[heif]', then `ablate data prepare --refresh`"
    )


def test_a_folder_of_other_files_is_an_error_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces/1.cr2").write_bytes(b"something")
    assert "1.cr2: cannot be read here: convert it" in refused(
        settings(tmp_path / "faces"), tmp_path / "cache"
    )
    (tmp_path / "faces/1.cr2").rename(tmp_path / "faces/README")
    assert "holds no image" in refused(settings(tmp_path / "faces"), tmp_path / "cache")


def test_a_pipe_named_like_an_image_does_not_hang(tmp_path: Path) -> None:
    picture(tmp_path / "faces/1.png", 10)
    os.mkfifo(tmp_path / "faces/0.png")
    assert greys(prepare(settings(tmp_path / "faces"), tmp_path / "cache")) == [10]


def refused(config: DataConfig, cache: Path) -> str:
    """The message with which `prepare` refuses; checks that it leaves no images behind."""
    with pytest.raises(UserError) as caught, warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare(config, cache)
    assert not cache.exists() or not [p for p in cache.rglob("*") if p.suffix in (".npy", ".json", ".tmp")]
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (None, "data.path"),
        ("nowhere", "nowhere: there is no such folder"),
        ("a.png", "a.png: is a file, not a folder"),
        ("no-images", "no-images: no image files"),
    ],
)
def test_a_folder_without_images_is_an_error_with_the_next_step(
    tmp_path: Path, path: str | None, words: str
) -> None:
    picture(tmp_path / "a.png", 1)
    (tmp_path / "no-images/deep").mkdir(parents=True)
    (tmp_path / "no-images/deep/notes.txt").write_text("")
    message = refused(settings(path if path is None else tmp_path / path), tmp_path / "cache")
    assert words in message and "--set data.path=" in message


def test_no_readable_image_is_an_error_naming_folder_and_first_reasons(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    for i in range(8):
        (tmp_path / f"faces/{i}.jpg").write_bytes(b"nonsense")
    message = refused(settings(tmp_path / "faces"), tmp_path / "cache")
    assert f"{tmp_path}/faces: none of its 8 image files can be read" in message
    assert "0.jpg: not an image" in message and "4.jpg" in message and "5.jpg" not in message
    assert "and 3 more" in message


def test_an_unreadable_folder_in_the_tree_is_an_error_naming_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "faces/1.png", 10)

    def forbidden(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", forbidden)
    message = refused(settings(tmp_path / "faces"), tmp_path / "cache")
    assert f"{tmp_path}/faces" in message and "Permission denied" in message


def test_relative_and_home_paths_mean_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "faces/1.png", 10)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    prepare(settings(tmp_path / "faces"), tmp_path / "cache")
    for path in ("faces", "../" + tmp_path.name + "/faces", "~/faces"):
        assert find(settings(path), tmp_path / "cache") is not None


@pytest.mark.parametrize("given", ["img_align_celeba", "."])
def test_celeba_takes_the_folder_or_its_parent_and_crops_178(tmp_path: Path, given: str) -> None:
    face = np.zeros((218, 178, 3), dtype=np.uint8)
    face[20:198] = 200
    (tmp_path / "img_align_celeba").mkdir()
    Image.fromarray(face).save(tmp_path / "img_align_celeba/000001.png")
    picture(tmp_path / "outside.png", 1)
    images = prepare(settings(tmp_path / given, "celeba"), tmp_path / "cache")
    assert images.images.shape == (1, 32, 32, 3) and (images.images == 200).all()


def test_lfw_crops_to_the_head(tmp_path: Path) -> None:
    face = np.zeros((250, 250, 3), dtype=np.uint8)
    face[50:200, 50:200] = 200
    (tmp_path / "lfw/Some_One").mkdir(parents=True)
    Image.fromarray(face).save(tmp_path / "lfw/Some_One/Some_One_0001.png")
    assert (prepare(settings(tmp_path / "lfw", "lfw"), tmp_path / "cache").images == 200).all()


def downloader(monkeypatch: pytest.MonkeyPatch, name: str, act: object) -> None:
    """Put `act` in the place of the function that downloads."""
    module = {"celeba": "torchvision.datasets", "lfw": "sklearn.datasets"}[name]
    fake = types.ModuleType(module)
    setattr(fake, {"celeba": "CelebA", "lfw": "fetch_lfw_people"}[name], act)
    monkeypatch.setitem(sys.modules, module.split(".")[0], types.ModuleType(module.split(".")[0]))
    monkeypatch.setitem(sys.modules, module, fake)
    monkeypatch.setitem(sys.modules, "gdown", types.ModuleType("gdown"))


@pytest.mark.parametrize("name", ["celeba", "lfw"])
def test_a_failed_download_says_both_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def offline(**_: object) -> None:
        raise OSError("no route to host")

    downloader(monkeypatch, name, offline)
    message = refused(settings(None, name), tmp_path / "cache")
    assert "no route to host" in message and "again" in message
    assert "by hand" in message and "--set data.path=" in message


@pytest.mark.parametrize("name", ["celeba", "lfw"])
def test_a_download_is_used_once_complete_and_refused_when_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    published = DATASETS[name]
    assert issubclass(published, _files.Downloadable)
    target = tmp_path / "cache/downloads" / published.folder
    calls = []

    def download(**options: object) -> None:
        calls.append(options)
        picture(target / "a/1.jpg", 10)

    downloader(monkeypatch, name, download)
    message = refused(settings(None, name), tmp_path / "cache")
    assert "1 of" in message and "remove this folder" in message
    monkeypatch.setattr(published, "num_images", 1)
    assert len(prepare(settings(None, name), tmp_path / "cache").images) == 1
    prepare(settings(None, name), tmp_path / "cache")
    assert len(calls) == 1


@pytest.mark.parametrize(("name", "module"), [("celeba", "gdown"), ("lfw", "sklearn.datasets")])
def test_a_download_that_lacks_a_package_names_its_extra_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    message = refused(settings(None, name), tmp_path / "cache")
    assert message.startswith(
        f"the data set {name!r}: pip install 'fakeface-ablations[{name}]' to download it"
    )
    assert "by hand" in message and "--set data.path=" in message


@pytest.mark.faces
@pytest.mark.skipif(not FACES.is_dir(), reason="the shared faces are not here")
def test_real_faces_come_out_as_faces(tmp_path: Path) -> None:
    chosen = tmp_path / "faces"
    chosen.mkdir()
    for file in sorted(FACES.glob("*.jpg"))[:400]:
        (chosen / file.name).symlink_to(file)
    images = prepare(settings(chosen, channels=1), tmp_path / "cache")
    assert images.images.shape == (400, 32, 32, 1) and images.skipped == ()
    mean = images.images.mean(axis=0)[..., 0]
    corners = np.concatenate([mean[:4, :4], mean[:4, -4:]]).mean()
    assert mean[14:24, 12:20].mean() > corners + 25  # a bright face before what is behind it
    assert images.images.std(axis=0).min() > 10  # and no pixel is the same for all
