"""Commands to the engine over its Unix socket: JSON out, lines of JSON back, tables as Arrow streams.

A connection lasts for one command, so there is none that could have gone stale. Nothing is sent twice: the engine that
did not answer has ended, and what it held in memory with it.
"""

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from storax._engine.folder import Running
from storax._runtime.json import dumps
from storax.errors import EngineDown, StoraxError, from_answer

Progress = Callable[[float, str], None]
JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"


class _Connection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


def nobody(_part: float, _words: str) -> None:
    """Nobody looks."""


def command(
    engine: Running,
    name: str,
    arguments: dict[str, Any],
    *,
    table: Iterable[bytes] | None = None,
    progress: Progress = nobody,
) -> Any:
    """Have the engine do something and return what it answers.

    Args:
        engine: whom to ask.
        name: of the command.
        arguments: JSON.
        table: an Arrow stream that travels with it.
        progress: called with the part done, from 0 to 1, and what is being done.

    Raises:
        StoraxError: what the engine answered, or that it did not.
    """
    with _asked(engine, f"/v1/do/{name}", arguments, table) as answer:
        for line in answer:
            told = json.loads(line)
            if "progress" in told:
                progress(told["progress"], told["text"])
            elif "error" in told:
                raise from_answer(400, told["error"])
            else:
                return told["result"]
    raise _gone(engine)


@contextmanager
def stream(engine: Running, name: str, arguments: dict[str, Any]) -> Iterator[HTTPResponse]:
    """Open an Arrow stream of the engine's; read it like a file.

    Raises:
        StoraxError: what the engine answered, or that it did not.
    """
    with _asked(engine, f"/v1/table/{name}", arguments, None) as answer:
        yield answer


@contextmanager
def _asked(
    engine: Running, path: str, arguments: dict[str, Any], table: Iterable[bytes] | None
) -> Iterator[HTTPResponse]:
    body = dumps(arguments)
    headers = {"authorization": f"Bearer {engine.secret}", "connection": "close"}
    connection = _Connection(engine.socket)
    try:
        if table is None:
            connection.request("POST", path, body, {**headers, "content-type": JSON})
        else:
            _send_table(connection, path, body, table, {**headers, "content-type": ARROW})
        with connection.getresponse() as answer:
            if answer.status != 200:
                raise from_answer(answer.status, json.loads(answer.read()))
            yield answer
    except StoraxError:  # some are OSErrors as well
        raise
    except (OSError, HTTPException):
        raise _gone(engine) from None
    finally:
        connection.close()


def _send_table(
    connection: _Connection, path: str, arguments: bytes, table: Iterable[bytes], headers: dict[str, str]
) -> None:
    def parts() -> Iterator[bytes]:
        yield len(arguments).to_bytes(8, "big") + arguments
        yield from table

    try:
        connection.request("POST", path, parts(), headers)
    except BrokenPipeError:
        return  # it refused before it had read all; its answer says why


def _gone(engine: Running) -> EngineDown:
    if engine.process.alive():
        return EngineDown("The engine broke off the answer.", hint="Its log is engine.log in its folder.")
    return EngineDown(
        f"The engine (pid {engine.process.pid}) has ended; what was not saved is lost.",
        hint="storax.engine.set_project() starts it again; saved data frames and all pipelines are there.",
    )
