"""The notes of commands that create work for a site whose agent is not there."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from storax.cli.terminal.output import note
from storax.errors import AgentAbsent


@contextmanager
def absence_noted() -> Iterator[None]:
    """Print the warnings of absent agents as notes, at the end; others are shown as ever."""
    notes: list[str] = []
    with warnings.catch_warnings():
        show: Any = warnings.showwarning

        def collect(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, AgentAbsent):
                notes.append(f"Warning: {message}")
            else:
                show(message, category, *rest, **more)

        warnings.showwarning = collect
        warnings.simplefilter("always", AgentAbsent)
        yield
    for line in notes:
        note(line)
