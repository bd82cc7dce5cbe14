"""A receiver of webhooks on loopback: it keeps what it gets, and answers as a test says."""

import base64
import hashlib
import hmac
import json
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Delivery:
    """One request: its headers in lower case, its body, and the status that answered it."""

    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def event(self) -> dict[str, Any]:
        """The event of the log in it."""
        row: dict[str, Any] = json.loads(self.body)["data"]
        return row

    @property
    def position(self) -> int:
        return int(self.event["position"])

    def signed_with(self, secret: str) -> bool:
        """Whether one of its signatures is of this secret, as the Standard Webhooks specification computes it."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split(" ")


class Receiver:
    """An HTTP server. ``answers`` has the statuses of the next answers; without one it is 200.

    ``gate`` is closed to let a request wait for its answer; ``location`` goes with each answer; ``padding`` is its body.
    """

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.arrived: list[bytes] = []
        self.answers: deque[int] = deque()
        self.location = ""
        self.padding = b""
        self.gate = threading.Event()
        self.gate.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.arrived.append(body)
                receiver.gate.wait(60)
                status = receiver.answers.popleft() if receiver.answers else 200
                receiver.deliveries.append(Delivery({n.lower(): v for n, v in self.headers.items()}, body, status))
                self.send_response(status)
                if receiver.location:
                    self.send_header("location", receiver.location)
                self.send_header("content-length", str(len(receiver.padding)))
                self.end_headers()
                self.wfile.write(receiver.padding)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a caller may hang up
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/storax"

    @property
    def accepted(self) -> list[Delivery]:
        """The requests that were answered with a success."""
        return [delivery for delivery in self.deliveries if delivery.status < 300]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(60)
