"""Measure getML and featuretools on the tasks of row 19, in the same run. A system that cannot run is reported."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.engine_tasks import XGB, Task
from benchmarks.measure import Table, progress
from benchmarks.peers import learning_systems
from benchmarks.peers.home import PeerError

FEW = 200  # rows that featuretools is asked for


class Peers:
    """The other systems that could be installed."""

    def __init__(self, table: Table, folder: Path) -> None:
        self._table, self._folder = table, folder
        self.matrix = folder / "getml.npy"
        self._there = {name for name in learning_systems.NEEDS if self._installed(name)}

    def import_(self, csv: Path, parquet: Path, roles: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return getML's CPU seconds for each step of an import; None if it was not measured."""
        return self._measure("getml", {"csv": str(csv), "parquet": str(parquet), "roles": roles})

    def learn(self, task: Task) -> dict[str, Any] | None:
        """Return getML's CPU seconds, score and milliseconds for one row, and write its features to ``matrix``."""
        return self._measure("getml", {**self._task_description(task), "matrix": str(self.matrix)})

    def deep(self, task: Task, mine: float) -> None:
        """Add featuretools' row: CPU time for each row of the test data, beside ours in seconds."""
        figures = self._measure("featuretools", {**self._task_description(task), "rows": FEW})
        if figures:
            each = figures["transform_row"]
            figure = f"{mine * 1e6:.1f} us of CPU a row; featuretools {each * 1e6:,.0f} = {each / mine:,.0f} x"
            self._table.add("19", f"{task.name}: transform, for each row", figure, "-")

    def _task_description(self, task: Task) -> dict[str, Any]:
        files = {name: str(path) for name, path in task.files(self._folder).items()}
        spec = task.spec
        return {
            "files": files, "joins": spec["data_model"]["joins"], "roles": spec["roles"], "metric": task.metric,
            "xgboost": XGB,
        }  # fmt: skip

    def _installed(self, name: str) -> bool:
        try:
            progress(f"{name} {learning_systems.install(name)}")
        except PeerError as error:
            self._lost(name, error)
            return False
        return True

    def _measure(self, name: str, description: Mapping[str, Any]) -> dict[str, Any] | None:
        if name not in self._there:
            return None
        progress(f"  {name}")
        try:
            return learning_systems.ask(name, description)
        except PeerError as error:
            self._lost(name, error)
            return None

    def _lost(self, name: str, error: PeerError) -> None:
        progress(f"{name} IS NOT MEASURED: {error}")
        self._table.sections.append(f"\n**{name} was not measured everywhere: {error}**\n")


def parquet_of(table: Any, path: Path) -> Path:
    """Return the rows as a Parquet file, for systems that run in another environment."""
    if not path.exists():
        pq.write_table(table, path)
    return path
