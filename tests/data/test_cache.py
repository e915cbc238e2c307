"""The cached array: checked, atomic, shared by processes, and true to its source."""

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from pydantic import ValidationError

from ablations.store import data_key
from fakeface.config import DataConfig, EvaluationConfig, changed_settings
from fakeface.data import ImageSet, find, prepare, training_indices
from fakeface.errors import UserError

SYNTHETIC = DataConfig(count=24, image_size=32)


def faces(root: Path, *greys: int) -> DataConfig:
    """A folder with one small picture of each grey, and its settings."""
    root.mkdir(exist_ok=True)
    for i, grey in enumerate(greys):
        Image.new("L", (40, 40), grey).save(root / f"{i}.png")
    return DataConfig(name="folder", path=str(root), image_size=32)


def arrays(cache: Path) -> list[Path]:
    return sorted(cache.glob("*/images-*.npy"))


def litter(cache: Path) -> list[Path]:
    """Everything below the cache but locks."""
    return [p for p in cache.rglob("*") if p.suffix != ".lock"]


def test_the_second_time_nothing_is_made(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    first = prepare(SYNTHETIC, tmp_path, progress=lambda *at: calls.append(at))
    assert calls == [(24, 24)]
    second = prepare(SYNTHETIC, tmp_path, progress=lambda *_: pytest.fail("made again"))
    assert second.digest == first.digest
    np.testing.assert_array_equal(second.images, first.images)


def test_images_are_a_read_only_memory_map(tmp_path: Path) -> None:
    images = prepare(SYNTHETIC, tmp_path).images
    assert isinstance(images, np.memmap) and images.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        images[0, 0, 0, 0] = 1


def test_find_makes_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert find(SYNTHETIC, cache) is None
    assert not cache.exists()
    prepare(SYNTHETIC, cache)
    assert isinstance(find(SYNTHETIC, cache), ImageSet)


def test_only_what_decides_the_pixels_makes_another_array(tmp_path: Path) -> None:
    prepare(SYNTHETIC, tmp_path)
    same = SYNTHETIC.model_copy(update={"limit": 3, "scaling": "unit", "path": "ignored"})
    assert find(same, tmp_path) is not None
    for change in ({"count": 23}, {"image_size": 64}, {"channels": 1}):
        assert find(SYNTHETIC.model_copy(update=change), tmp_path) is None
    folder = faces(tmp_path / "faces", 1)
    prepare(folder, tmp_path)
    assert find(folder.model_copy(update={"count": 7}), tmp_path) is not None


def test_the_digest_changes_with_one_pixel_and_not_with_times(tmp_path: Path) -> None:
    config = faces(tmp_path / "faces", 10, 20)
    first = prepare(config, tmp_path / "a").digest
    os.utime(tmp_path / "faces/0.png", (1, 1))
    assert prepare(config, tmp_path / "b").digest == first
    pixels = np.full((40, 40), 10, dtype=np.uint8)
    pixels[20, 20] = 60
    Image.fromarray(pixels).save(tmp_path / "faces/0.png")
    assert prepare(config, tmp_path / "c").digest != first


def test_the_digest_tells_shapes_with_the_same_bytes_apart(tmp_path: Path) -> None:
    four = faces(tmp_path / "four", 7, 7, 7, 7)
    one = DataConfig(name="folder", path=str(faces(tmp_path / "one", 7).path), image_size=64)
    small, large = prepare(four, tmp_path / "cache"), prepare(one, tmp_path / "cache")
    assert small.images.tobytes() == large.images.tobytes()
    assert small.digest != large.digest


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)


