"""What can go wrong while features are made or learned from. Each error names the thing and the way out."""

from collections.abc import Callable


class LearningError(ValueError):
    """The description or the data cannot be used as they are; the text names the table, column or setting."""


class BadPlan(LearningError):
    """The description itself is wrong, whatever the data: an unknown kind, a leaky window, a join without keys."""


class BadData(LearningError):
    """The data do not fit the description: a missing column, text where numbers should be, a target of one class."""


class Cancelled(Exception):
    """The caller asked to stop; nothing was kept."""


def never() -> bool:
    """Return False: what nobody can cancel is never cancelled."""
    return False


def stop_if(cancelled: Callable[[], bool]) -> None:
    """Raise ``Cancelled`` if ``cancelled`` returns true."""
    if cancelled():
        raise Cancelled("the caller asked to stop")
