"""Names from records that lead out of a job's folder, and links."""

import os
from pathlib import Path

import pytest

from ablations.store import Outside, Store, check_no_links, file_in, has_file
from fakeface.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A job's folder with one grid, beside a secret, and with what a hostile store may hold."""
    (tmp_path / "secret").write_text("mine")
    folder = tmp_path / "job"
    (folder / "samples").mkdir(parents=True)
    (folder / "samples" / "1.png").touch()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "out").symlink_to(tmp_path)
    (folder / "circle").symlink_to("circle")
    (folder / "own-link").symlink_to("samples/1.png")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize("name", ["samples/1.png", "samples/2.png", "own-link", "a..b"])
def test_a_file_of_the_folder(name: str, folder: Path):
    assert file_in(folder, name) == folder / name


@pytest.mark.parametrize(
    "name",
    ["../secret", "samples/../../secret", "/etc/passwd", "link", "out/secret", "out/new", "pipe", "samples", ".", "",
     "..", "circle", "a\0b", None, 5, ["x"]],
)  # fmt: skip
def test_any_other_name_is_refused(name: object, folder: Path):
    with pytest.raises(Outside):
        file_in(folder, name)
    assert not has_file(folder, name)


def test_has_file(folder: Path):
    assert has_file(folder, "samples/1.png")
    assert not has_file(folder, "samples/2.png")


def test_a_folder_that_is_reached_through_a_link(folder: Path, tmp_path: Path):
    (tmp_path / "elsewhere").symlink_to(folder)
    assert file_in(tmp_path / "elsewhere", "samples/1.png")


def test_a_store_has_no_jobs_or_studies_that_are_links(tmp_path: Path):
    store = Store(tmp_path / "store")
    for parent, folders in ((store.jobs, store.job_folders), (store.studies, store.study_folders)):
        (parent / "own").mkdir(parents=True)
        (parent / "link").symlink_to(tmp_path)
        (parent / "file").touch()
        assert list(folders()) == [parent / "own"]


def test_nothing_is_written_through_a_link_or_into_a_pipe(folder: Path, tmp_path: Path):
    check_no_links(tmp_path / "new")
    check_no_links(folder / "samples")
    with pytest.raises(UserError, match="a link"):
        check_no_links(folder)
    for path in folder.iterdir():
        if path.is_symlink():
            path.unlink()
    with pytest.raises(UserError, match="pipe: a pipe"):
        check_no_links(folder)
    (tmp_path / "linked").symlink_to(folder / "samples")
    with pytest.raises(UserError, match="linked: a link"):
        check_no_links(tmp_path / "linked")
