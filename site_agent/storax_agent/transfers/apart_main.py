"""What ``apart.py`` starts: speaks in lines of JSON over its stdin, a socket, and ends with it."""

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from storax_agent.launch.spawner.journal import encode
from storax_agent.launch.spawner.link import BLOCK, Lines
from storax_agent.settings.locations import S3Location
from storax_agent.transfers.base import Item, Moved, TransferError, TransferService, TryAgainError, Watch

Record = dict[str, Any]


def main() -> None:
    """Perform calls, one at a time, until the line closes; then end at once, as if killed."""
    line = socket.socket(fileno=os.dup(0))
    orders = _records(line)
    hello = next(orders, None)
    worker, watch = Worker(hello or {}, line), Watch()
    for order in orders:
        if "stop" in order:
            watch.stop.set()
        else:
            watch = Watch(worker.tell)
            threading.Thread(target=worker.perform, args=(order, watch), daemon=True).start()
    os._exit(0)


def _records(line: socket.socket) -> Iterator[Record]:
    lines = Lines()
    while block := line.recv(BLOCK):
        yield from lines.feed(block)


class Worker:
    """The service of one location, made at the first call."""

    def __init__(self, hello: Record, line: socket.socket) -> None:
        self._hello, self._line = hello, line
        self._speaking = threading.Lock()
        self._service: TransferService | None = None

    def tell(self, moved: Sequence[Moved]) -> None:
        """News of items under way."""
        self._say({"tell": moved})

    def perform(self, order: Record, watch: Watch) -> None:
        """One call, with its answer."""
        try:
            answer = self._answer(order, watch)
        except TransferError as error:
            answer = {"error": str(error), "again": isinstance(error, TryAgainError)}
        except Exception as error:  # the agent logs it
            answer = {"crash": repr(error)[:500]}
        self._say(answer)

    def _answer(self, order: Record, watch: Watch) -> Record:
        self._service = self._service or _made(self._hello)
        if order["call"] == "check":
            return {"words": self._service.check()}
        move = self._service.statuses if order["call"] == "statuses" else self._service.submit
        return {"moved": move([Item(*row) for row in order["items"]], watch)}

    def _say(self, record: Record) -> None:
        with self._speaking:
            try:
                self._line.sendall(encode(record))
            except OSError:
                os._exit(0)


def _made(hello: Record) -> TransferService:
    place = S3Location.model_validate(hello["place"])
    try:
        from storax_agent.transfers.s3 import S3Transfer
    except ModuleNotFoundError as error:
        raise TransferError(f"{place.url}: {error}; install it with: pip install 'storax[s3]'") from error
    data, scratch = Path(hello["data"]), Path(hello["scratch"])
    return S3Transfer(place, data=data, scratch=scratch, part_bytes=hello["part_bytes"])


if __name__ == "__main__":
    main()
