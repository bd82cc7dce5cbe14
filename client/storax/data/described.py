"""What is known of the columns and rows of a data frame or view, as last heard from the engine."""

from typing import Any

from storax.data.roles import FrameRoles


class Described:
    """Names, roles, subroles, units and types of the columns, and how many rows there are."""

    def _described(self) -> dict[str, Any]:
        """Columns and number of rows, as last heard."""
        raise NotImplementedError

    @property
    def colnames(self) -> list[str]:
        """Names of the columns, in their order."""
        return [column["name"] for column in self._described()["columns"]]

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in their order."""
        return self.colnames

    @property
    def roles(self) -> FrameRoles:
        """Names of the columns by role: ``df.roles["target"]``, ``df.roles.target``, ``df.roles.unused``."""
        by_role = FrameRoles()
        for column in self._described()["columns"]:
            by_role.setdefault(column["role"], []).append(column["name"])
        return by_role

    @property
    def units(self) -> dict[str, str]:
        """Units by column, of those that have one."""
        return {column["name"]: column["unit"] for column in self._described()["columns"] if column["unit"]}

    @property
    def subroles(self) -> dict[str, list[str]]:
        """Subroles by column, of those that have some."""
        columns = self._described()["columns"]
        return {column["name"]: list(column["subroles"]) for column in columns if column.get("subroles")}

    @property
    def dtypes(self) -> dict[str, str]:
        """Types by column: float64, int64, bool, string or timestamp."""
        return {column["name"]: column["dtype"] for column in self._described()["columns"]}

    def nrows(self) -> int:
        """Number of rows."""
        return int(self._described()["nrows"])

    def ncols(self) -> int:
        """Number of columns."""
        return len(self._described()["columns"])

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows, number of columns."""
        return self.nrows(), self.ncols()

    def __len__(self) -> int:
        return self.nrows()

    def __contains__(self, name: object) -> bool:
        return name in self.colnames