def drop_shape(path: Path) -> None:
    meta = json.loads(path.read_text())
    del meta["shape"]
    path.write_text(json.dumps(meta))


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "half": ("images-*.npy", halve),
    "empty": ("images-*.npy", lambda path: os.truncate(path, 0)),
    "one bit": ("images-*.npy", flip_a_bit),
    "shape": ("images-*.npy", lambda path: np.save(path, np.load(path)[:-1])),
    "pickle": ("images-*.npy", lambda path: np.save(path, np.array([{}], dtype=object), allow_pickle=True)),
    "gone": ("images-*.npy", Path.unlink),
    "half meta": ("meta.json", halve),
    "no mapping": ("meta.json", lambda path: path.write_text('["not", "a", "mapping"]')),
    "no shape": ("meta.json", drop_shape),
}
"""Which file of a cache, and what happens to it."""


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_an_error_that_names_file_and_command(tmp_path: Path, damage: str) -> None:
    good = prepare(SYNTHETIC, tmp_path).digest
    name, harm = DAMAGE[damage]
    (damaged,) = tmp_path.glob(f"*/{name}")
    harm(damaged)
    for use in (find, prepare):
        with pytest.raises(UserError, match="damaged") as caught:
            use(SYNTHETIC, tmp_path)
        assert str(damaged) in str(caught.value)
        assert "ablate data prepare --refresh" in str(caught.value)
    assert prepare(SYNTHETIC, tmp_path, refresh=True).digest == good
    assert len(arrays(tmp_path)) == 1


def test_without_verify_only_flipped_pixels_pass(tmp_path: Path) -> None:
    prepare(SYNTHETIC, tmp_path)
    flip_a_bit(arrays(tmp_path)[0])
    assert find(SYNTHETIC, tmp_path, verify=False) is not None
    halve(arrays(tmp_path)[0])
    with pytest.raises(UserError, match="damaged"):
        find(SYNTHETIC, tmp_path, verify=False)


@pytest.mark.parametrize("change", ["added", "removed", "changed"])
def test_a_changed_folder_is_an_error_until_refreshed(tmp_path: Path, change: str) -> None:
    root, cache = tmp_path / "faces", tmp_path / "cache"
    config = faces(root, 10, 20, 30)
    old = prepare(config, cache)
    if change == "added":
        Image.new("L", (40, 40), 99).save(root / "1b.png")
    elif change == "removed":
        (root / "1.png").unlink()
    else:
        Image.new("L", (50, 50), 99).save(root / "1.png")
    for use in (find, prepare):
        with pytest.raises(UserError) as caught:
            use(config, cache)
        message = str(caught.value)
        counts = {
            "added": "1 files added, 0 removed, 0 changed; the first: 1b.png",
            "removed": "0 files added, 1 removed",
        }
        assert counts.get(change, "0 removed, 1 changed; the first: 1.png") in message
        assert str(root) in message
        assert ("ablate data prepare --refresh" in message) == (use is prepare)
    new = prepare(config, cache, refresh=True)
    assert new.digest != old.digest
    assert find(config, cache) is not None
    assert len(arrays(cache)) == 1


def touch(root: Path) -> None:
    os.utime(root / "0.png", (1, 1))


def rename(root: Path) -> None:
    (root / "0.png").rename(root / "z.png")


def save_again(root: Path) -> None:
    Image.open(root / "1.png").save(root / "1.bmp")
    (root / "1.png").unlink()


def add_junk(root: Path) -> None:
    (root / "junk.jpg").write_bytes(b"no image")


@pytest.mark.parametrize("refresh", [False, True])
@pytest.mark.parametrize("act", [touch, rename, save_again, add_junk])
def test_other_files_with_the_same_images_change_nothing(
    tmp_path: Path, act: Callable[[Path], object], refresh: bool
) -> None:
    config, cache = faces(tmp_path / "faces", 10, 20, 30), tmp_path / "cache"
    old = prepare(config, cache)
    act(tmp_path / "faces")
    with pytest.raises(UserError, match="`ablate data prepare` compares"):
        find(config, cache)
    for new in (prepare(config, cache, refresh=refresh), find(config, cache)):
        assert new is not None and new.digest == old.digest
        np.testing.assert_array_equal(new.images, old.images)
        assert [file for file, _ in new.skipped] == (["junk.jpg"] if act is add_junk else [])
    assert len(arrays(cache)) == 1


def test_what_does_not_fit_on_the_disk_is_refused_at_once(tmp_path: Path) -> None:
    config = DataConfig(count=1_000_000_000, image_size=128)
    with pytest.raises(
        UserError, match=r"1,000,000,000 images of 128x128 take 49,152\.0 GB, but .* are free"
    ):
        prepare(config, tmp_path)
    assert litter(tmp_path) == []


def test_without_shared_memory_one_process_prepares_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)
    assert len(prepare(DataConfig(count=1_000, image_size=32), tmp_path, workers=2).images) == 1_000


