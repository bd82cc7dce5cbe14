"""A file is replaced whole or not at all, with the mode that was named, and leaves nothing beside it."""

import os
import stat
from pathlib import Path

import pytest

from storax._runtime.atomic_files import atomic_file, atomic_write


def names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("durable", [False, True])
def test_the_new_content_replaces_the_old(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "state.json"
    atomic_write(path, "old", durable=durable)
    atomic_write(path, "n\N{LATIN SMALL LETTER E WITH ACUTE}w", durable=durable)
    assert path.read_bytes() == b"n\xc3\xa9w"
    assert names_in(tmp_path) == ["state.json"]


def test_readers_see_the_old_content_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("old")
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_an_error_keeps_the_old_content_and_leaves_no_scratch_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("old")
    with pytest.raises(TypeError), atomic_file(path) as file:
        file.write("not bytes")  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["state.json"]


def test_a_file_that_cannot_be_replaced_leaves_no_scratch_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        atomic_write(tmp_path / "folder", "text")
    assert names_in(tmp_path) == ["folder"]


def test_a_secret_is_never_readable_by_others_not_even_while_it_is_written(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        with atomic_file(tmp_path / "token", mode=0o600) as file:
            assert mode_of(Path(f"/proc/self/fd/{file.fileno()}")) == 0o600
    finally:
        os.umask(umask)
    assert mode_of(tmp_path / "token") == 0o600


def test_the_mode_that_is_named_holds_whatever_the_umask(tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        atomic_write(tmp_path / "named", "text", mode=0o444)
        atomic_write(tmp_path / "unnamed", "text")
    finally:
        os.umask(umask)
    assert (mode_of(tmp_path / "named"), mode_of(tmp_path / "unnamed")) == (0o444, 0o600)
