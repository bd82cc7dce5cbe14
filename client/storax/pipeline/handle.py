"""Pipeline: hyperparameters in this process, and a handle to what the engine learned with them."""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from storax._engine import session
from storax.errors import NotFound, StoraxWarning
from storax.pipeline import representation
from storax.pipeline.columns import Columns
from storax.pipeline.conventions.parameters import Parameters
from storax.pipeline.conventions.transformer import Transformer
from storax.pipeline.deserialize import hyperparameters, stated_roles
from storax.pipeline.features import Features, Importances, Statements
from storax.pipeline.predictions.methods import Predictions
from storax.pipeline.results.plots import Plots
from storax.pipeline.results.scores import Score
from storax.pipeline.serialize import roles_of, spec_of, subset_of, tables_of, where_of
from storax.pipeline.submitted import Submitted


class Pipeline(Predictions, Parameters):
    """The unit of work: a data model, what learns features over it, and what predicts from them.

    It is only hyperparameters until ``fit()``; what was learned stays in the engine, which keeps it on its disk.

    Args:
        data_model: Which tables there are, and how they are joined; a StarSchema or TimeSeries brings its own.
        preprocessors: Of ``storax.preprocessors``.
        feature_learners: Of ``storax.feature_learning``.
        feature_selectors: Predictors whose importances choose features.
        predictors: Of ``storax.predictors``.
        loss_function: Of ``storax.feature_learning.loss_functions``; by default as the predictors need it.
        tags: Words by which to find it again.
        include_categorical: Whether categorical columns of the population become features.
        share_selected_features: Share of the features that selectors keep. Default 0.5.
        name: Under which each fit is an edition; by default six characters, drawn at the first fit.
    """

    @classmethod
    def _of(cls, row: dict[str, Any]) -> Self:
        """A handle to a fit, with what it was fitted with."""
        return cls(name=row["name"])._restore(row)

    # ---- what it learned --------------------------------------------------------------------------------------------

    @property
    def features(self) -> Features:
        """Names, importances and correlations of the features, and their SQL."""
        return Features(self._ask("show_pipeline", what="features"), Statements(self.id))

    @property
    def columns(self) -> Columns:
        """Importance of each column, by target, the most important first."""
        return Columns(self._ask("show_pipeline", what="columns"), tables_of(self.data_model))

    @property
    def tables(self) -> Importances:
        """Importance of each table, by target, the most important first."""
        return Importances(self._ask("show_pipeline", what="tables"))

    @property
    def warnings(self) -> list[str]:
        """Joins that found nothing when it was fitted, or whose keys are of differing types, as sentences."""
        return list(self._ask("show_pipeline", what="warnings"))

    # ---- work ------------------------------------------------------------------------------------------------------

    def check(self, population: Any, peripheral: Any = None) -> list[str]:
        """Return warnings about data that a fit accepts but that look wrong, one sentence each.

        Raises:
            InvalidInput: what would make ``fit`` fail.
        """
        arguments = {"spec": self._spec(), "subset": subset_of(population, peripheral)}
        return list(session.call_with_progress("Checking", "check_pipeline", arguments))

    def fit(
        self,
        population: Any,
        peripheral: Any = None,
        *,
        check: bool = False,
        site: str | None = None,
        job: Mapping[str, Any] | None = None,
        buckets: int | None = None,
    ) -> Self:
        """Learn from a subset of a container, as ``container.train``. Each fit is a new edition of its name.

        Args:
            population: The subset, or a data frame or view.
            peripheral: The tables around a data frame, by name of placeholder.
            check: Whether to warn of all that ``check()`` finds; of joins that find nothing it warns in any case.
            site: Name of the site where it runs as a job; by default it runs in the engine's process.
            job: Fields of that Job, as ``{"threads_per_rank": 8, "wall_time_min": 60, "max_attempts": 3}``.
            buckets: Into how many parts the tables are split, with a job for the features of each; for tables that
                are too large for one machine's memory. By default one job does it all.

        Raises:
            InvalidInput: the description or the data cannot be used; nothing is left of it then.
            JobFailed: the job at the site failed or was cancelled.
        """
        noted = self.check(population, peripheral) if check else []
        for message in noted:
            warnings.warn(message, StoraxWarning, stacklevel=2)
        arguments = self._fitting(population, peripheral) | where_of(site, job, buckets)
        return self._learned(session.call_with_progress(_label("Fitting", site), "fit_pipeline", arguments), noted)

    def submit(
        self,
        population: Any,
        peripheral: Any = None,
        *,
        site: str,
        job: Mapping[str, Any] | None = None,
        buckets: int | None = None,
    ) -> "Submitted[Self]":
        """Have a site learn, and return at once. The pipeline is kept when the job ends, also when this script has.

        Args and errors are those of ``fit()``; what the data make fail is told by the job.
        """
        arguments = self._fitting(population, peripheral) | where_of(site, job, buckets)
        return Submitted(self, session.call("submit_pipeline", arguments))

    def score(
        self,
        population: Any,
        peripheral: Any = None,
        *,
        site: str | None = None,
        job: Mapping[str, Any] | None = None,
    ) -> Score:
        """Predict what is known and say how well; the engine keeps it in the history.

        Args:
            population: The subset, or a data frame or view.
            peripheral: The tables around a data frame, by name of placeholder.
            site: Name of the site where it runs as a job; by default it runs in the engine's process.
            job: Fields of that Job.

        Returns:
            accuracy, auc and cross_entropy, or mae, rmse and rsquared; with several targets as ``rmse.<target>``.
        """
        subset = subset_of(population, peripheral)
        arguments = {"pipeline": str(self._fit()["id"]), "subset": subset, **where_of(site, job)}
        self._remember(session.call_with_progress(_label("Scoring", site), "score_pipeline", arguments))
        self._scored = subset
        return Score({k: v for k, v in self.scores[-1].items() if k not in ("date_time", "set_used", "job_id")})

    @property
    def plots(self) -> Plots:
        """The curves of a classification: ``pipe.plots.roc_curve()``, or all of ``pipe.plots(container.test)``."""
        return Plots(lambda subset: self._ask("plot_pipeline", subset=subset), subset_of, self._scored)

    def as_transformer(self, peripheral: Any = None) -> Transformer:
        """Return a transformer of scikit-learn whose columns are the features, for a ``sklearn.pipeline.Pipeline``.

        Args:
            peripheral: The tables around its population, as for ``fit()``. Default None.
        """
        return Transformer(self, peripheral)

    def refresh(self) -> Self:
        """Hear from the engine what it is now; what was changed in this handle is lost."""
        return self._restore(self._ask("describe_pipeline"))

    def delete(self) -> None:
        """Delete this fit; the handle is hyperparameters again."""
        self._ask("delete_pipeline")
        self._row = self._scored = None

    def __repr__(self) -> str:
        return representation.text(self)

    def _repr_html_(self) -> str:
        return representation.html(self)

    # ---- within ----------------------------------------------------------------------------------------------------

    def _spec(self) -> dict[str, Any]:
        return spec_of(self)

    def _fitting(self, population: Any, peripheral: Any) -> dict[str, Any]:
        name = self._name or (self._row["name"] if self._row else None)
        return {"name": name, "spec": self._spec(), "tags": self.tags, "subset": subset_of(population, peripheral)}

    def _ask(self, command: str, **arguments: Any) -> Any:
        return session.call(command, {"pipeline": str(self._fit()["id"]), **arguments})

    def _remember(self, row: dict[str, Any]) -> Self:
        self._row = row
        return self

    def _learned(self, row: dict[str, Any], noted: Sequence[str] = ()) -> Self:
        """Take over a new fit, and warn of what looked wrong, but for what was said before."""
        self._remember(row)
        with suppress(NotFound):  # whoever deleted it meanwhile needs no warning
            for message in self.warnings:
                if message not in noted:
                    warnings.warn(message, StoraxWarning, stacklevel=3)
        return self

    def _restore(self, row: dict[str, Any]) -> Self:
        """Take over all that the fit was made with, in place of what stands here."""
        mine, theirs = self.data_model, row["params"]
        same = mine is not None and (mine.to_spec(), roles_of(mine)) == (theirs["data_model"], stated_roles(theirs))
        self.__dict__ |= hyperparameters(theirs) | {"tags": list(row["tags"])}
        if same:
            self.data_model = mine  # the one that the schema shares
        self._name = row["name"]
        return self._remember(row)


def _label(doing: str, site: str | None) -> str:
    return doing if site is None else f"{doing} at {site}"
