"""The memory of one process for bodies and answers under way: what a call takes it gives back once it is answered."""

from collections import Counter
from contextlib import ExitStack

from starlette.types import Scope

from storax_core.errors import TooMany, Unavailable

STRANGER = 0  # stands for all callers without a token


def until_answered(scope: Scope) -> ExitStack:
    """Return what is undone when the call of this scope has been answered."""
    state = scope.setdefault("state", {})
    if "until_answered" not in state:
        state["until_answered"] = ExitStack()
    stack: ExitStack = state["until_answered"]
    return stack


class Memory:
    """At most ``total`` bytes at once, and half of it for one owner; a call that is alone may have more."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._of: Counter[int] = Counter()

    @property
    def used(self) -> int:
        """Bytes that are taken now."""
        return sum(self._of.values())

    def of(self, scope: Scope) -> "Holding":
        """Return what the call of this scope holds; it is given back when the call has been answered."""
        state = scope.setdefault("state", {})
        if "holding" not in state:
            state["holding"] = Holding(self, state.get("owner_id", STRANGER))
            until_answered(scope).callback(state["holding"].give_back)
        holding: Holding = state["holding"]
        return holding

    def take(self, owner: int, size: int, *, held: int) -> None:
        """Take bytes for a call that holds so many. Raises TooMany or Unavailable."""
        others = self._of[owner] - held
        if others and self._of[owner] + size > self._total // 2:
            raise TooMany("your calls under way are too large together", hint="Send fewer large calls at once.")
        used = self.used
        if used > held and used + size > self._total:
            raise Unavailable("too many large calls are under way", hint="Try again in a moment, with the same key.")
        self._of[owner] += size

    def give(self, owner: int, size: int) -> None:
        """Give bytes back."""
        self._of[owner] -= size
        if not self._of[owner]:
            del self._of[owner]


class Holding:
    """The bytes that one call holds."""

    def __init__(self, memory: Memory, owner: int) -> None:
        self._memory, self._owner = memory, owner
        self.size = 0

    def add(self, size: int) -> None:
        """Hold more. Raises TooMany or Unavailable."""
        self._memory.take(self._owner, size, held=self.size)
        self.size += size

    def give_back(self) -> None:
        """Hold nothing any more."""
        if self.size:
            self._memory.give(self._owner, self.size)
        self.size = 0
