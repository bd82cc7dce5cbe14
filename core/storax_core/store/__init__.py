"""The one way to Postgres: connections, the append functions of the event log, and reads."""
