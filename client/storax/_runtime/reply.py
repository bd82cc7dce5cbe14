"""One answer of the server, free of any HTTP library."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storax._runtime.json import loads


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and body."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return loads(self.content)

    @property
    def position(self) -> int | None:
        """The place in the event log that this call reached, where it changed something."""
        text = self.headers.get("x-storax-position")
        return int(text) if text and text.isdigit() else None

    @property
    def request_id(self) -> str | None:
        """What finds this call in the server's log."""
        return self.headers.get("x-request-id")
