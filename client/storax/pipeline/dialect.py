"""Names of SQL engines, for ``pipe.features.to_sql(dialect)``; the texts are names too, as ``"postgres"``."""

bigquery = "bigquery"
clickhouse = "clickhouse"
databricks = "databricks"
duckdb = "duckdb"
mssql = "mssql"
mysql = "mysql"
oracle = "oracle"
postgres = "postgres"
snowflake = "snowflake"
spark_sql = "spark"
sqlite3 = "sqlite"
trino = "trino"
human_readable_sql = duckdb
tsql = mssql

_OTHER_NAMES = {
    "human-readable sql": duckdb,
    "spark sql": spark_sql,
    "spark_sql": spark_sql,
    "sqlite3": sqlite3,
    "tsql": mssql,
}


def engine_of(dialect: str) -> str:
    """Return the engine that a name of getML stands for; other names as they are."""
    return _OTHER_NAMES.get(dialect, dialect)
