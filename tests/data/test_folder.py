"""`folder`, and what `celeba` and `lfw` share with it: which files, what is skipped, what the errors say."""

import os
import sys
import types
import warnings
from pathlib import Path

import numpy as np
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
    for name in ("3.HEIC", "4.zip", "5.npz", "notes.txt", "README"):
        (root / name).write_bytes(b"something")
    images = prepare(settings(root), tmp_path / "cache")
    assert greys(images) == [20]
    advice = dict(images.skipped)
    assert list(advice) == ["1", "3.HEIC", "4.zip", "5.npz"]
    assert "rename it" in advice["1"] and "JPEG or PNG" in advice["3.HEIC"] and "unpack" in advice["4.zip"]


def test_a_folder_of_other_files_is_an_error_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces/1.heic").write_bytes(b"something")
    (tmp_path / "faces.zip").write_bytes(b"something")
    assert "1.heic: cannot be read here: convert it" in refused(
        settings(tmp_path / "faces"), tmp_path / "cache"
    )
    assert "unpack it, and set data.path" in refused(settings(tmp_path / "faces.zip"), tmp_path / "cache")
    (tmp_path / "faces/1.heic").rename(tmp_path / "faces/README")
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


def test_lfw_without_scikit_learn_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    message = refused(settings(None, "lfw"), tmp_path / "cache")
    assert "pip install 'fakeface-ablations[lfw]'" in message and "--set data.path=" in message


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
