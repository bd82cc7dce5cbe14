"""What agents report of themselves in free JSON, read so that no content of it can break a page."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Failure(NamedTuple):
    """A loop of an agent that fails: its name, the error, and since when, as the agent wrote it."""

    loop: str
    error: str
    since: str


class SetAside(NamedTuple):
    """Records that an agent could not read, or the server refused: their number, and name and reason of the newest."""

    number: int
    newest: list[tuple[str, str]]


def failures_of(site: Mapping[str, Any]) -> list[Failure]:
    """Return the loops of the site's agent that fail now."""
    loops = site["failing_loops"].items()
    return [Failure(name, _text(failure, "error"), _text(failure, "since", "")) for name, failure in loops]


def set_aside_of(site: Mapping[str, Any]) -> SetAside:
    """Return the records of the site's agent that were set aside."""
    number, newest = site["set_aside"].get("count"), site["set_aside"].get("newest")
    records = newest if isinstance(newest, list) else []
    named = [(_text(record, "name"), _text(record, "reason", "")) for record in records]
    return SetAside(number if isinstance(number, int) else len(named), named)


def why(status_info: Mapping[str, Any]) -> str:
    """Return why an allocation failed or waits, as `storax queue ls` does; empty where nothing is known."""
    failing = status_info.get("failing_loops")
    loops = "; ".join(f"{name}: {error}" for name, error in failing.items()) if isinstance(failing, dict) else ""
    return str(status_info.get("error") or loops or status_info.get("waits") or status_info.get("reason") or "")


def scheduler_state(site: Mapping[str, Any], scheduler_id: str | None) -> str:
    """Return what the scheduler calls the state of an allocation; empty where it did not say."""
    queued = (site.get("queued_jobs") or {}).get(scheduler_id or "")
    return _text(queued, "state", "") if isinstance(queued, dict) else ""


def _text(value: Any, name: str, default: str | None = None) -> str:
    """Return a text of an object; of anything else, itself or ``default``."""
    if isinstance(value, dict) and name in value:
        return str(value[name])
    return str(value) if default is None else default