@pytest.mark.parametrize("path", ["", " ", "a\0b", "\ud800"])
def test_what_is_no_path_is_refused(path: str) -> None:
    for settings, name in ((DataConfig, "path"), (EvaluationConfig, "weights_path")):
        with pytest.raises(ValidationError, match="is no path: name a folder or file"):
            settings.model_validate({name: path})


def test_a_vanished_folder_is_a_warning_and_the_cached_images_are_used(tmp_path: Path) -> None:
    config = faces(tmp_path / "faces", 10, 20)
    old = prepare(config, tmp_path / "cache")
    shutil.rmtree(tmp_path / "faces")
    for use in (find, prepare):
        with pytest.warns(UserWarning, match=r"faces: there is no such folder.*cached"):
            again = use(config, tmp_path / "cache")
        assert again is not None and again.digest == old.digest
    with pytest.raises(UserError, match="no such folder"):
        prepare(config, tmp_path / "cache", refresh=True)
    assert len(arrays(tmp_path / "cache")) == 1


def test_an_unchanged_folder_gives_no_warning(tmp_path: Path) -> None:
    config = faces(tmp_path / "faces", 10)
    prepare(config, tmp_path / "cache")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare(config, tmp_path / "cache")


PREPARE = """
import signal, sys
from pathlib import Path
from fakeface.config import DataConfig
from fakeface.data import prepare
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
    made = []
    images = prepare(DataConfig(count=int(sys.argv[2]), image_size=32), Path(sys.argv[1]), workers=1,
                     progress=lambda *at: (made.append(at), print(*at, flush=True)))
    print(len(made), images.digest, flush=True)
"""


def start(cache: Path, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, str(cache), str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_processes_that_prepare_at_once_make_one_array(tmp_path: Path) -> None:
    running = [start(tmp_path, 160) for _ in range(3)]
    results = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], results
    last = [out.splitlines()[-1].split() for out, _ in results]
    assert len({digest for _, digest in last}) == 1
    assert sorted(int(made) for made, _ in last) == [0, 0, 5]
    assert len(arrays(tmp_path)) == 1


def test_a_killed_prepare_leaves_no_array_and_the_next_one_clears_up(tmp_path: Path) -> None:
    killed = start(tmp_path, 100_000)
    assert killed.stdout is not None
    killed.stdout.readline()  # some images are written
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    config = DataConfig(count=100_000, image_size=32)
    assert arrays(tmp_path) == [] and find(config, tmp_path) is None
    left = list(tmp_path.glob("*/.*.tmp"))
    assert len(left) == 1
    again = start(tmp_path, 100_000)
    assert again.stdout is not None
    again.stdout.readline()
    assert not left[0].exists()
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=60)
    assert litter(tmp_path) == []


def test_an_interrupted_prepare_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    for workers, count in ((1, 64), (2, 2000)):
        config = DataConfig(count=count, image_size=32)
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            prepare(config, tmp_path, workers=workers, progress=interrupt)
        assert litter(tmp_path) == []
        assert time.monotonic() - began < 60


