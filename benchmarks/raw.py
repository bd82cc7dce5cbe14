"""RawInsert: the same rows into the same tables as pre-rendered multi-row INSERT text, no Python work in the clock."""

from typing import Any

import orjson

from storax_core.lifecycle.change import Row
from storax_core.log.sql import SERVER_FIELDS
from storax_core.resources import JOBS

CHUNK = 1000


def sample(i: int, app_id: int) -> Row:
    """Return one job as a user would submit it, about 400 bytes of JSON."""
    return {
        "app_id": app_id,
        "workdir": f"proj{i % 97:03d}/campaign-{i % 13}/run-{i:07d}",
        "tags": {"project": f"p{i % 50}", "sample": f"s{i % 1000}", "kind": ("xpcs", "md", "train")[i % 3]},
        "parameters": {"eps": 0.5 + i % 7, "input_file": f"/data/in/{i:07d}.h5", "steps": 1000 + i % 11},
        "num_nodes": 1 + i % 3,
        "wall_time_min": 30,
    }


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        value = orjson.dumps(value).decode()
    return "'" + str(value).replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def _values(row: Row, table: str, owner: int) -> str:
    fields = [f for f in JOBS.fields.values() if f.table == table and f.name not in SERVER_FIELDS]
    values = [row.get(f.name, None if f.required else f.default) for f in fields]
    tail = ["1", "now()", "now()"] if table == JOBS.state_table else []
    return "(" + ",".join([str(row["id"]), str(owner), *map(_literal, values), *tail]) + ")"


def _names(table: str) -> str:
    fields = [f.name for f in JOBS.fields.values() if f.table == table and f.name not in SERVER_FIELDS]
    tail = ["version", "creation_date", "last_update"] if table == JOBS.state_table else []
    return ",".join(["id", "owner_id", *fields, *tail])


def insert_text(rows: list[Row], owner: int) -> str:
    """Return the whole transaction as one text: rows of job, job_state and event_log."""
    out = ["BEGIN"]
    for k in range(0, len(rows), CHUNK):
        part = rows[k : k + CHUNK]
        for table in (JOBS.table, JOBS.state_table):
            out.append(
                f"INSERT INTO {table} ({_names(table)}) VALUES " + ",".join(_values(r, table, owner) for r in part)
            )
        events = ",".join(
            f"(now(),{owner},{r['site_id']},'job',{r['id']},1,'job.created',1,'user:{owner}','{r['state']}',{_literal(r)})"
            for r in part
        )
        out.append(
            "INSERT INTO event_log (timestamp,owner_id,site_id,entity,entity_id,version,type,schema_version,actor,"
            f"to_state,data) VALUES {events}"
        )
    return ";".join([*out, "COMMIT"])
