"""Every limit that a caller can meet: the code reads the constants; ``GET /limits`` and the docs show the table."""

from dataclasses import dataclass

from storax_core.settings import Settings

KIB, MIB = 1 << 10, 1 << 20

# What a caller sends.
HEAD_BYTES = 64 * KIB
HEAD_SEC = 20.0
STRANGER_BODY_BYTES = 16 * KIB
QUERY_BODY_BYTES = 8 * MIB
ROW_BYTES = 4 * MIB
VALUE_BYTES = MIB
VALUE_DEPTH = 32
TEXT_CHARACTERS = 262_144
ROWS = 10_000
PARENTS = 50_000
NESTED_VALUES = 1_000_000
BODY_VALUES = 4_000_000
BODY_SILENCE_SEC = 20.0
BODY_BYTES_PER_SEC = 64 * KIB
CONDITIONS = 1_000
CHANGE_BYTES = 128 * MIB
VIEW_QUERY_CHARACTERS = 8_192
WEBHOOKS = 100

# What a caller gets.
PAGE_BYTES = 32 * MIB
STREAM_PAGE_BYTES = MIB
ARCHIVED_ROWS = 1_000_000
BACKLOG_EVENTS = 10_000
BACKLOG_BYTES = 8 * MIB
UNREAD_SEC = 30.0

# What callers share.
LINE_SEC = 10.0
PASSWORDS_WAITING = 16

# What a user may keep.
SAVED_VIEWS = 100


@dataclass(frozen=True)
class Limit:
    """One row of the table. ``status``: of the answer to what exceeds it; 0 where there is no such answer."""

    name: str
    value: float
    unit: str
    status: int
    meaning: str
    way_out: str


def connections_of_one(settings: Settings) -> int:
    """How many of an API process's connections to Postgres one user may hold at once; the others are for the rest."""
    return max(1, settings.pool_size * 2 // 3)


def queries_of_one(settings: Settings) -> int:
    """How many lists, counts and queries of one user an API process answers at once."""
    return max(1, settings.pool_size // 3)


def table(settings: Settings) -> list[Limit]:
    """Return all limits of a server with these settings."""
    return [*_of_requests(settings), *_of_answers(), *_of_neighbours(settings)]


def _of_requests(settings: Settings) -> list[Limit]:
    return [
        Limit("head_bytes", HEAD_BYTES, "bytes", 431, "Request line and headers.", "Send filters in the body."),
        Limit("head_sec", HEAD_SEC, "s", 0, "Time for request line and headers.", "The connection is closed."),
        Limit("stranger_body_bytes", STRANGER_BODY_BYTES, "bytes", 413, "Body of a call without a token: login.", ""),
        Limit("query_body_bytes", QUERY_BODY_BYTES, "bytes", 413, "Body of any call but the next.", "Split it."),
        Limit("body_bytes", settings.max_body_mb * MIB, "bytes", 413,
              "Body that creates or changes many rows, of reports, and of windows of files.", "Send fewer rows."),
        Limit("body_silence_sec", BODY_SILENCE_SEC, "s", 408, "Longest pause in a body.", "Send the call again."),
        Limit("body_bytes_per_sec", BODY_BYTES_PER_SEC, "bytes/s", 408,
              f"Least mean rate of a body, after {BODY_SILENCE_SEC:g} s.", "Send fewer rows at once."),
        Limit("nested_values", NESTED_VALUES, "values", 413, "Lists and objects in a body.", "Send fewer rows."),
        Limit("body_values", BODY_VALUES, "values", 413, "All values in a body.", "Send fewer rows."),
        Limit("rows", ROWS, "rows", 413, "Rows that one call creates or changes one by one.", "Send several calls."),
        Limit("row_bytes", ROW_BYTES, "bytes", 413, "One row, or one patch of a row, as JSON.", "Keep it in a file."),
        Limit("value_bytes", VALUE_BYTES, "bytes", 422, "JSON of one field, with numbers written out.",
              "Keep it in a file."),
        Limit("value_depth", VALUE_DEPTH, "levels", 422, "Lists and objects inside each other.", "Flatten it."),
        Limit("text_characters", TEXT_CHARACTERS, "characters", 422, "Text of one field.", "Keep it in a file."),
        Limit("parents", PARENTS, "jobs", 422, "Parents of one job.", "Put a job between them."),
        Limit("change_bytes", CHANGE_BYTES, "bytes", 413, "What one call writes: its patch times its rows.",
              "Change fewer rows at once."),
        Limit("conditions", CONDITIONS, "filters", 422,
              "Filters of one query; the values of a list count as one.", "Give a filter a list of values."),
        Limit("view_query_characters", VIEW_QUERY_CHARACTERS, "characters", 422, "Query of a saved view.",
              "Filter by a tag in place of ids."),
        Limit("saved_views", SAVED_VIEWS, "views", 409, "Saved views of one user.", "Delete one."),
        Limit("webhooks", WEBHOOKS, "webhooks", 413, "Webhooks of one user.", "Widen the filter of one."),
    ]  # fmt: skip


def _of_answers() -> list[Limit]:
    return [
        Limit("page_rows", ROWS, "rows", 422, "Rows of a page.", "Follow `next`."),
        Limit("page_bytes", PAGE_BYTES, "bytes", 0, "A page ends behind the row that exceeds it.", "Follow `next`."),
        Limit("archived_rows", ARCHIVED_ROWS, "rows", 413, "Rows that one query reads from archives of the log.",
              "Narrow the filter by time or position."),
        Limit("backlog_events", BACKLOG_EVENTS, "events", 0,
              "Events that wait for one viewer of the stream.", "None is lost: it reads on from the log."),
        Limit("backlog_bytes", BACKLOG_BYTES, "bytes", 0, "Their size.", "None is lost: it reads on from the log."),
        Limit("unread_sec", UNREAD_SEC, "s", 0, "Time in which a caller must read some of its answer.",
              "The connection is closed; a stream continues behind Last-Event-ID."),
    ]  # fmt: skip


def _of_neighbours(settings: Settings) -> list[Limit]:
    return [
        Limit("queries_per_user", queries_of_one(settings), "calls", 429,
              f"Lists, queries and counts of one user at once; others wait {LINE_SEC:g} s for their turn.",
              "Wait for `Retry-After`."),
        Limit("connections_per_user", connections_of_one(settings), "calls", 429,
              f"Calls of one user that use the database at once; others wait {LINE_SEC:g} s for their turn.",
              "Wait for `Retry-After`."),
        Limit("passwords_waiting", PASSWORDS_WAITING, "calls", 429,
              "Passwords that wait to be checked; two are checked at once at most.", "Wait for `Retry-After`."),
        Limit("memory_per_user", settings.memory_mb * MIB // 2, "bytes", 429,
              "Memory for one user's bodies and answers under way; one call alone may have more.",
              "Wait for `Retry-After`."),
        Limit("memory", settings.memory_mb * MIB, "bytes", 503, "The same for all users.", "Wait for `Retry-After`."),
    ]  # fmt: skip
