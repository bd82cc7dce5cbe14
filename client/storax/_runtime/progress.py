"""Progress bars for long work, and the one place that decides whether they are shown.

They are shown on stderr where that is a terminal, and in the cell of a notebook; not in a pipe or a file.
``STORAX_PROGRESS`` set to 1 or 0 shows or hides them everywhere.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

MANY = 10_000
_SWITCH = {**dict.fromkeys(("1", "true", "yes", "on"), True), **dict.fromkeys(("0", "false", "no", "off"), False)}


@dataclass
class Switches:
    """What this process chose; ``storax.utilities.progress`` sets it.

    Attributes:
        visible: whether bars are shown; None, the default, leaves it to ``STORAX_PROGRESS`` and the place.
        text: whether bars are text in a notebook too; by default False.
    """

    visible: bool | None = None
    text: bool = False


switches = Switches()


class Bar(Protocol):
    """A progress bar, with the one method used here."""

    def update(self, n: int) -> Any:
        """Advance by ``n``."""


class _NoBar:
    def update(self, n: int) -> None:
        """Show nothing."""


class _LateBar:
    """A bar for a total that is not known: it is shown once the count is large."""

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
    """Return whether bars are shown here."""
    if switches.visible is not None:
        return switches.visible
    switch = _SWITCH.get(os.environ.get("STORAX_PROGRESS", "").strip().lower())
    return switch if switch is not None else sys.stderr.isatty() or in_notebook()


def in_notebook() -> bool:
    """Return whether this is the kernel of a notebook, whose stderr is visible although it is no terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def counted(label: str, total: int | None, visible: bool | None = None) -> Iterator[Bar]:
    """Show a bar that counts, by default for a total of more than ``MANY`` where bars are shown.

    Args:
        label: Name of the work.
        total: Number of steps; None where it is not known.
        visible: Whether to show it; None, the default, decides by place and total.
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
    """Show a bar for work that reports the part done, from 0 to 1, and its current activity."""
    if not shown():
        yield lambda _part, _activity: None
        return
    with _tqdm(total=100, desc=label, unit="%", bar_format="{l_bar}{bar}| {elapsed}") as bar:

        def show(part: float, activity: str) -> None:
            bar.set_description(f"{label}: {activity}" if activity else label, refresh=False)
            bar.update(max(0.0, part * 100 - bar.n))

        yield show


def _tqdm(**options: Any) -> Any:
    """Make a bar of tqdm: a widget in a notebook with ipywidgets, else text."""
    if switches.text:
        from tqdm import tqdm as text_bar

        return text_bar(file=sys.stderr, **options)
    with warnings.catch_warnings():
        # tqdm warns where ipywidgets are missing; its text is a bar too.
        warnings.filterwarnings("ignore", message="IProgress not found")
        from tqdm.auto import tqdm

        return tqdm(file=sys.stderr, **options)
