"""What a pipeline is made of, and what the engine last said of it. Nothing here asks the engine."""

from collections.abc import Sequence
from typing import Any

from storax._engine.declaration import declared
from storax.data.model import DataModel
from storax.errors import InvalidInput
from storax.pipeline.results.scores import Scores

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
        self.tags = tags_of(tags)
        self.include_categorical = include_categorical
        self.share_selected_features = share_selected_features
        self._name = name
        self._row: dict[str, Any] | None = None
        self._scored: dict[str, Any] | None = None

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
    def is_classification(self) -> bool:
        """Whether it predicts a class, by its loss function or its predictors."""
        loss = self.loss_function if isinstance(self.loss_function, type) else type(self.loss_function)
        if self.loss_function is not None:
            return loss.__name__ == "CrossEntropyLoss"
        kinds = [str(declared(part)["kind"]) for part in self.predictors]
        return any(kind.endswith(("Classifier", "LogisticRegression")) for kind in kinds)

    @property
    def is_regression(self) -> bool:
        """Whether it predicts a number."""
        return not self.is_classification

    @property
    def scores(self) -> Scores:
        """Every score so far, oldest first; ``scores.auc`` and its like are those of the latest."""
        return Scores(self._fit()["scores"])

    @property
    def scored(self) -> bool:
        """Whether it was scored."""
        return bool(self._row and self._row["scores"])

    @property
    def accuracy(self) -> Any:
        """The latest share of right classes; a list where there are several targets, as with all scores."""
        return self.scores.accuracy

    @property
    def auc(self) -> Any:
        """The latest area under the ROC curve."""
        return self.scores.auc

    @property
    def cross_entropy(self) -> Any:
        """The latest cross entropy."""
        return self.scores.cross_entropy

    @property
    def mae(self) -> Any:
        """The latest mean absolute error."""
        return self.scores.mae

    @property
    def rmse(self) -> Any:
        """The latest root of the mean squared error."""
        return self.scores.rmse

    @property
    def rsquared(self) -> Any:
        """The latest squared correlation of predictions and truth."""
        return self.scores.rsquared

    def _fit(self) -> dict[str, Any]:
        if self._row is None:
            raise InvalidInput("The pipeline has not been fitted.", hint="Call fit() first.")
        return self._row


def listed(value: Any) -> list[Any]:
    """Return one or several as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def tags_of(tags: str | Sequence[str]) -> list[str]:
    """Return one or several tags as a list."""
    return [tags] if isinstance(tags, str) else list(tags)
