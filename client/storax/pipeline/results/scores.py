"""How well a pipeline did: one entry for each call of ``score()``, with the scores as attributes."""

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any, Self, overload

from storax.pipeline import metrics


class Score(dict[str, Any]):
    """The scores of one call: ``score.auc`` and ``score["auc"]`` are the same.

    With several targets ``score["auc.TARGET"]`` is that of one, and ``score.auc`` the list of all.
    """

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        by_target = [value for key, value in self.items() if name in metrics.ALL and key.startswith(f"{name}.")]
        if not by_target:
            raise AttributeError(f"There is no {name!r} here, only {', '.join(self)}.")
        return by_target

    def _repr_html_(self) -> str:
        return _table([self])


class Scores(list[Score]):
    """Every score of a pipeline, oldest first; ``scores.auc`` and its like are those of the latest."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        super().__init__(row if isinstance(row, Score) else Score(row) for row in rows)

    def filter(self, conditional: Callable[[Score], Any]) -> Self:
        """Return the scores for which the function is true, as ``lambda score: score.set_used == "test"``."""
        return type(self)([score for score in self if conditional(score)])

    def sort(self, key: Callable[[Score], Any], descending: bool = False) -> Self:  # type: ignore[override]
        """The same, in the order of the key."""
        ordered: list[Any] = sorted(self, key=key, reverse=descending)
        return type(self)(ordered)

    @overload  # type: ignore[override]
    def __getitem__(self, key: int) -> Score: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    @overload
    def __getitem__(self, key: str) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return getattr(self, key)
        return type(self)(super().__getitem__(key)) if isinstance(key, slice) else super().__getitem__(key)

    def __getattr__(self, name: str) -> Any:
        if name not in metrics.ALL:
            raise AttributeError(f"Scores have no {name!r}; they are {', '.join(metrics.ALL)}.")
        if not self:
            raise AttributeError(f"There is no {name} yet: call score() first.")
        return getattr(self[-1], name)

    def _repr_html_(self) -> str:
        return _table(self)


def _table(scores: list[Score]) -> str:
    names = list(dict.fromkeys(name for score in scores for name in score if name != "job_id"))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = ("".join(f"<td>{escape(_cell(score.get(name, '')))}</td>" for name in names) for score in scores)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
