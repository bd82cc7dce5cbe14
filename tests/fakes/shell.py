"""The command line in this process, against a scripted server: what it prints, what it says, how it exits."""

from dataclasses import dataclass

import pytest

from fakes.rest import Script, client_of
from storax.cli import main


@dataclass(frozen=True)
class Ran:
    """One command line that has ended."""

    status: int
    out: str
    err: str


class Shell:
    """``shell("job", "ls")`` runs a command against ``shell.script``."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.script = Script()
        self._capsys = capsys

    def __call__(self, *argv: str) -> Ran:
        self._capsys.readouterr()
        with client_of(self.script, connect_within=0.01), pytest.raises(SystemExit) as ended:
            main(argv)
        output = self._capsys.readouterr()
        return Ran(int(ended.value.code or 0), output.out, output.err)
