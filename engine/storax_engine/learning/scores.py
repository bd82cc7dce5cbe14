"""How good predictions are: scores, and the points of the usual curves."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from storax_engine.learning.tables.columns import Floats

CURVE_POINTS = 1000
_EDGE = 1e-15


def score(task: str, targets: Sequence[str], truth: Floats, predicted: Floats) -> dict[str, float]:
    """The scores of all targets; with more than one target, each name is ``<score>.<target>``.

    Regression: mae, rmse, rsquared (squared correlation of truth and prediction). Classification: accuracy (at 0.5),
    auc, cross_entropy.
    """
    one = _regression if task == "regression" else _classification
    scores: dict[str, float] = {}
    for i, target in enumerate(targets):
        suffix = f".{target}" if len(targets) > 1 else ""
        scores |= {f"{k}{suffix}": v for k, v in one(truth[:, i], predicted[:, i]).items()}
    return scores


def _regression(y: Floats, p: Floats) -> dict[str, float]:
    varies = y.size > 1 and y.std() > 0 and p.std() > 0
    return {
        "mae": float(np.abs(y - p).mean()),
        "rmse": float(np.sqrt(((y - p) ** 2).mean())),
        "rsquared": float(np.corrcoef(y, p)[0, 1] ** 2) if varies else float("nan"),
    }


def _classification(y: Floats, p: Floats) -> dict[str, float]:
    # Imported here: a pipeline that only predicts has no use for it.
    from sklearn.metrics import roc_auc_score

    both = np.unique(y).size == 2
    safe = np.clip(p, _EDGE, 1 - _EDGE)
    return {
        "accuracy": float(((p >= 0.5) == (y == 1)).mean()),
        "auc": float(roc_auc_score(y, p)) if both else float("nan"),
        "cross_entropy": float(-(y * np.log(safe) + (1 - y) * np.log(1 - safe)).mean()),
    }


def curves(y: Floats, p: Floats) -> dict[str, Any]:
    """Points of the ROC, precision-recall and lift curves, thinned to 1,000 each."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    fpr, tpr, _ = roc_curve(y, p)
    precision, recall, _ = precision_recall_curve(y, p)
    proportion, lift = _lift(y, p)
    return {
        "roc": {"fpr": _thin(fpr), "tpr": _thin(tpr)},
        "precision_recall": {"recall": _thin(recall), "precision": _thin(precision)},
        "lift": {"proportion": _thin(proportion), "lift": _thin(lift)},
    }


def _lift(y: Floats, p: Floats) -> tuple[Floats, Floats]:
    """How many times more often the class is met among the rows with the highest predictions."""
    ranked = y[np.argsort(-p, kind="stable")]
    met = np.cumsum(ranked) / np.arange(1, y.size + 1)
    return np.arange(1, y.size + 1) / y.size, met / max(float(y.mean()), _EDGE)


def _thin(points: Floats) -> list[float]:
    at = np.unique(np.linspace(0, points.size - 1, min(points.size, CURVE_POINTS)).astype(int))
    return [float(v) for v in points[at]]
