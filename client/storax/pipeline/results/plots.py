"""Curves of a classification, as points and as figures."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from storax.data.exchange import tables
from storax.errors import InvalidInput
from storax.pipeline.results import charts

Points = Mapping[str, Any]
_KINDS = {
    "roc": ("fpr", "tpr", "False positive rate", "True positive rate"),
    "precision_recall": ("recall", "precision", "Recall", "Precision"),
    "lift": ("proportion", "lift", "Proportion of the rows", "Lift"),
}


class Curve(tuple[Any, Any]):
    """Two arrays, ``fpr, tpr = pipe.plots.roc_curve()``, and the figure that they make."""

    kind: str
    target: str

    def __new__(cls, kind: str, target: str, points: Mapping[str, Any]) -> Self:
        """Make the arrays of one curve."""
        numpy, (x, y, *_) = tables.library("numpy"), _KINDS[kind]
        curve = super().__new__(cls, (numpy.array(points[x]), numpy.array(points[y])))
        curve.kind, curve.target = kind, target
        return curve

    def figure(self) -> Any:
        """A figure of matplotlib, which must be installed."""
        figures = tables.library("matplotlib.figure", "matplotlib")
        _, _, across, up = _KINDS[self.kind]
        figure = figures.Figure()
        axes = figure.subplots()
        axes.plot(*self)
        axes.set(xlabel=across, ylabel=up, title=self.target)
        return figure

    def to_vega_lite(self) -> dict[str, Any]:
        """Vega-Lite's description of the figure, as JSON; needs no library."""
        x, y, across, up = _KINDS[self.kind]
        values = [{x: a, y: b} for a, b in zip(self[0].tolist(), self[1].tolist(), strict=True)]
        axes = {"x": {"field": x, "type": "quantitative", "title": across},
                "y": {"field": y, "type": "quantitative", "title": up},
                "order": {"field": x, "type": "quantitative"}}  # fmt: skip
        return {
            "$schema": charts.SCHEMA,
            "title": self.target, "data": {"values": values}, "mark": "line", "encoding": axes,
        }  # fmt: skip


class Plots:
    """The curves of a pipeline: over the rows that were scored last, or over those that it is called with.

    ``pipe.plots.roc_curve()`` after ``pipe.score(container.test)``; ``pipe.plots(container.test)`` gives the points of
    all curves by target.
    """

    def __init__(self, points_of: Callable[[dict[str, Any]], Points], subset_of: Callable[..., dict[str, Any]],
                 scored: dict[str, Any] | None) -> None:  # fmt: skip
        self._points_of, self._subset_of, self._scored = points_of, subset_of, scored

    def __call__(self, population: Any, peripheral: Any = None) -> dict[str, Any]:
        """Points of the ROC, precision-recall and lift curves by target. Classification alone."""
        return dict(self._points_of(self._subset_of(population, peripheral)))

    def roc_curve(self, target_num: int = 0) -> Curve:
        """False and true positive rates, of one target by its number."""
        return self._curve("roc", target_num)

    def precision_recall_curve(self, target_num: int = 0) -> Curve:
        """Recall and precision, of one target by its number."""
        return self._curve("precision_recall", target_num)

    def lift_curve(self, target_num: int = 0) -> Curve:
        """Proportion of the rows and lift, of one target by its number."""
        return self._curve("lift", target_num)

    def _curve(self, kind: str, target_num: int) -> Curve:
        if self._scored is None:
            raise InvalidInput(
                "This handle of the pipeline has scored no rows whose curves could be drawn.",
                hint="Call pipe.score(container.test) first, or pipe.plots(container.test) for the points.",
            )
        points = self._points_of(self._scored)
        if not 0 <= target_num < len(points):
            raise InvalidInput(
                f"There is no target {target_num}.", hint=f"There are {len(points)}: {', '.join(points)}."
            )
        target = list(points)[target_num]
        return Curve(kind, target, points[target][kind])
