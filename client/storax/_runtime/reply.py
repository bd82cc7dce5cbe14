"""One reply of the server, independent of an HTTP library."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from storax._runtime.json import loads
from storax._runtime.retry import seconds_of
from storax.errors import StoraxError, from_answer


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and body of a reply."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Return the parsed body."""
        return loads(self.content)

    @property
    def position(self) -> int | None:
        """The log position after this call, where it changed something; None elsewhere."""
        text = self.headers.get("x-storax-position")
        return int(text) if text and text.isdigit() else None

    @property
    def request_id(self) -> str | None:
        """The id of this call in the server's log; None if the reply names none."""
        return self.headers.get("x-request-id")

    @property
    def foreign(self) -> str:
        """Why another server than Storax wrote this; empty where nothing shows it.

        Storax answers in JSON, but for windows of jobs' files, whose size a header tells. A gateway before it has pages
        of its own for a server that is down (502, 503, 504, 52x), and a proxy for those that are not logged in
        there (407).
        """
        kind = self.headers.get("content-type", "").partition(";")[0].strip()
        if 300 <= self.status < 400:
            return f"it redirects to {self.headers.get('location', 'nowhere')}"
        if "x-storax-file-size" in self.headers:
            return ""
        if not kind or kind.endswith("json") or self.status in (407, 408, 425, 429, 502, 503, 504, *range(520, 531)):
            return ""
        return f"it answers {self.status} with {kind}"

    @property
    def unexplained(self) -> str:
        """What to say of an error whose body says nothing."""
        if self.status == 407:
            return "A proxy on the way to the server asks for a user and password (407); see HTTP_PROXY and NO_PROXY."
        return f"The server answered {self.status} without saying why."


def time_of(date: str) -> datetime | None:
    """Return the time of a ``Date`` header, to the second; None where it is empty, or no time."""
    try:
        return parsedate_to_datetime(date).astimezone(UTC) if date else None
    except ValueError:
        return None


def problem(reply: Reply) -> StoraxError:
    """Return the error of a reply with a status of 400 or more."""
    try:
        body = loads(reply.content)
    except ValueError:
        body = None
    details = body if isinstance(body, dict) else {"detail": reply.unexplained}
    wait = seconds_of(reply.headers.get("retry-after"))
    return from_answer(reply.status, details, request_id=reply.request_id, retry_after=wait)
