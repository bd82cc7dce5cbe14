"""The agent's connection to its server: HTTP, retries and errors are the client's transport, tokens are refreshed."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from storax._runtime.reply import Reply
from storax._runtime.transport import Call, Transport
from storax.errors import Forbidden, Unauthorized
from storax_agent.server.storable import storable
from storax_agent.server.token_refresh import TokenRefresh

Row = dict[str, Any]
CALL_SEC = 60.0
POLL_SLACK_SEC = 15.0  # beyond the wait that was asked for
MAX_ROWS = 10_000


class Connection:
    """One server, as one site uses it. Safe for threads.

    ``fresh`` reads the token anew when the server refuses the one in use, or when that one is soon to expire; a new one
    is taken only if it sees the site ``site_id``. Every call raises ``storax.errors.StoraxError``.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        connect_within: float = 10.0,
        fresh: Callable[[], str | None] | None = None,
        site_id: int | None = None,
    ) -> None:
        self._tries = threading.local()
        self._transport = Transport(url, token, sleep=self._pause, connect_within=connect_within)
        self._refresh = TokenRefresh(self._transport, url, token, fresh or (lambda: None), site_id)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def renew_token(self) -> bool:
        """Take up another token where there is one by now; returns whether there was."""
        return self._refresh.renew(self._refresh.token)

    def query(self, path: str, only: Row, *, limit: int = MAX_ROWS, fields: Sequence[str] | None = None) -> list[Row]:
        """The rows of a resource that match; the server ends a page early where its rows have many bytes."""
        body: Row = {"filter": only, "ordering": ["id"], **({"fields": fields} if fields else {})}
        rows: list[Row] = []
        while True:
            answer = self.row(self.call("POST", f"/{path}/query", {**body, "limit": limit - len(rows)}))
            rows += answer["results"]
            body["cursor"] = answer.get("next")
            if body["cursor"] is None or len(rows) >= limit:
                return rows

    def long_poll(self, path: str, body: Mapping[str, Any], wait: float) -> tuple[Row, bool]:
        """POST that the server answers within ``wait`` seconds, and whether an earlier try was lost on the way."""
        self._tries.pauses = 0
        row = self.row(self.call("POST", path, body, params={"wait": wait}, deadline=wait + POLL_SLACK_SEC))
        return row, self._tries.pauses > 0

    def get(self, path: str) -> Row:
        """One row."""
        return self.row(self.call("GET", path, None))

    def post(self, path: str, body: Mapping[str, Any]) -> Row:
        """POST; returns the row of the answer."""
        return self.row(self.call("POST", path, body))

    def call(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        params: Row | None = None,
        key: str | None = None,
        deadline: float = CALL_SEC,
    ) -> Reply:
        """One call, with another token where the server refuses the one in use; ``deadline`` in seconds."""
        content = None if body is None else _content(body)
        call = Call(method, path, content, params=params, deadline=deadline, key=key)
        token = self._refresh.token
        try:
            return self._transport.call(call)
        except Forbidden:  # another token of the site would be refused too
            raise
        except Unauthorized:
            if not self._refresh.renew(token, refused=True):
                raise
            return self._transport.call(call)

    @staticmethod
    def row(reply: Reply) -> Row:
        """The body of a reply."""
        body: Row = from_json(reply.content)
        return body

    def _pause(self, seconds: float) -> None:
        self._tries.pauses = getattr(self._tries, "pauses", 0) + 1
        time.sleep(seconds)


def _content(body: Any) -> bytes:
    """A body as JSON. File names and messages that are not UTF-8 are written as escapes."""
    try:
        return to_json(body)
    except PydanticSerializationError:
        return to_json(storable(body))
