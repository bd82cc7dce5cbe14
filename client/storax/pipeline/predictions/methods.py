"""What a fitted pipeline says of rows: predictions, probabilities of classes, features."""

from collections.abc import Mapping, Sequence
from typing import Any

from storax._engine import session
from storax.data.exchange import databases, tables
from storax.data.frame import DataFrame
from storax.errors import InvalidInput
from storax.pipeline.predictions import flat
from storax.pipeline.predictions.rows import are_local, local_rows, peripheral_of
from storax.pipeline.serialize import subset_of, where_of
from storax.pipeline.state import PipelineState


class Predictions(PipelineState):
    """The population of these calls is a subset of a container, a data frame or view, or rows of this process.

    Rows of this process are a pandas or polars DataFrame, any object of the Arrow PyCapsule protocol, a dict of lists
    by column, a list of dicts by row, or one row as a dict of values. They need the columns that the pipeline uses, and
    no targets. Their values are converted to the roles of the fit as an import does; other columns are left out.
    """

    def predict(self, population: Any, peripheral: Any = None) -> Any:
        """Predictions as a numpy array of a row for each of the population's, and a column for each target.

        Args:
            population: The subset, a data frame or view, or rows of this process.
            peripheral: The tables around it, as data frames or views by name of placeholder. Default None: those that
                the pipeline was fitted on, with the rows that they have now.

        Returns:
            Values, or of a classification the probability of class 1.

        Raises:
            NoColumn: the rows lack a column that the pipeline uses.
            InvalidInput: a value cannot be what its role asks for; or these are no rows.
            NoDataFrame: a data frame of the fit is not in memory.
        """
        return _array(self._rows("predict", population, peripheral))

    def predict_proba(self, population: Any, peripheral: Any = None) -> Any:
        """Probabilities of the classes 0 and 1 as a numpy array of a row for each of the population's; two columns.

        With several targets a list of such arrays, one for each. Arguments and errors are those of ``predict()``.

        Raises:
            InvalidInput: the pipeline is a regression.
        """
        predictions = self._rows("predict", population, peripheral)
        task = (predictions.schema.metadata or {}).get(b"task", b"").decode()
        if task != "classification" and not (self.is_classification and not task):
            raise InvalidInput("The pipeline predicts numbers, which have no probabilities.", hint="Call predict().")
        numpy = tables.library("numpy")
        ones = [column.to_numpy() for column in predictions.columns]
        both = [numpy.column_stack([1.0 - one, one]) for one in ones]
        return both[0] if len(both) == 1 else both

    def transform(
        self,
        population: Any,
        peripheral: Any = None,
        *,
        keep: Sequence[str] = (),
        site: str | None = None,
        job: Mapping[str, Any] | None = None,
        buckets: int | None = None,
        df_name: str = "",
        table_name: str = "",
        conn: Any = None,
    ) -> Any:
        """The features as a pyarrow Table, a row for each of the population's; null where one is not known.

        ``numpy.asarray(pipe.transform(container.test))`` is the array of them.

        Args:
            population: The subset, a data frame or view, or rows of this process.
            peripheral: Those of ``predict()``.
            keep: Names of columns of the population that stand before the features, such as join keys and unused
                columns. Default: none.
            site, job, buckets: Those of ``fit()``; not for rows of this process.
            df_name: Name of a data frame that is made of the features, with the population's targets, keys and time
                stamps; its handle is returned then.
            table_name: Name of a table that is made of the same columns in a database.
            conn: The database of that table, as in ``DataFrame.to_db``.

        Raises:
            NoColumn: the population lacks a column that the pipeline uses, or one of ``keep``.
            InvalidInput: a feature has the name of a column in ``keep``, and what ``predict()`` refuses.
        """
        kept = [keep] if isinstance(keep, str) else list(keep)
        named, where = bool(df_name or table_name), where_of(site, job, buckets)
        if are_local(population):
            table, roles = self._local_features(population, peripheral, kept, site, carry=named)
        else:
            table = self._transformed(population, peripheral, kept, site, where)
            if named:
                subset = subset_of(population, peripheral)
                table, roles = flat.with_targets(table, subset, self._fit()["params"], kept)
        if table_name:
            databases.write(table_name, table, conn)
        return DataFrame.from_arrow(table, df_name, roles=roles) if df_name else table

    # ---- within ----------------------------------------------------------------------------------------------------

    def _rows(self, command: str, population: Any, peripheral: Any, **more: Any) -> Any:
        """Return what the engine answers to a command about rows, as a pyarrow Table."""
        fit = str(self._fit()["id"])
        if not are_local(population):
            arguments = {"pipeline": fit, "subset": subset_of(population, peripheral), **more}
            return tables.received(command, arguments)
        arguments = {"pipeline": fit, "peripheral": peripheral_of(peripheral), **more}
        return tables.received(f"{command}_rows", arguments, rows=local_rows(population))

    def _local_features(
        self, population: Any, peripheral: Any, keep: list[str], site: str | None, *, carry: bool
    ) -> tuple[Any, dict[str, list[str]]]:
        """Return the features of rows of this process, and the roles of a data frame of them."""
        if site is not None:
            raise InvalidInput(
                "A site computes features of data frames, and these rows are in this process.",
                hint="Make a data frame of them: storax.data.DataFrame(name, data=rows, roles=...).",
            )
        rows, params = local_rows(population), self._fit()["params"]
        kept = flat.carried_of(params, rows.schema.names, keep) if carry else keep
        features = self._rows("transform", rows, peripheral, **({"keep": kept} if kept else {}))
        return features, flat.roles_of(params, kept, features.column_names)

    def _transformed(
        self, population: Any, peripheral: Any, keep: list[str], site: str | None, where: dict[str, Any]
    ) -> Any:
        if site is None:
            return self._rows("transform", population, peripheral, **({"keep": keep} if keep else {}))
        subset = subset_of(population, peripheral)
        arguments = {"pipeline": str(self._fit()["id"]), "subset": subset, **where}
        reply = session.call_with_progress(f"Transforming at {site}", "transform_at_site", arguments)
        features = tables.received("transformed", {"result": reply["result"]})
        return flat.with_kept(features, subset, keep)


def _array(predictions: Any) -> Any:
    return tables.library("numpy").column_stack([column.to_numpy() for column in predictions.columns])
