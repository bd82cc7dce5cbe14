"""Help is there for every command, with examples, and costs nothing but Typer itself."""

import re
import subprocess
import sys

import pytest
import typer

from fakes.terminal import STORAX
from storax.cli.commands import COMMANDS, load

MINE = [name for name, entry in COMMANDS.items() if entry.module]
HEAVY = {
    "rich",
    "httpx",
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "tqdm",
    "asyncio",
    "storax._runtime.transport",
    "storax.models.job",
}


def leaves(command, path):
    inner = getattr(command, "commands", {})
    for name, one in inner.items():
        yield from leaves(one, (*path, name))
    if not inner:
        yield path, command


ALL = [leaf for name in MINE for leaf in leaves(load(name), (name,))]


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_says_what_it_does_and_shows_an_example(path, command):
    ctx = typer.Context(command, info_name=path[-1])
    text = command.get_help(ctx)
    assert re.search(r"Examples?:", text)
    assert f"storax {' '.join(path)}" in text, "the example must be of this command"
    for parameter in command.params:
        if parameter.name != "help":
            assert parameter.help, f"{parameter.name} is not explained"


def test_the_list_of_commands_is_there_without_importing_them():
    ran = subprocess.run([sys.executable, "-X", "importtime", STORAX, "--help"], capture_output=True, text=True)
    assert ran.returncode == 0
    assert set(re.findall(r"^  (\w+)  ", ran.stdout, re.MULTILINE)) == set(COMMANDS)
    assert re.search(r"Exit status: 0 success, 1 error", ran.stdout)
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert not imported & HEAVY
    assert not {name for name in imported if name.startswith("storax.cli.") and name.rpartition(".")[2] in COMMANDS}


def test_every_module_of_the_table_brings_its_command():
    assert all(load(name) is not None for name in MINE)
    assert load("nonsense") is None
