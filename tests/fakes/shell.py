"""The command line in this process, against a scripted server: what it prints, what it says, how it exits."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from fakes.rest import Script, client_of
from storax.cli import main
from storax.models.site import Site


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
        now = datetime.now(UTC).isoformat()
        self.script.on(
            "GET", "/sites/1", dict.fromkeys(Site._columns) | {"id": 1, "name": "laptop", "last_refresh": now}
        )
        self.script.on("POST", "/sessions/query", {"columns": ["id"], "rows": [[1]], "next": None, "count": None})
        self._capsys = capsys

    def __call__(self, *argv: str) -> Ran:
        self._capsys.readouterr()
        with client_of(self.script, connect_within=0.01), pytest.raises(SystemExit) as ended:
            main(argv)
        output = self._capsys.readouterr()
        return Ran(int(ended.value.code or 0), output.out, output.err)
