"""UNSET: an absent value, as opposed to None, which means null all the way to the database."""

from enum import Enum
from typing import Final, Literal


class Unset(Enum):
    """The type of ``UNSET``; an enum of one member, so that type checkers narrow on ``is UNSET``."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET
