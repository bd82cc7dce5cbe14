"""Seals: closed ranges of the log, each with the digest of its events, chained to the seal before it.

Off the hot path a worker hashes what is final, a thousand events a seal, in one statement for many ranges. A changed,
removed, inserted or moved event changes the root of its range; a changed or removed seal breaks the chain. Who can
rewrite the whole chain in the database cannot rewrite its copy elsewhere (``seal_store.py``), nor sign it without the
key. ``admin/check_seals.py`` checks all of it.
"""

import hmac
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from storax_core.database import epochs
from storax_core.database.connections import Connection

EVENTS_PER_SEAL = 1000
SEALS_AT_ONCE = 20  # in one statement
EVENTS, ARCHIVE, RESTORE = "events", "archive", "restore"
FORM = 1  # of the text that is hashed; a column more makes another one
# Every column of an event, independent of the settings of a connection.
TEXT_OF_EVENT = """jsonb_build_array(tx::text, position, timezone('UTC', "timestamp"), owner_id, site_id, entity,
entity_id, version, type, schema_version, actor, command_id, from_state, to_state, data)::text"""
RANGES = f"""SELECT max(position) AS high, count(*) AS events, now() AS sealed_at,
encode(sha256(string_agg(sha256(convert_to({TEXT_OF_EVENT}, 'UTF8')), ''::bytea ORDER BY position)), 'hex') AS root
FROM (SELECT e.*, (row_number() OVER (ORDER BY position) - 1) / $3::int AS part FROM (
  SELECT * FROM event_log WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3::int * {SEALS_AT_ONCE}) e) p
GROUP BY part ORDER BY part"""  # noqa: S608
LOCK = "SELECT pg_advisory_xact_lock(8363)"  # one sealer at a time


@dataclass(frozen=True)
class Seal:
    """One link of the chain.

    ``kind`` is ``events``: the events behind position ``low`` up to ``high`` have this ``root``; or ``archive``: those
    of these positions were moved to ``place``, and are looked for in the log no more; or, outside the database alone,
    ``restore``: an operator confirms that what was sealed behind ``high`` before this epoch is lost. ``epoch`` is the
    cluster's at the time, ``form`` that of the hashed text, ``previous`` the digest of the seal before, ``digest`` that
    of all fields above it, ``mac`` its HMAC-SHA256 with the sealing key; empty without one.
    """

    number: int
    epoch: int
    kind: str
    low: int
    high: int
    events: int
    form: int
    root: str
    place: str
    sealed_at: str
    previous: str
    digest: str = ""
    mac: str = ""

    def chained(self, key: bytes) -> "Seal":
        """The same seal with its digest, and its MAC where there is a key."""
        digest = self.expected_digest()
        return replace(self, digest=digest, mac=mac_of(digest, key))

    def expected_digest(self) -> str:
        """The digest that the other fields give."""
        row = {name: value for name, value in asdict(self).items() if name not in ("digest", "mac")}
        return sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def line(self) -> bytes:
        """The seal as one line of JSON."""
        return orjson.dumps(self) + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> "Seal":
        """Read ``line``. Raises ValueError where it is no seal."""
        row = orjson.loads(line)
        kinds = {f.name: f.type for f in fields(cls)}
        if not isinstance(row, dict) or row.keys() != kinds.keys():
            raise ValueError("no seal")
        if any(not isinstance(row[name], kind) for name, kind in kinds.items() if isinstance(kind, type)):
            raise ValueError("a field of the seal has another type")
        return cls(**row)


COLUMNS = tuple(f.name for f in fields(Seal))
LAST = f"SELECT {', '.join(COLUMNS)} FROM seal ORDER BY number DESC LIMIT 1"  # noqa: S608
SEALED = f"SELECT coalesce(max(high), 0) FROM seal WHERE kind = '{EVENTS}'"  # noqa: S608
AFTER = f"SELECT {', '.join(COLUMNS)} FROM seal WHERE number > $1 ORDER BY number LIMIT $2"  # noqa: S608
ALL = f"SELECT {', '.join(COLUMNS)} FROM seal ORDER BY number"  # noqa: S608
ADD = f"""INSERT INTO seal ({", ".join(COLUMNS)}) SELECT x.* FROM string_to_table($1, E'\\n') AS l,
jsonb_to_record(l::jsonb) AS x(number bigint, epoch int, kind text, low bigint, high bigint, events bigint,
form smallint, root text, place text, sealed_at text, previous text, digest text, mac text)"""  # noqa: S608


