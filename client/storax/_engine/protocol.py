"""The protocol between clients and the engine: HTTP over a Unix socket, a command a connection.

A client sends the arguments of a command as JSON, with an Arrow stream behind them where a table goes along. The engine
answers with messages, one a line: ``Progress`` while it works, ``Result`` or ``Failure`` at the end; or with an Arrow
stream. Nothing is sent twice: an engine that does not answer has ended, and what it held in memory with it.
"""

import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from storax._engine.folder import PROTOCOL, Running
from storax._runtime.json import dumps_command
from storax.errors import EngineDown, StoraxError, from_answer

OnProgress = Callable[[float, str], None]
JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
COMMAND_PATH, TABLE_PATH = "/v1/do/", "/v1/table/"
HEAD = 8  # bytes that tell the length of the arguments in front of an Arrow stream
PROTOCOL_HEADER = "storax-protocol"


# ---- messages --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far a command is: the part done, 0 to 1, and what it does."""

    progress: float
    text: str


@dataclass(frozen=True)
class Result:
    """What a command returns, as JSON."""

    result: Any


@dataclass(frozen=True)
class Problem:
    """An error of the client's tree."""

    code: str
    detail: str
    hint: str = ""

    def error(self, status: int) -> StoraxError:
        """The error to raise."""
        return from_answer(status, asdict(self))


@dataclass(frozen=True)
class Failure:
    """Why a command failed."""

    error: Problem


Message = Progress | Result | Failure


def encode(message: Message | Problem) -> bytes:
    """A message as JSON; values that JSON does not know become texts."""
    return json.dumps(
        vars(message), default=lambda value: vars(value) if isinstance(value, Problem) else str(value)
    ).encode()


def decode(line: bytes) -> Message:
    """The message in a line of an answer."""
    content = json.loads(line)
    if "progress" in content:
        return Progress(**content)
    return Failure(decode_problem(content["error"])) if "error" in content else Result(**content)


def decode_problem(content: Mapping[str, Any]) -> Problem:
    """The error in an answer that is none of the good ones."""
    return Problem(str(content.get("code", "")), str(content.get("detail", "")), str(content.get("hint", "")))


def check_version(engine: Running) -> None:
    """Refuse to call an engine that speaks another version of the protocol.

    Raises:
        EngineDown: its release and this one do not understand each other.
    """
    if engine.protocol != PROTOCOL:
        raise EngineDown(
            f"The engine that runs here (pid {engine.process.pid}, Storax {engine.version}) speaks version "
            f"{engine.protocol} of its protocol, and this script version {PROTOCOL}.",
            hint="End it with `storax engine stop` (what is not saved is lost); the next script starts another one.",
        )


# ---- calls -----------------------------------------------------------------------------------------------------------


class Connection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


def ignore(_part: float, _text: str) -> None:
    """Show no progress."""


def command(
    engine: Running,
    name: str,
    arguments: Mapping[str, Any],
    *,
    table: Iterable[bytes] | None = None,
    progress: OnProgress = ignore,
) -> Any:
    """Have the engine do something and return what it answers.

    Args:
        engine: which engine.
        name: of the command.
        arguments: of the command, as JSON.
        table: an Arrow stream that goes along with them.
        progress: called with the part done, from 0 to 1, and what is being done.

    Raises:
        StoraxError: what the engine answered, or that it did not.
    """
    with _request(engine, f"{COMMAND_PATH}{name}", arguments, table) as response:
        for line in response:
            message = decode(line)
            if isinstance(message, Result):
                return message.result
            if isinstance(message, Failure):
                raise message.error.error(400)
            progress(message.progress, message.text)
    raise _gone(engine)


@contextmanager
def stream(
    engine: Running, name: str, arguments: Mapping[str, Any], *, table: Iterable[bytes] | None = None
) -> Iterator[HTTPResponse]:
    """Open an Arrow stream of the engine's; read it like a file. ``table`` is one that goes along, as in ``command``.

    Raises:
        StoraxError: what the engine answered, or that it did not.
    """
    with _request(engine, f"{TABLE_PATH}{name}", arguments, table) as response:
        yield response


@contextmanager
def _request(
    engine: Running, path: str, arguments: Mapping[str, Any], table: Iterable[bytes] | None
) -> Iterator[HTTPResponse]:
    check_version(engine)
    body = dumps_command(arguments)
    headers = {"authorization": f"Bearer {engine.secret}", "connection": "close", PROTOCOL_HEADER: str(PROTOCOL)}
    connection = Connection(engine.socket)
    try:
        if table is None:
            connection.request("POST", path, body, {**headers, "content-type": JSON})
        else:
            _send_table(connection, path, body, table, {**headers, "content-type": ARROW})
        with connection.getresponse() as response:
            if response.status != 200:
                raise decode_problem(json.loads(response.read())).error(response.status)
            yield response
    except StoraxError:  # some are OSErrors as well
        raise
    except (OSError, HTTPException):
        raise _gone(engine) from None
    finally:
        connection.close()


def _send_table(
    connection: Connection, path: str, arguments: bytes, table: Iterable[bytes], headers: Mapping[str, str]
) -> None:
    def parts() -> Iterator[bytes]:
        yield len(arguments).to_bytes(HEAD, "big") + arguments
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
