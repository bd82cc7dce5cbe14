"""What a pipeline is made of, and what the engine last said of it. Nothing here asks the engine."""

from collections.abc import Sequence
from typing import Any

from storax.data.model import DataModel
from storax.errors import InvalidInput

NOT_FITTED = "NOT FITTED"


class PipelineState:
    """The hyperparameters of a pipeline, and the row of its fit."""

    def __init__(
        self,
        data_model: DataModel | None = None,
        peripheral: Any = None,
        preprocessors: Any = (),
        feature_learners: Any = (),
        feature_selectors: Any = (),
        predictors: Any = (),
        loss_function: Any = None,
        tags: Sequence[str] = (),
        include_categorical: bool = False,
        share_selected_features: float = 0.5,
        *,
        name: str | None = None,
    ) -> None:
        self.data_model = data_model
        if peripheral is not None and data_model is not None:
            data_model.add(peripheral if isinstance(peripheral, (list, tuple)) else [peripheral])
        self.preprocessors = listed(preprocessors)
        self.feature_learners = listed(feature_learners)
        self.feature_selectors = listed(feature_selectors)
        self.predictors = listed(predictors)
        self.loss_function = loss_function
        self.tags = [tags] if isinstance(tags, str) else list(tags)
        self.include_categorical = include_categorical
        self.share_selected_features = share_selected_features
        self._name = name
        self._row: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        """Id of the fit, which is that of its ``PipelineRecord``; NOT FITTED before there is one."""
        return str(self._row["id"]) if self._row else NOT_FITTED

    @property
    def name(self) -> str:
        """Its name; NOT FITTED before there is one."""
        return str(self._row["name"]) if self._row else self._name or NOT_FITTED

    @property
    def edition(self) -> int:
        """Which fit under its name it is; 0 before the first."""
        return int(self._row["edition"]) if self._row else 0

    @property
    def fitted(self) -> bool:
        """Whether it was fitted."""
        return self._row is not None

    @property
    def targets(self) -> list[str]:
        """Names of the target columns."""
        return list(self._fit()["targets"])

    @property
    def frames(self) -> dict[str, int]:
        """Edition of each data frame that it was fitted on."""
        return dict(self._fit()["frames"])

    @property
    def scores(self) -> list[dict[str, Any]]:
        """Every score so far, oldest first."""
        return list(self._fit()["scores"])

    def _fit(self) -> dict[str, Any]:
        if self._row is None:
            raise InvalidInput("The pipeline has not been fitted.", hint="Call fit() first.")
        return self._row


def listed(value: Any) -> list[Any]:
    """Return one or several as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]
