"""The features of a pipeline as a step of a ``sklearn.pipeline.Pipeline``."""

from typing import Any, Self

from storax.data.exchange import tables
from storax.errors import InvalidInput


class Transformer:
    """A transformer of scikit-learn whose columns are the features that a pipeline learns.

    ``fit(X)`` takes what ``Pipeline.fit`` takes, a subset of a container, a data frame or a view, and learns from its
    target columns; ``y`` is left to later steps. ``transform(X)`` also takes rows of this process. Scikit-learn cannot
    cut folds out of a data frame, as in ``GridSearchCV``: ``storax.pipeline.tune`` searches parameters.

    Args:
        pipeline: The pipeline; each fit learns with a copy of it, as an edition of its name.
        peripheral: The tables around the population, as for ``Pipeline.fit``. Default None.
    """

    def __init__(self, pipeline: Any, peripheral: Any = None) -> None:
        self.pipeline = pipeline
        self.peripheral = peripheral

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803
        """Learn features.

        Args:
            X: The subset, a data frame or view.
            y: Of later steps; not used here.

        Raises:
            InvalidInput: ``X`` is no data of the engine, and what ``Pipeline.fit`` refuses.
        """
        self.pipeline_ = self.pipeline.__sklearn_clone__().fit(X, self.peripheral)
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        """Return the features as a numpy array, a row for each of the population's; NaN where one is not known."""
        features = self._fitted().transform(X, self.peripheral)
        return tables.library("numpy").column_stack([column.to_numpy() for column in features.columns])

    def fit_transform(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        """Learn features and return those of the same rows."""
        return self.fit(X, y).transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> Any:  # noqa: ARG002
        """Return the names of the features as a numpy array, in the order of the columns."""
        return tables.library("numpy").array(self._fitted().features.names, dtype=object)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return pipeline and peripheral tables, and with ``deep`` the parameters of the pipeline by name."""
        params = {"pipeline": self.pipeline, "peripheral": self.peripheral}
        below = self.pipeline.get_params() if deep else {}
        return {**params, **{f"pipeline__{name}": value for name, value in below.items()}}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by the names of ``get_params()``.

        Raises:
            InvalidInput: there is no such parameter.
        """
        for name in params:
            if name not in ("pipeline", "peripheral") and not name.startswith("pipeline__"):
                raise InvalidInput(f"A Transformer has no parameter {name!r}.", hint="It has pipeline and peripheral.")
        self.pipeline = params.get("pipeline", self.pipeline)
        self.peripheral = params.get("peripheral", self.peripheral)
        below = {name.removeprefix("pipeline__"): value for name, value in params.items() if "__" in name}
        self.pipeline.set_params(**below)
        return self

    def __sklearn_clone__(self) -> Self:
        """Return a transformer with a copy of the pipeline that has learned nothing."""
        return type(self)(self.pipeline.__sklearn_clone__(), self.peripheral)

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether it has learned features."""
        return hasattr(self, "pipeline_")

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn asks of an estimator: a transformer of anything, which may give NaN."""
        utils = tables.library("sklearn.utils", "scikit-learn")
        tags = utils.Tags(estimator_type=None, target_tags=utils.TargetTags(required=False))
        tags.transformer_tags = utils.TransformerTags()
        tags.input_tags.allow_nan = True
        return tags

    def __repr__(self) -> str:
        return f"Transformer({self.pipeline!r})"

    def _fitted(self) -> Any:
        if not self.__sklearn_is_fitted__():
            raise InvalidInput("The transformer has not been fitted.", hint="Call fit() first.")
        return self.pipeline_
