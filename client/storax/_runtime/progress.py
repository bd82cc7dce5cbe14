"""Bars for work that takes long, and the one place that decides whether they are shown.

They are on stderr where that is a terminal, and in the cell of a notebook; not in a pipe or a file. ``STORAX_PROGRESS``
set to 1 or 0 shows or hides them wherever it runs.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

MANY = 10_000
_SWITCH = {**dict.fromkeys(("1", "true", "yes", "on"), True), **dict.fromkeys(("0", "false", "no", "off"), False)}


class Bar(Protocol):
    """A progress bar, as far as it is used here."""

    def update(self, n: int) -> Any:
        """Count ``n`` more."""


class _NoBar:
    def update(self, n: int) -> None:
        """Nobody looks."""


class _LateBar:
    """For a number that nobody knows before: it is shown once it is large."""

    def __init__(self, label: str, many: int) -> None:
        self._label, self._many, self._count, self._bar = label, many, 0, None

    def update(self, n: int) -> None:
        self._count += n
        if self._bar is None and self._count > self._many:
            self._bar = _tqdm(total=None, desc=self._label, unit=" rows", initial=self._count)
        elif self._bar is not None:
            self._bar.update(n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def shown() -> bool:
    """Whether bars are shown here."""
    switch = _SWITCH.get(os.environ.get("STORAX_PROGRESS", "").strip().lower())
    return switch if switch is not None else sys.stderr.isatty() or in_notebook()


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook, whose stderr is no terminal and is seen all the same."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def counted(label: str, total: int | None, visible: bool | None = None) -> Iterator[Bar]:
    """A bar that counts: where it is asked for, and unasked when there are more than ``MANY``.

    Args:
        label: What is being done.
        total: How many there are; None where nobody knows.
        wanted: Show it or do not, whatever the place and number.
    """
    if not (visible if visible is not None else shown() and (total is None or total > MANY)):
        yield _NoBar()
    elif total is None:
        late = _LateBar(label, -1 if visible else MANY)
        try:
            yield late
        finally:
            late.close()
    else:
        with _tqdm(total=total, desc=label, unit="") as bar:
            yield bar


@contextmanager
def parts(label: str) -> Iterator[Callable[[float, str], None]]:
    """A bar for work that tells its part done, from 0 to 1, and in words what it is at."""
    if not shown():
        yield lambda _part, _activity: None
        return
    with _tqdm(total=100, desc=label, unit="%", bar_format="{l_bar}{bar}| {elapsed}") as bar:

        def show(part: float, activity: str) -> None:
            bar.set_description(f"{label}: {activity}" if activity else label, refresh=False)
            bar.update(max(0.0, part * 100 - bar.n))

        yield show


def _tqdm(**options: Any) -> Any:
    """A bar of tqdm: a widget in a notebook that has ipywidgets, else text."""
    with warnings.catch_warnings():
        # tqdm warns where ipywidgets are missing; its text is a bar too.
        warnings.filterwarnings("ignore", message="IProgress not found")
        from tqdm.auto import tqdm

        return tqdm(file=sys.stderr, **options)
