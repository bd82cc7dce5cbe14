"""One attempt of a delivery: a POST without redirects, with one deadline, of whose answer the status alone counts."""

import asyncio
import http
import ssl
from dataclasses import dataclass

import httpcore

from storax_workers.webhooks.addresses import CheckedNetwork, PrivateAddress

ANSWER_BYTES = 64 * 1024  # of an answer that are read, so that its connection can be used again
ANSWER_SEC = 1.0  # for the rest of an answer whose status is there
CONNECTIONS, IDLE_SEC = 64, 20.0
LONGEST_PROBLEM = 500  # characters
GONE = 410
FAILURES = (
    httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.UnsupportedProtocol,
    ssl.SSLError, OSError, UnicodeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: ``problem`` is empty where the receiver accepted it; ``final``: it never will."""

    problem: str = ""
    final: bool = False


class Sender:
    """Sends messages, each within ``timeout_sec``; with ``private`` to addresses that are not public too."""

    def __init__(self, *, private: bool, timeout_sec: float) -> None:
        self._timeout_sec = timeout_sec
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_trusted(),
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=IDLE_SEC,
            network_backend=CheckedNetwork(private=private),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Make one attempt; whatever happens is its outcome. Once there is a status, nothing else counts."""
        status = 0
        try:
            async with asyncio.timeout(self._timeout_sec) as deadline:
                async with self._pool.stream("POST", url, headers=[*headers.items()], content=body) as response:
                    status = int(response.status)
                    deadline.reschedule(asyncio.get_running_loop().time() + ANSWER_SEC)
                    await _read_rest(response)
        except PrivateAddress as error:
            return Outcome(str(error)[:LONGEST_PROBLEM], final=True)
        except TimeoutError:
            return _outcome(status) if status else Outcome(f"no answer within {self._timeout_sec:g} s")
        except FAILURES as error:
            return _outcome(status) if status else Outcome(f"{type(error).__name__}: {error}"[:LONGEST_PROBLEM])
        return _outcome(status)


async def _read_rest(response: httpcore.Response) -> None:
    left = ANSWER_BYTES
    async for part in response.aiter_stream():
        left -= len(part)
        if left < 0:
            return  # the connection is closed with the rest unread


def _trusted() -> ssl.SSLContext:
    """The authorities that are commonly known, and those of the machine."""
    context = httpcore.default_ssl_context()
    context.load_default_certs()
    return context


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome()
    phrase = http.HTTPStatus(status).phrase if status in set(http.HTTPStatus) else ""
    problem = f"the receiver answered {status} {phrase}".strip()
    if 300 <= status < 400:
        problem += "; redirects are not followed: set the final URL"
    return Outcome(problem, final=status == GONE)
