"""One reply of the server, independent of an HTTP library."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storax._runtime.json import loads


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
