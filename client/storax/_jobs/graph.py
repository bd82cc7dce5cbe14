"""Sort jobs that name each other as parents: every parent before its children."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from storax.errors import InvalidInput

T = TypeVar("T")


def parents_first(items: Sequence[T], parents: Callable[[T], Sequence[T]]) -> list[T]:
    """Sort ``items`` so that every parent comes before its children; keep their order where it does so already.

    Raises:
        InvalidInput: there is a cycle; the message names its members.
    """
    index = {id(item): i for i, item in enumerate(items)}
    if all(index[id(p)] < i for i, item in enumerate(items) for p in parents(item)):
        return list(items)
    from graphlib import CycleError, TopologicalSorter

    graph = {index[id(item)]: [index[id(p)] for p in parents(item)] for item in items}
    try:
        return [items[i] for i in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        names = " <- ".join(repr(items[i]) for i in error.args[1][:6])
        hint = "No job can wait for one that waits for it."
        raise InvalidInput(f"There is a cycle: {names}.", hint=hint) from None
