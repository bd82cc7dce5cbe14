"""No path leaves its folder: not by '..', not by a symlink, not by one swapped in between."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from storax_agent.files.safe_path import PathError, open_folder, open_parent, split


@pytest.fixture
def root(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "data").mkdir()
    handle = os.open(tmp_path / "data", os.O_RDONLY | os.O_DIRECTORY)
    yield handle
    os.close(handle)


@pytest.mark.parametrize("path", ["..", "../outside", "a/../../outside", "/etc", "a/..", "a\0b", "x" * 5000, "//etc"])
def test_a_path_that_leads_out_is_refused(root, tmp_path, path):
    with pytest.raises(PathError):
        open_folder(root, path, create=True)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_symlink_is_never_followed(root, tmp_path):
    (tmp_path / "data/link").symlink_to(tmp_path / "outside")
    (tmp_path / "data/a").mkdir()
    (tmp_path / "data/a/up").symlink_to("../..")
    for path in ("link", "link/x", "a/up", "a/up/outside/x"):
        with pytest.raises(PathError, match="symlink"):
            open_folder(root, path, create=True)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_file_in_the_way_is_refused(root, tmp_path):
    (tmp_path / "data/file").write_text("x")
    with pytest.raises(PathError):
        open_folder(root, "file/x", create=True)


def test_folders_are_made_for_all_to_read(root, tmp_path):
    before = os.umask(0o022)
    try:
        os.close(open_folder(root, "a//./b/c", create=True))
    finally:
        os.umask(before)
    assert (tmp_path / "data/a/b/c").is_dir()
    assert (tmp_path / "data/a/b").stat().st_mode & 0o777 == 0o755
    os.close(open_folder(root, "a/b/c", create=True))


def test_a_missing_folder_is_not_made_unasked(root):
    with pytest.raises(FileNotFoundError):
        open_folder(root, "a/b")


def opened_below(folder):
    """The targets of this process' descriptors that lead into a folder: other tests' sockets may close meanwhile."""
    targets = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            targets.append(link.readlink())
    return sorted(target for target in targets if target.is_relative_to(folder))


def test_no_descriptor_leaks(root, tmp_path):
    before = opened_below(tmp_path)
    for path in ("a/b", "../x", "a/b"):
        with suppress(PathError):
            os.close(open_folder(root, path, create=True))
    assert opened_below(tmp_path) == before == [tmp_path / "data"]


def test_the_parent_and_the_name_of_a_file(root):
    handle, name = open_parent(root, "a/b/c.txt", create=True)
    os.close(handle)
    assert name == "c.txt"
    with pytest.raises(PathError, match="folder itself"):
        open_parent(root, ".")
    assert split("./a//b/.") == ["a", "b"]
