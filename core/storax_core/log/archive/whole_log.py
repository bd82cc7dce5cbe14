"""The log as a fold reads it: its events, and for what was archived the baseline, as the events that it stands for."""

READ = 'entity, entity_id, owner_id, version, "timestamp", type, schema_version, data'
# ``creation_date`` is the time of an entity's first event. A row of the baseline reads as the one that created it.
_FIRST = 'CASE WHEN version = 1 THEN "timestamp" END'
LOG = f"""(SELECT position, {READ}, {_FIRST} AS creation_date FROM event_log
UNION ALL SELECT 0, {READ}, creation_date FROM event_baseline)"""  # noqa: S608
# The same of the rows of archives that a reader has staged (``queries/archive/archived.py``).
STAGED = f"(SELECT position, {READ}, coalesce(creation_date, {_FIRST}) AS creation_date FROM staged_event)"  # noqa: S608
# How each entity moved. Before the state in the baseline it was in none, as far as is known.
TRANSITIONS = """(SELECT entity, entity_id, version, from_state, to_state FROM event_log
UNION ALL SELECT entity, entity_id, version, NULL, to_state FROM event_baseline)"""
# Which versions there are: a row of the baseline stands for all up to its own.
VERSIONS = """(SELECT entity, entity_id, version, version AS first, 1 AS number FROM event_log
UNION ALL SELECT entity, entity_id, version, 1, version FROM event_baseline)"""