def test_an_interrupted_refresh_leaves_the_old_array(tmp_path: Path) -> None:
    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    old = prepare(SYNTHETIC, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        prepare(SYNTHETIC, tmp_path, refresh=True, progress=interrupt)
    again = find(SYNTHETIC, tmp_path)
    assert again is not None and again.digest == old.digest
    assert len(litter(tmp_path)) == 3  # folder, array, meta.json


def test_a_refused_write_is_an_error_with_path_and_reason_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # the array needs 73,728 bytes
    try:
        with pytest.raises(UserError) as caught:
            prepare(SYNTHETIC, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert str(tmp_path) in str(caught.value) and "File too large" in str(caught.value)
    assert litter(tmp_path) == []


def test_a_full_disk_when_the_array_is_synced_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []

    def full(handle: int) -> None:
        synced.append(handle)
        if len(synced) == 2:  # the array went well, meta.json does not
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        prepare(SYNTHETIC, tmp_path)
    assert len(synced) == 2
    assert litter(tmp_path) == []


def test_a_cache_that_is_no_folder_is_an_error_with_path_and_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for cache in (tmp_path / "file", tmp_path / "file/cache"):
        with pytest.raises(UserError, match=str(tmp_path / "file")):
            prepare(SYNTHETIC, cache)


def test_a_read_only_cache_is_enough_for_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(SYNTHETIC, tmp_path)

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", read_only)
    assert len(prepare(SYNTHETIC, tmp_path).images) == 24
    with pytest.raises(UserError, match="Read-only file system"):
        prepare(SYNTHETIC, tmp_path, refresh=True)


def subset(num_images: int, **settings: object) -> np.ndarray | None:
    return training_indices(num_images, DataConfig(**settings), seed=0)


def test_a_limit_keeps_a_fixed_subset_that_grows_with_it() -> None:
    ten, twenty = subset(1000, limit=10), subset(1000, limit=20)
    assert ten is not None and twenty is not None
    assert len(set(ten)) == 10 and ten.tolist() == sorted(ten) and ten[0] >= 0 and ten[-1] < 1000
    assert set(ten) < set(twenty)
    np.testing.assert_array_equal(ten, subset(1000, limit=10))
    assert ten[-1] > 100  # not just the first ones


def test_each_seed_has_a_subset_of_its_own_that_grows_with_the_limit() -> None:
    small, large = (
        [training_indices(1000, DataConfig(limit=limit), seed) for seed in range(5)] for limit in (100, 300)
    )
    assert len({tuple(one) for one in small}) == 5
    assert all(set(one) < set(other) for one, other in zip(small, large, strict=True))
    # Two subsets of a tenth share a tenth of their images.
    assert np.mean([len(set(one) & set(small[0])) for one in small[1:]]) < 30


def test_a_fraction_keeps_the_subset_that_a_limit_of_as_many_keeps() -> None:
    for fraction, limit in ((0.01, 10), (0.1, 100), (0.29, 290), (0.3336, 334)):
        np.testing.assert_array_equal(subset(1000, fraction=fraction), subset(1000, limit=limit))


@pytest.mark.parametrize(
    ("num_images", "settings", "kept"),
    [(24, {"fraction": 0.001}, 1), (50, {}, 50), (50, {"limit": 50}, 50), (50, {"fraction": 0.999}, 50)],
)
def test_at_least_one_image_is_kept_and_no_subset_means_all(
    num_images: int, settings: dict, kept: int
) -> None:
    found = subset(num_images, **settings)
    assert kept == (num_images if found is None else len(found))


def test_a_limit_beyond_the_data_is_an_error_naming_both_numbers() -> None:
    with pytest.raises(UserError, match=r"data\.limit: 51 .* 50"):
        subset(50, limit=51)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1, float("nan")])
def test_a_fraction_is_a_share(fraction: float) -> None:
    with pytest.raises(ValidationError, match="fraction"):
        DataConfig(fraction=fraction)


def test_a_limit_and_a_fraction_together_are_refused_with_what_to_drop() -> None:
    with pytest.raises(ValidationError, match="drop `fraction` to train on that many images, or `limit`"):
        DataConfig(limit=10, fraction=0.5)
    assert DataConfig(limit=10, fraction=1.0).limit == 10


def test_runs_on_a_subset_share_the_array_of_the_full_set(tmp_path: Path) -> None:
    part = SYNTHETIC.model_copy(update={"fraction": 0.5})
    prepare(SYNTHETIC, tmp_path)
    assert find(part, tmp_path) is not None
    assert data_key(part) == data_key(SYNTHETIC)
    assert changed_settings(DataConfig(fraction=0.5)) == {"fraction": 0.5}
    assert changed_settings(DataConfig(fraction=1.0)) == {}


@pytest.mark.slow
def test_no_worker_outlives_a_preparation_that_was_killed(tmp_path: Path):
    code = (
        "from pathlib import Path\n"
        "from fakeface.config import DataConfig\n"
        "from fakeface.data import prepare\n"
        f"if __name__ == '__main__': prepare(DataConfig(count=200_000), Path({str(tmp_path)!r}), workers=2)\n"
    )
    (tmp_path / "killed.py").write_text(code)
    process = psutil.Popen([sys.executable, str(tmp_path / "killed.py")], cwd=Path(__file__).parents[2])
    end = time.monotonic() + 60
    while len(workers := process.children(recursive=True)) < 2 and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(2)  # until they are at work
    workers = process.children(recursive=True)
    process.kill()
    process.wait()
    assert len(workers) >= 2
    assert psutil.wait_procs(workers, timeout=20)[1] == []
