"""What a pipeline learned: its features with their importances, correlations and SQL, and the columns they use."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from storax._engine import session

_SHOWN = 20


class Importances:
    """Rows of names and numbers, as dicts; ``to_pandas()`` gives a table."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    @property
    def names(self) -> list[str]:
        """Names, in order, each once."""
        return list(dict.fromkeys(row["name"] for row in self.rows))

    def importances(self, target: str | None = None) -> dict[str, float]:
        """Importance by name, for one target; by default the first."""
        chosen = target or (self.rows[0]["target"] if self.rows else "")
        return {row["name"]: row["importance"] for row in self.rows if row["target"] == chosen}

    def to_pandas(self) -> Any:
        """A pandas DataFrame; needs pandas."""
        from storax.data.exchange import tables

        return tables.library("pandas").DataFrame(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self.rows[place]

    def __repr__(self) -> str:
        lines = [", ".join(f"{key}: {_cell(value)}" for key, value in row.items()) for row in self.rows[:_SHOWN]]
        return "\n".join([*lines, *([f"... {len(self.rows)} in all"] if len(self.rows) > _SHOWN else [])])

    def _repr_html_(self) -> str:
        if not self.rows:
            return "<p>None.</p>"
        head = "".join(f"<th>{escape(str(key))}</th>" for key in self.rows[0])
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row.values())}</tr>"
            for row in self.rows[:_SHOWN]
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{len(self.rows)} in all</p>"


class Features(Importances):
    """The features of a fit."""

    def __init__(self, rows: list[dict[str, Any]], pipeline: str) -> None:
        super().__init__(rows)
        self._pipeline = pipeline

    def correlations(self, target: str | None = None) -> dict[str, float]:
        """Correlation by name, with one target; by default the first."""
        chosen = target or (self.rows[0]["target"] if self.rows else "")
        return {row["name"]: row["correlation"] for row in self.rows if row["target"] == chosen}

    def to_sql(self, dialect: str = "duckdb") -> "SqlCode":
        """A SELECT for each feature, in the words of an SQL engine: duckdb, postgres, spark, databricks and others."""
        return SqlCode(session.call("sql_pipeline", {"pipeline": self._pipeline, "dialect": dialect}))


class SqlCode:
    """Statements by name of feature."""

    def __init__(self, statements: dict[str, str]) -> None:
        self.statements = statements

    def __getitem__(self, name: str) -> str:
        return self.statements[name]

    def __len__(self) -> int:
        return len(self.statements)

    def __iter__(self) -> Iterator[str]:
        return iter(self.statements.values())

    def __str__(self) -> str:
        return "\n\n".join(f"-- {name}\n{statement};" for name, statement in self.statements.items())

    __repr__ = __str__

    def save(self, folder: str | Path) -> None:
        """Write a file for each feature into a folder, which is made."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name, statement in self.statements.items():
            (place / f"{name.replace('/', '_')}.sql").write_text(f"{statement};\n", encoding="utf-8")


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
