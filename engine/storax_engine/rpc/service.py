"""The engine's door: HTTP over a Unix socket that its owner alone can open, and a secret that every call must show.

What goes over it is in ``storax._engine.protocol``. A caller who hangs up has its command cancelled.
"""

import asyncio
import inspect
import json
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hmac import compare_digest
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from storax._engine import protocol
from storax._engine.folder import PROTOCOL, EngineFolder, Running
from storax._engine.protocol import ARROW, Failure, Problem, Progress, Result
from storax._runtime.processes import identify
from storax._runtime.suggestions import nearest
from storax.client import Client
from storax.errors import InvalidInput, NotFound, StoraxError, Unauthorized
from storax_engine import memory
from storax_engine.command_progress import Cancelled, Work
from storax_engine.engine import Engine
from storax_engine.platform.catalogue import Catalogue
from storax_engine.platform.own_jobs import OwnJobs
from storax_engine.rpc.arrow_streams import Inflow, outflow
from storax_engine.rpc.registry import COMMANDS, FREEING, TABLES

PLATFORM_WITHIN_SEC = 1.5  # nobody waits longer for a platform that is away
STOP_WITHIN_SEC = 3
HUNG_UP = "cancelled; its script has ended, or was interrupted"
LONGEST_ARGUMENTS = 16 * 1024 * 1024
_PROGRESS_EVERY_SEC = 0.2
_CANCEL_EVERY_SEC = 0.02

log = logging.getLogger("storax_engine")


def serve(folder: EngineFolder) -> None:
    """Answer until a SIGTERM; the caller holds the folder's lock.

    Raises:
        NotConfigured: no platform is named anywhere.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    client = Client(connect_within=PLATFORM_WITHIN_SEC)
    secret = secrets.token_urlsafe(32)
    door = _door(folder.socket())
    own = OwnJobs(client, folder.path)
    engine = Engine(folder, Catalogue(client), own)
    process = identify(os.getpid())
    assert process is not None  # noqa: S101
    folder.write(Running(process, door.getsockname(), secret, client.url, version("storax")))
    service = Service(engine, secret)
    server = uvicorn.Server(uvicorn.Config(
        service.app, log_level="warning", access_log=False, ws="none", lifespan="off",
        timeout_graceful_shutdown=STOP_WITHIN_SEC,
    ))  # fmt: skip
    service.ending = lambda: server.should_exit
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn ends by it, and then raises it once more
    threading.Thread(target=own.clear, daemon=True).start()
    log.info("serving %s for %s", folder.path, client.url)
    try:
        server.run(sockets=[door])
    finally:
        folder.forget()
        own.stop()
        log.info("ended")
        logging.shutdown()
        os._exit(0)  # a command that still runs in a thread must not keep the process


def _door(path: Path) -> socket.socket:
    """A socket that only its owner can connect to, from the first moment on."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        door.bind(str(path))
    finally:
        os.umask(before)
    door.listen(128)
    return door


