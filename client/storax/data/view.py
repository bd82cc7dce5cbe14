"""A view: some rows and columns of a data frame, or some more; worked out anew whenever it is used."""

from typing import Any, Self

from storax._engine import session
from storax.data.source import Source, Step


class View(Source):
    """Steps over a data frame, made by ``where``, ``drop``, ``with_column`` and slices; it changes nothing itself."""

    def __init__(self, frame: str, steps: list[Step]) -> None:
        self._frame = frame
        self._steps = steps
        self._last: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """Name of the data frame that it is a view of."""
        return self._frame

    def refresh(self) -> Self:
        """Look at the data frame again: its columns and rows may have changed."""
        self._last = None
        return self

    def to_df(self, name: str) -> Any:
        """Make a data frame of it."""
        from storax.data.frame import DataFrame

        return DataFrame.from_view(self, name)

    def _described(self) -> dict[str, Any]:
        if self._last is None:
            self._last = session.ask("look", self._asked())
        return self._last

    def _asked(self, more: Any = ()) -> dict[str, Any]:
        return {"source": {"frame": self._frame, "steps": [*self._steps, *more]}}

    def _title(self) -> str:
        return f"View of {self._frame!r}"