def of_row(row: Any) -> Seal:
    """A row of the table as a seal."""
    return Seal(**dict(row))


def mac_of(digest: str, key: bytes) -> str:
    """The MAC of a seal's digest; empty without a key."""
    return hmac.new(key, digest.encode(), sha256).hexdigest() if key else ""


def confirmed_restore(kept: Seal | None, epoch: int, position: int, moment: datetime, *, key: bytes = b"") -> Seal:
    """The line that confirms a restore: ``kept`` is the database's last seal, ``position`` its last event."""
    seal = _after(kept, epoch, kind=RESTORE, low=position, high=position, sealed_at=_text(moment))
    return replace(seal, number=kept.number if kept else 0).chained(key)


async def last(conn: Connection) -> Seal | None:
    """The newest seal."""
    row = await conn.fetchrow(LAST)
    return of_row(row) if row else None


async def after(conn: Connection, number: int, limit: int) -> list[Seal]:
    """Seals with larger numbers, in order."""
    return [of_row(row) for row in await conn.fetch(AFTER, number, limit)]


async def first_of_epoch(conn: Connection, epoch: int) -> int:
    """The number of the first seal made in this epoch or later, or that of the next seal."""
    sql = "SELECT coalesce(min(number) FILTER (WHERE epoch >= $1), max(number) + 1, 1) FROM seal"
    return int(await conn.fetchval(sql, epoch))


async def add(conn: Connection, upto: int, *, key: bytes = b"", per: int = EVENTS_PER_SEAL) -> list[Seal]:
    """Seal the next events up to position ``upto``, which must be final, in this transaction.

    At most ``SEALS_AT_ONCE`` seals of ``per`` events are made; fewer where that is all there is.
    """
    await conn.execute(LOCK)
    low = int(await conn.fetchval(SEALED))
    ranges = await conn.fetch(RANGES, low, upto, per)
    links = _chain(await last(conn), low, ranges, (await epochs.current(conn)).number, key)
    await _insert(conn, links)
    return links


async def add_archive(
    conn: Connection, low: int, high: int, place: str, *, events: int, root: str, key: bytes = b""
) -> Seal:
    """Record that the events behind ``low`` up to ``high`` were moved to ``place``, in the transaction that does it.

    ``root`` is the digest of the archive's row.
    """
    await conn.execute(LOCK)
    now = _text(await conn.fetchval("SELECT now()"))
    of_range = {"low": low, "high": high, "kind": ARCHIVE, "place": place, "sealed_at": now}
    of_range |= {"events": events, "root": root}
    seal = _after(await last(conn), (await epochs.current(conn)).number, **of_range).chained(key)
    await _insert(conn, [seal])
    return seal


def _chain(before: Seal | None, low: int, ranges: Sequence[Any], epoch: int, key: bytes) -> list[Seal]:
    links: list[Seal] = []
    for row in ranges:
        moment = _text(row["sealed_at"])
        seal = _after(
            before, epoch, low=low, high=row["high"], events=row["events"], root=row["root"], sealed_at=moment
        )
        before, low = seal.chained(key), row["high"]
        links.append(before)
    return links


def _after(before: Seal | None, epoch: int, **fields_: Any) -> Seal:
    links = {"number": before.number + 1 if before else 1, "previous": before.digest if before else ""}
    rest: dict[str, Any] = {"kind": EVENTS, "events": 0, "form": FORM, "root": "", "place": "", "epoch": epoch}
    return Seal(**rest | links | fields_)


async def _insert(conn: Connection, links: Sequence[Seal]) -> None:
    if links:
        await conn.execute(ADD, b"".join(seal.line() for seal in links).decode().rstrip("\n"))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
