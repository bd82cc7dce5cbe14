"""A time series: a table that sees its own past."""

from collections.abc import Mapping
from typing import Any

from storax.data.container import StarSchema
from storax.data.model import Duration, On, Placeholder
from storax.errors import InvalidInput

__all__ = ["TimeSeries"]


class TimeSeries(StarSchema):
    """A container and data model in which the population is joined with itself.

    With one ``population`` and a split, every subset sees the whole population's past; with a frame per subset
    (``train=..., test=...``) each sees its own. A fit uses the roles that the data frames have then.

    Args:
        time_stamps: the time stamp's name.
        on: keys of the separate series in the table, if there are several.
        alias: name of the population's placeholder. Default ``population``.
        horizon, memory, lagged_targets, upper_time_stamp: see ``Placeholder.join``.
    """

    def __init__(
        self,
        population: Any = None,
        time_stamps: str | None = None,
        on: On = None,
        alias: str = "population",
        peripheral: Mapping[str, Any] | None = None,
        split: Any = None,
        deep_copy: bool = False,
        memory: Duration = None,
        horizon: Duration = None,
        lagged_targets: bool = False,
        upper_time_stamp: str | None = None,
        **subsets: Any,
    ) -> None:
        if not time_stamps:
            raise InvalidInput("A time series needs time_stamps, the name of its time stamp.")
        super().__init__(population, alias, peripheral, split, deep_copy, **subsets)
        self.past = f"{alias}_past"
        past = Placeholder.of(population, self.past)
        self.data_model.add(past)
        self.data_model.population.join(
            past,
            on,
            time_stamps,
            memory=memory,
            horizon=horizon,
            lagged_targets=lagged_targets,
            upper_time_stamp=upper_time_stamp,
        )

    def subset(self, name: str) -> Any:
        """A subset; its past is the whole population, or the subset's own frame."""
        spec = super().subset(name)
        past = self.population if self.population is not None else spec.population
        return type(spec)(spec.name, spec.population, {**spec.peripheral, self.past: past})
