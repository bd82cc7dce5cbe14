"""What databases call things: how a name is quoted, a value marked, a type written."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

_STANDARD = MappingProxyType({
    "double": "DOUBLE PRECISION", "int64": "BIGINT", "bool": "BOOLEAN", "timestamp[us]": "TIMESTAMP", "": "TEXT",
})  # fmt: skip
_MARKS = {"qmark": "?", "numeric": ":{}", "numeric_dollar": "${}", "format": "%s", "pyformat": "%s", "named": ":{}"}


@dataclass(frozen=True)
class Dialect:
    """One database's words. ``mark`` stands for the n-th value; the type under "" is that of texts."""

    quotes: tuple[str, str] = ('"', '"')
    kinds: Mapping[str, str] = field(default_factory=lambda: _STANDARD)
    style: str = "qmark"

    def quoted(self, name: str) -> str:
        """A name; dots part the schema from the table."""
        return ".".join(self.column(part) for part in name.split("."))

    def column(self, name: str) -> str:
        """The name of a column, in which a dot is a letter like others."""
        opening, closing = self.quotes
        return opening + name.replace(closing, closing * 2) + closing

    def kind(self, arrow_type: str) -> str:
        """The type of a new column."""
        return self.kinds.get(arrow_type, self.kinds[""])

    def insert(self, name: str, columns: int) -> str:
        """The statement that adds a row."""
        marks = ", ".join(_MARKS[self.style].format(number + 1) for number in range(columns))
        table = self.quoted(name)
        if self.style in {"format", "pyformat"}:
            table = table.replace("%", "%%")
        return f"INSERT INTO {table} VALUES ({marks})"  # noqa: S608


_BACKTICKS = ("`", "`")
# TIMESTAMP of MySQL ends in 2038, and without (6) both lose what is below a second.
_MYSQL = Dialect(_BACKTICKS, {**_STANDARD, "timestamp[us]": "DATETIME(6)", "": "LONGTEXT"})
_MSSQL = Dialect(("[", "]"), {**_STANDARD, "bool": "BIT", "timestamp[us]": "DATETIME2(6)", "": "NVARCHAR(MAX)"})
_ORACLE = Dialect(kinds={**_STANDARD, "int64": "NUMBER(19)", "bool": "NUMBER(1)", "": "CLOB"})
_SPARK = Dialect(_BACKTICKS, {**_STANDARD, "double": "DOUBLE", "": "STRING"})
_BIGQUERY = Dialect(
    _BACKTICKS, {"double": "FLOAT64", "int64": "INT64", "bool": "BOOL", "timestamp[us]": "DATETIME", "": "STRING"}
)

# By SQLAlchemy's name of a dialect, and by the module of a driver. What stands in neither speaks standard SQL.
_BY_NAME = {
    "bigquery": _BIGQUERY,
    "databricks": _SPARK,
    "hive": _SPARK,
    "mariadb": _MYSQL,
    "mssql": _MSSQL,
    "mysql": _MYSQL,
    "oracle": _ORACLE,
}
_BY_MODULE = {
    "MySQLdb": _MYSQL,
    "cx_Oracle": _ORACLE,
    "cymysql": _MYSQL,
    "databricks": _SPARK,
    "google": _BIGQUERY,
    "mariadb": _MYSQL,
    "mssql_python": _MSSQL,
    "mysql": _MYSQL,
    "oracledb": _ORACLE,
    "pyhive": _SPARK,
    "pymssql": _MSSQL,
    "pymysql": _MYSQL,
    "pytds": _MSSQL,
}
# By what a server calls itself, for drivers that speak with many: ODBC and ADBC.
_BY_SERVER = {"mysql": _MYSQL, "mariadb": _MYSQL, "microsoft sql server": _MSSQL, "oracle": _ORACLE}
_ODBC_SERVER = 17  # SQL_DBMS_NAME


def dialect_of(raw: Any, sqlalchemy: Any = None) -> Dialect:
    """The dialect of a DB-API connection; ``sqlalchemy`` is SQLAlchemy's, where it made the connection."""
    real = getattr(raw, "dbapi_connection", None) or raw
    module = type(real).__module__
    if sqlalchemy is not None and sqlalchemy.name in _BY_NAME:
        dialect = _BY_NAME[sqlalchemy.name]
    else:
        dialect = _BY_MODULE.get(module.partition(".")[0]) or _BY_SERVER.get(_server(real), Dialect())
    return replace(dialect, style=_style(sqlalchemy and sqlalchemy.dbapi, module))


def _server(real: Any) -> str:
    """What the server calls itself; empty where the driver has no word of it."""
    if hasattr(real, "adbc_get_info"):
        return str(real.adbc_get_info().get("vendor_name", "")).lower()
    if type(real).__module__.partition(".")[0] == "pyodbc":
        return str(real.getinfo(_ODBC_SERVER)).lower()
    return ""


def _style(driver: Any, module: str) -> str:
    """How values are marked: said by the driver's module, which may be one above that of its connections."""
    modules = [driver, sys.modules.get(module)]
    while "." in module:
        module = module.rpartition(".")[0]
        modules.append(sys.modules.get(module))
    paramstyle = next((style for m in modules if (style := getattr(m, "paramstyle", None))), "qmark")
    return paramstyle if paramstyle in _MARKS else "qmark"
