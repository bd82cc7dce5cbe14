"""`storax admin` opens the database that was named, or this machine's stack; never one that nobody named."""

import os
import re
from pathlib import Path

import pytest
import typer

from storax._runtime.processes import identify
from storax.cli.commands import load
from storax.cli.database import database_url, with_stack
from storax.cli.terminal.failures import CommandError, UsageError
from storax.local.folder import Folder
from storax.local.state import PartRecord, Stack

NAMED, KEPT = "postgresql://named/storax", "postgresql://storax:word@127.0.0.1:41234/storax"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STORAX_HOME", str(tmp_path))
    monkeypatch.delenv("STORAX_DATABASE_URL", raising=False)
    return tmp_path


def stack_in(place: Path, *, runs: bool) -> Path:
    """A data folder whose Postgres is this very process, or nobody."""
    folder = Folder(place)
    folder.prepare()
    postgres = PartRecord(argv=["postgres"], process=identify(os.getpid()) if runs else None)
    folder.write(Stack(database_url=KEPT, parts={"postgres": postgres}))
    return place


def test_the_stack_that_runs_is_found(home: Path) -> None:
    stack_in(home / "local", runs=True)
    assert database_url(None, None) == KEPT


def test_a_stack_elsewhere_is_found_by_its_folder_whatever_the_variable_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAX_DATABASE_URL", NAMED)
    assert database_url(NAMED, stack_in(home / "other", runs=True)) == KEPT


def test_what_is_named_wins_over_the_stack(home: Path) -> None:
    stack_in(home / "local", runs=True)
    assert database_url(NAMED, None) == NAMED


def test_two_names_are_refused(home: Path) -> None:
    with pytest.raises(UsageError, match="two databases"):
        database_url(NAMED, stack_in(home / "local", runs=True))


@pytest.mark.parametrize("folder_exists", [True, False])
def test_without_a_running_stack_no_database_is_guessed(home: Path, folder_exists: bool) -> None:
    if folder_exists:
        stack_in(home / "local", runs=False)
    with pytest.raises(CommandError, match=f"^no database is named, and no stack runs in {home}") as raised:
        database_url(None, None)
    assert raised.value.status == 8
    assert "storax up" in raised.value.hint


def test_every_command_that_opens_a_database_takes_the_folder_of_a_stack() -> None:
    group = load("admin")
    assert group is not None
    assert group.commands
    for command in [command for name, command in group.commands.items() if name != "roles"]:  # which prints SQL
        names = {name for option in command.params for name in option.opts}
        assert {"--data", "--database-url"} <= names, command.name


def test_the_commands_themselves_stay_as_they_were(home: Path) -> None:
    calls = []
    app = typer.Typer()

    @app.command()
    def verify(database_url: str | None = None, deep: bool = False) -> None:
        calls.append((database_url, deep))

    app.command()(lambda: None)
    stack_in(home / "local", runs=True)
    callback = with_stack(app).registered_commands[0].callback
    assert callback is not None
    callback(database_url=None, deep=True, data=None)
    verify(database_url=None)
    assert calls == [(KEPT, True), (None, False)]


def test_rebuild_says_which_database_it_asks_about_and_shows_no_password(shell) -> None:
    ran = shell("admin", "rebuild", "--database-url", KEPT)
    assert ran.status == 2, "nobody said yes"
    assert re.search(r"projection of 127\.0\.0\.1:41234/storax from", ran.out + ran.err)
    assert "word" not in ran.out + ran.err


@pytest.mark.parametrize("folder", [None, Path("/elsewhere")])
def test_archives_of_a_stack_go_into_its_folder_unless_another_is_named(home: Path, folder: Path | None) -> None:
    place, seen, group = stack_in(home / "other", runs=True), [], typer.Typer()

    @group.command()
    def archive(database_url: str | None = None, folder: Path | None = None) -> None:
        seen.append((database_url, folder))

    (command,) = with_stack(group).registered_commands
    assert command.callback is not None
    command.callback(data=place, database_url=None, folder=folder)
    assert seen == [(KEPT, folder or place / "archives")]
