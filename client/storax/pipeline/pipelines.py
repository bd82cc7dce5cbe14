"""Pipelines: all fits of the project that is set."""

from collections.abc import Callable, Iterator
from html import escape
from typing import Any, overload

from storax._engine import session
from storax.errors import NoPipeline
from storax.pipeline import representation
from storax.pipeline.handle import Pipeline

_HEAD = ("id", "name", "edition", "tags", "feature learners", "targets", "latest score", "set used")


class Pipelines:
    """The fits of a project, oldest first: a picture of the moment at which it was made."""

    def __init__(self, pipelines: list[Pipeline] | None = None) -> None:
        if pipelines is None:
            pipelines = [Pipeline._of(row) for row in session.call("list_pipelines")]
        self._pipelines = pipelines

    @property
    def ids(self) -> list[str]:
        """Their ids."""
        return [pipeline.id for pipeline in self._pipelines]

    @property
    def names(self) -> list[str]:
        """Their names, each once."""
        return list(dict.fromkeys(pipeline.name for pipeline in self._pipelines))

    def __len__(self) -> int:
        return len(self._pipelines)

    def __iter__(self) -> Iterator[Pipeline]:
        return iter(self._pipelines)

    @overload
    def __getitem__(self, key: int | str) -> Pipeline: ...
    @overload
    def __getitem__(self, key: slice) -> "Pipelines": ...
    def __getitem__(self, key: int | str | slice) -> "Pipeline | Pipelines":
        if isinstance(key, slice):
            return Pipelines(self._pipelines[key])
        if isinstance(key, int):
            return self._pipelines[key]
        matches = [pipeline for pipeline in self._pipelines if key in (pipeline.id, pipeline.name)]
        if not matches:
            raise NoPipeline(f"There is no pipeline {key!r}.", hint=f"There are: {', '.join(self.names) or 'none'}.")
        return matches[-1]

    def filter(self, conditional: Callable[[Pipeline], Any]) -> "Pipelines":
        """Return the pipelines for which the function is true."""
        return Pipelines([pipeline for pipeline in self._pipelines if conditional(pipeline)])

    def sort(self, key: Callable[[Pipeline], Any], descending: bool = False) -> "Pipelines":
        """The same, in the order of the key."""
        return Pipelines(sorted(self._pipelines, key=key, reverse=descending))

    def __repr__(self) -> str:
        lines = [list(_HEAD), *map(_line, self._pipelines)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in _HEAD)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _line(pipeline))}</tr>"
            for pipeline in self._pipelines
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _line(pipeline: Pipeline) -> list[str]:
    used = str(pipeline.scores[-1].get("set_used", "")) if pipeline.scores else ""
    return [pipeline.id, pipeline.name, str(pipeline.edition), ", ".join(pipeline.tags),
            ", ".join(representation.kinds(pipeline.feature_learners)), ", ".join(pipeline.targets),
            representation.latest(pipeline), used]  # fmt: skip
