"""A viewer of the event stream that reads on from where it was, whatever becomes of its connection."""

import contextlib
import random
import threading
from types import TracebackType
from typing import Self

import httpx

SILENCE_SEC = 20.0  # a heartbeat comes every few seconds
PAUSE_SEC = 0.2
MOST_EVENTS = 200  # after which it hangs up by itself


class Viewer:
    """Reads the stream of all events of a token's user in a thread. ``positions``: of the events, as they came.

    Args:
        url: Address of the API.
        token: Token of the user.
        rng: Draws after how many events the viewer hangs up by itself and comes back.
    """

    def __init__(self, url: str, token: str, rng: random.Random) -> None:
        self._url, self._rng = f"{url}/api/v1/events/stream", rng
        self._headers = {"authorization": f"Bearer {token}", "accept-encoding": "identity"}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.positions: list[int] = []
        self.connections = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join(60)

    def _run(self) -> None:
        with httpx.Client(timeout=SILENCE_SEC) as client:
            while not self._ended.is_set():
                with contextlib.suppress(httpx.HTTPError, httpx.StreamError):
                    self._read(client)
                self._ended.wait(PAUSE_SEC)

    def _read(self, client: httpx.Client) -> None:
        last = str(self.positions[-1] if self.positions else 0)
        most = self._rng.randint(1, MOST_EVENTS)
        with client.stream("GET", self._url, headers={**self._headers, "last-event-id": last}) as answer:
            if answer.status_code != 200:
                return
            self.connections += 1
            position, has_data = 0, False  # a comment has an id too, and no data
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    position = int(line[4:])
                has_data = has_data or line.startswith("data: ")
                if not line:
                    if position and has_data:  # the end of a whole event
                        self.positions.append(position)
                        most -= 1
                    position, has_data = 0, False
                if self._ended.is_set() or not most:
                    return
