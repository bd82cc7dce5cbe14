"""The process that ``service.py`` starts.

Talks to its parent over stdin, which is a socket, and exits when it closes.
"""

import os
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from storax import _installation as installation
from storax_agent.launch.protocol.stream import LineBuffer
from storax_agent.launch.spawner.agent_link import BLOCK
from storax_agent.settings.environment_secrets import take_secrets
from storax_agent.settings.locations import S3Location
from storax_agent.transfers.base import Moved, TransferError, TransferService, TryAgainError, Watch
from storax_agent.transfers.separate_process.messages import (
    Check,
    Checked,
    Configure,
    Crashed,
    Failed,
    Finished,
    Move,
    Progress,
    Reply,
    Request,
    StopMoving,
    decode_request,
    encode,
)


def main(decode: Callable[[bytes], Request] = decode_request, encode_reply: Callable[[Reply], bytes] = encode) -> None:
    """Perform calls, one at a time, until the socket closes; then end at once, as if killed."""
    take_secrets()
    connection, buffer = socket.socket(fileno=os.dup(0)), LineBuffer()
    worker = Worker(lambda reply: connection.sendall(encode_reply(reply)))
    while block := connection.recv(BLOCK):
        for line in buffer.feed(block):
            worker.handle(decode(line))
    os._exit(0)


class Worker:
    """The service of one location, made at the first call."""

    def __init__(self, send: Callable[[Reply], None]) -> None:
        self._send = send
        self._sending = threading.Lock()
        self._watch = Watch()
        self._configuration: Configure | None = None
        self._service: TransferService | None = None

    def handle(self, request: Request) -> None:
        """One request of the agent; calls are performed by a thread of their own."""
        match request:
            case Configure():
                self._configuration = request
            case StopMoving():
                self._watch.stop.set()
            case Move() | Check():
                self._watch = Watch(self._report)
                threading.Thread(target=self._perform, args=(request, self._watch), daemon=True).start()

    def _report(self, moved: Sequence[Moved]) -> None:
        self._reply(Progress(moved))

    def _perform(self, request: Move | Check, watch: Watch) -> None:
        try:
            reply = self._answer(request, watch)
        except TransferError as error:
            reply = Failed(str(error), isinstance(error, TryAgainError))
        except Exception as error:  # the agent logs it
            reply = Crashed(repr(error)[:500])
        self._reply(reply)

    def _answer(self, request: Move | Check, watch: Watch) -> Reply:
        assert self._configuration is not None  # noqa: S101
        self._service = self._service or _service(self._configuration)
        if isinstance(request, Check):
            return Checked(self._service.check())
        move = self._service.statuses if request.call == "statuses" else self._service.submit
        return Finished(move(request.items, watch))

    def _reply(self, reply: Reply) -> None:
        with self._sending:
            try:
                self._send(reply)
            except OSError:
                os._exit(0)


def _service(configuration: Configure) -> TransferService:
    location = S3Location.model_validate(configuration.place)
    try:
        from storax_agent.transfers.s3 import S3Transfer
    except ModuleNotFoundError as error:
        raise TransferError(f"{location.url}: {error}; install it with: {installation.add_extra('s3')}") from error
    data, scratch = Path(configuration.data), Path(configuration.scratch)
    return S3Transfer(location, data=data, scratch=scratch, part_bytes=configuration.part_bytes)


if __name__ == "__main__":
    main()