class Service:
    """The routes.

    Attributes:
        ending: returns whether this process is about to end. What is at work then is left as it is, and not cancelled:
            ``OwnJobs.stop`` reports the jobs of this process, and those of sites go on.
    """

    def __init__(self, engine: Engine, secret: str) -> None:
        self.ending: Callable[[], bool] = lambda: False
        self._engine = engine
        self._secret = f"Bearer {secret}".encode()
        self._threads = ThreadPoolExecutor(32, thread_name_prefix="command")
        self.app = Starlette(
            routes=[
                Route(f"{protocol.COMMAND_PATH}{{name}}", self._do, methods=["POST"]),
                Route(f"{protocol.TABLE_PATH}{{name}}", self._table, methods=["POST"]),
            ]
        )

    async def _do(self, request: Request) -> Response:
        try:
            self._admit(request)
            run, inflow = await self._command(request, COMMANDS)
        except StoraxError as error:
            return _refused(error)
        work = Work()
        future = asyncio.get_running_loop().run_in_executor(self._threads, partial(run, work))
        if inflow:
            await inflow.feed(future)
        return StreamingResponse(_lines(future, work, self.ending), media_type="application/x-ndjson")

    async def _table(self, request: Request) -> Response:
        work = Work()
        try:
            self._admit(request)
            run, inflow = await self._command(request, TABLES)
            future = asyncio.get_running_loop().run_in_executor(self._threads, partial(run, work))
            if inflow:
                await inflow.feed(future)
            table = await _awaited(future, request, work, self.ending)
        except Exception as error:
            return _refused(_known(error))
        return StreamingResponse(outflow(table), media_type=ARROW)

    def _admit(self, request: Request) -> None:
        """Refuse who does not show the secret, or speaks another version of the protocol."""
        if not compare_digest(request.headers.get("authorization", "").encode(), self._secret):
            raise Unauthorized("The engine's secret is missing or wrong.", hint="It stands in engine.json.")
        spoken = request.headers.get(protocol.PROTOCOL_HEADER, "1")  # clients of the first release name none
        if spoken != str(PROTOCOL):
            raise InvalidInput(
                f"The engine speaks version {PROTOCOL} of its protocol, and was called by version {spoken!r}.",
                hint="Use the same version of Storax in the script and the engine: `storax engine stop` ends this one.",
            )

    async def _command(
        self, request: Request, known: Mapping[str, Callable[..., Any]]
    ) -> tuple[Callable[[Work], Any], Inflow | None]:
        name = request.path_params["name"]
        if name not in known:
            raise NotFound(f"The engine knows no command {name!r}.", hint=nearest(name, known))
        inflow = Inflow(request.stream()) if request.headers.get("content-type") == ARROW else None
        body = await inflow.arguments(LONGEST_ARGUMENTS) if inflow else await request.body()
        arguments = _parsed(body)
        command = known[name]
        _fit(name, command, arguments | ({"table": None} if inflow else {}))

        def run(work: Work) -> Any:
            table = {"table": inflow.table()} if inflow else {}
            try:
                return command(self._engine, work, **arguments, **table)
            finally:
                table.clear()
                memory.give_back(at_once=name in FREEING)

        return run, inflow


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        arguments = json.loads(body)
    except ValueError as error:
        raise InvalidInput("The arguments are no JSON.") from error
    if not isinstance(arguments, dict):
        raise InvalidInput("The arguments are no JSON object.")
    return arguments


def _fit(name: str, command: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    try:
        inspect.signature(command).bind(None, None, **arguments)
    except TypeError as error:
        raise InvalidInput(f"{name}: {error}.") from error


async def _lines(future: "asyncio.Future[Any]", work: Work, ending: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Progress as it comes, then the end. A caller who hangs up cancels the command, unless this process is ending."""
    last = (0.0, "")
    try:
        while not (await asyncio.wait({future}, timeout=_PROGRESS_EVERY_SEC))[0]:
            now = await asyncio.to_thread(work.state)
            if now != last:
                last = now
                yield protocol.encode(Progress(*now)) + b"\n"
        yield protocol.encode(_end(future)) + b"\n"
    finally:
        if not future.done() and not ending():
            threading.Thread(target=_cancel, args=(future, work), daemon=True).start()


async def _awaited(
    future: "asyncio.Future[pa.Table]", request: Request, work: Work, ending: Callable[[], bool]
) -> pa.Table:
    """Return the table. A caller who hangs up cancels the command, as in ``_lines``."""
    while not (await asyncio.wait({future}, timeout=_PROGRESS_EVERY_SEC))[0]:
        if await request.is_disconnected() and not ending():
            work.cancel(HUNG_UP)
    return future.result()


def _cancel(future: "asyncio.Future[Any]", work: Work) -> None:
    while not future.done():
        work.cancel(HUNG_UP)
        time.sleep(_CANCEL_EVERY_SEC)


def _end(future: "asyncio.Future[Any]") -> Result | Failure:
    error = future.exception()
    return Result(future.result()) if error is None else Failure(_problem(_known(error)))


def _known(error: BaseException) -> StoraxError:
    """An error of our tree; what was not foreseen is logged with its trace."""
    if isinstance(error, StoraxError):
        return error
    if isinstance(error, OSError) and error.strerror:
        return StoraxError(f"{error.filename or 'The disk'}: {error.strerror}.", hint="Nothing was changed.")
    if isinstance(error, (MemoryError, pa.ArrowMemoryError, duckdb.OutOfMemoryException)):
        return StoraxError("There is too little memory for it.", hint="unload() frees that of data frames.")
    if isinstance(error, duckdb.InterruptException):
        return Cancelled("It was cancelled.")
    log.error("a command failed", exc_info=error)
    return StoraxError(f"The engine met something it did not expect: {type(error).__name__}: {error}")


def _problem(error: StoraxError) -> Problem:
    return Problem(error.code, error.message, error.hint)


def _refused(error: StoraxError) -> Response:
    status = 401 if isinstance(error, Unauthorized) else 400
    return Response(protocol.encode(_problem(error)), status_code=status, media_type=protocol.JSON)
