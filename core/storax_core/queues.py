"""Redis queues. Everything in Redis is a hint that Postgres can rebuild.

Keys: ``ready:{site}`` and ``batch:{site}`` are sorted sets of ids that are probably runnable (score: priority, age), of
which the first ``QUEUE_KEPT`` in line are kept. ``cancel:{session}`` wakes a session whose job is to be stopped,
``feed`` is the stream of published positions, ``wake`` the channel that tells the feeder of a commit. ``box:{name}`` is
a list of short, signed messages between API processes.
"""

import hmac
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from time import monotonic
from typing import Any

from redis.exceptions import ResponseError

from storax_core.redis_connections import QUICK_SEC, QueueDown, RedisConnections

__all__ = ["FILLED", "Mailboxes", "QueueDown", "Queues"]
AGE_SPAN = 10**12  # ids below this keep their order within one priority; a double holds both exactly
FEED_KEPT = 256  # stream entries: positions up to which the log is published; the last one says it all
QUEUE_KEPT = 100_000  # ids of one queue, those first in line; the feeder adds the next from Postgres
PIECE, AT_ONCE = 1000, 5000  # ids of one command, and of one round trip: a slow Redis takes them within its deadline
# The most memory of each, as ``MEMORY USAGE`` says: about 56 bytes for an entry, and 80 for an id.
FEED_BYTES, QUEUE_BYTES = 64 << 10, 16 << 20
CANCEL_TTL_SEC = 3600
FILLED = "queues"  # a mark that a flush takes away
CHANNEL_QUIET_SEC = 5.0  # without a wake-up, after which the channel is asked for a sign of life
LARGEST_ID = 2**63 - 1
MAC_BYTES = 32
Rows = list[tuple[int, int]]  # ids and priorities


def score(priority: int, row_id: int) -> int:
    """Smaller is sooner: the order of ``resources.job.first_in_line`` as a number."""
    return -priority * AGE_SPAN + row_id


def _add(pipe: Any, key: str, rows: Sequence[tuple[int, int]]) -> None:
    """Add (id, priority) pairs to a queue, ``PIECE`` at once, so that nobody waits long; keep those first in line."""
    for k in range(0, len(rows), PIECE):
        pipe.zadd(key, {str(i): score(p, i) for i, p in rows[k : k + PIECE]})
        pipe.zremrangebyrank(key, QUEUE_KEPT, -1)


def _round_trips(batches: Sequence[tuple[str, int, Rows]]) -> Iterator[list[tuple[int, str, Rows]]]:
    """Yield pieces of batches to send together: the place of the batch, its key, and ``PIECE`` of its rows at most."""
    pieces, size = list[tuple[int, str, Rows]](), 0
    for place, (kind, site_id, rows) in enumerate(batches):
        for k in range(0, len(rows), PIECE):
            pieces.append((place, f"{kind}:{site_id}", rows[k : k + PIECE]))
            size += len(pieces[-1][2])
            if size >= AT_ONCE:
                yield pieces
                pieces, size = [], 0
    if pieces:
        yield pieces


class Queues(RedisConnections):
    """Hints about runnable work, by site, and the published events.

    What others wrote into Redis is no reason to fail: a member that is no id is skipped.
    """

    def __init__(self, url: str, *, sleepers: int = 1024) -> None:
        super().__init__(url, sleepers=sleepers)
        self._owing = False

    def _ids(self, key: str, members: Iterable[tuple[bytes, float]]) -> list[int]:
        """Return the ids among the members of a queue."""
        ids = []
        for member, _ in members:
            if member.isdigit() and len(member) < 20 and int(member) <= LARGEST_ID:
                ids.append(int(member))
            else:
                self.count_bad_entry(f"{member[:40]!r} in {key}")
        return ids

    async def push_many(self, batches: Sequence[tuple[str, int, Rows]]) -> list[int]:
        """Add (id, priority) pairs to queues by (kind, site); ``kind`` is ready or batch.

        Returns how many of each batch were not in the queue. Few are one round trip, many are several, each with its
        deadline.
        """
        added = [0] * len(batches)
        for pieces in _round_trips(batches):
            async with self._quick("zset", *{key for _, key, _ in pieces}):
                pipe = self._redis.pipeline(transaction=False)
                for _, key, rows in pieces:
                    _add(pipe, key, rows)
                answers = await pipe.execute()
            for (place, _, _), count in zip(pieces, answers[::2], strict=True):  # every second answer is of a cut
                added[place] += count
        return added

    async def drop_many(self, batches: Sequence[tuple[str, int, Sequence[int]]]) -> None:
        """Remove ids from the queues of several (kind, site), in one round trip."""
        async with self._quick("zset", *(f"{kind}:{site_id}" for kind, site_id, _ in batches)):
            pipe = self._redis.pipeline(transaction=False)
            for kind, site_id, ids in batches:
                pipe.zrem(f"{kind}:{site_id}", *ids)
            await pipe.execute()

    async def lengths(self, kind: str, site_ids: Iterable[int]) -> int:
        """How many ids wait in the queues of these sites together."""
        keys = [f"{kind}:{site_id}" for site_id in site_ids]
        async with self._quick("zset", *keys):
            pipe = self._redis.pipeline(transaction=False)
            for key in keys:
                pipe.zcard(key)
            return sum(await pipe.execute())

    async def pop(self, kind: str, site_id: int, count: int) -> list[int]:
        """Take up to ``count`` ids from the head of a site's queue."""
        key = f"{kind}:{site_id}"
        async with self._quick("zset", key):
            got: Any = await self._redis.zpopmin(key, count)
        return self._ids(key, got)

    async def wait(
        self, kind: str, site_id: int, session_id: int | None, seconds: float, count: int = 1
    ) -> tuple[str, list[int]] | None:
        """Wait until the queue has ids, and take up to ``count``. Returns the kind and the ids, None when time is up,
        or "cancel" and job ids, where ``session_id`` is named and a cancel of one of its jobs comes first.
        """
        keys = [f"{kind}:{site_id}"] if session_id is None else [f"cancel:{session_id}", f"{kind}:{site_id}"]
        async with self._guard(seconds + QUICK_SEC, "zset", *keys):
            got: Any = await self._sleeping.bzmpop(seconds, len(keys), keys, min=True, count=count)
        return (got[0].decode().split(":")[0], self._ids(got[0].decode(), got[1])) if got else None

    async def push_cancels(self, rows: Iterable[tuple[int, int]]) -> None:
        """Wake the sessions of (session, job) pairs."""
        rows = list(rows)
        async with self._quick("zset", *(f"cancel:{session_id}" for session_id, _ in rows)):
            pipe = self._redis.pipeline(transaction=False)
            for session_id, job_id in rows:
                pipe.zadd(f"cancel:{session_id}", {str(job_id): job_id})
                pipe.expire(f"cancel:{session_id}", CANCEL_TTL_SEC)
            await pipe.execute()

    async def drop_cancels(self, session_id: int) -> bool:
        """The session gets its cancels. Returns whether there was a new one."""
        async with self._quick():
            return bool(await self._redis.delete(f"cancel:{session_id}"))

    async def publish(self, last: int) -> bool:
        """Tell readers that the log is published up to position ``last``.

        Returns False if the stream is there already, or further: Redis refuses an entry that does not follow the last.
        """
        # An API process of the release before reads a gap in this body, and goes to Postgres.
        body = b'{"after":%d,"events":[]}' % last
        async with self._quick("stream", "feed"):
            try:
                await self._redis.xadd("feed", {"e": body}, id=f"{last}-0", maxlen=FEED_KEPT, approximate=True)
            except ResponseError as error:
                if "equal or smaller" not in str(error):
                    raise
                return False
        return True

    async def follow(self, after: str, seconds: float) -> list[str]:
        """Ids of the feed's entries behind ``after`` ("$" for from now), waiting up to ``seconds``.

        What an entry holds is not read: who can write to Redis could have written it.
        """
        async with self._guard(seconds + QUICK_SEC, "stream", "feed"):
            got: Any = await self._sleeping.xread({"feed": after}, count=100, block=max(1, int(seconds * 1000)))
        return [entry.decode() for _, entries in got or [] for entry, _ in entries]

    async def feed_end(self) -> str:
        """The id of the feed's last entry."""
        async with self._quick("stream", "feed"):
            last: Any = await self._redis.xrevrange("feed", count=1)
        return str(last[0][0].decode()) if last else "0-0"

    async def drop_feed(self) -> None:
        """Forget the stream."""
        async with self._quick():
            await self._redis.delete("feed")

    async def wake(self, ready: Iterable[tuple[int, int, int]] = ()) -> None:
        """Tell the feeder that something was committed; ``ready`` are (site, job, priority) to add to the queues.

        Both are hints: the feeder polls as well. Where jobs could not be added, the next call that reaches Redis
        takes the mark away that says the queues are full, and the feeder fills them anew.
        """
        sites: dict[int, list[tuple[int, int]]] = {}
        for site_id, job_id, priority in ready:
            sites.setdefault(site_id, []).append((job_id, priority))
        try:
            async with self._quick("zset", *(f"ready:{site_id}" for site_id in sites)):
                pipe = self._redis.pipeline(transaction=False)
                if self._owing:
                    pipe.delete(FILLED)
                for site_id, rows in sites.items():
                    _add(pipe, f"ready:{site_id}", rows)
                pipe.publish("wake", b"1")
                await pipe.execute()
        except QueueDown:
            self._owing = self._owing or bool(sites)
            raise
        self._owing = False

    async def wakes(self) -> AsyncGenerator[None]:
        """Yield at each wake-up, and whenever a subscription begins: until then wake-ups were lost.

        Raises QueueDown when Redis gives no sign of life for ``CHANNEL_QUIET_SEC`` and a moment.
        """
        async with self._guard(None), self._sleeping.pubsub() as channel:
            await channel.subscribe("wake")
            pinged = False
            while True:
                message = await channel.get_message(timeout=QUICK_SEC if pinged else CHANNEL_QUIET_SEC)
                if message is None and pinged:
                    raise QueueDown("Redis gives no sign of life")
                pinged = message is None
                if message is None:
                    await channel.ping()
                elif message["type"] in ("subscribe", "message"):
                    yield

    async def first(self, name: str, seconds: float) -> bool:
        """Whether this is the first call under the name in the last ``seconds``."""
        async with self._quick():
            return bool(await self._redis.set(name, b"1", nx=True, px=int(seconds * 1000)))

    async def mark(self, name: str, value: str) -> None:
        """Remember a text under a name."""
        async with self._quick():
            await self._redis.set(name, value)

    async def marked(self, name: str) -> str | None:
        """The text under a name; None after a flush."""
        async with self._quick():
            value: Any = await self._redis.get(name)
        return str(value.decode(errors="replace")) if value else None

    async def alive(self) -> bool:
        """Whether Redis answers."""
        try:
            async with self._quick():
                return bool(await self._redis.ping())
        except QueueDown:
            return False


class Mailboxes:
    """Short messages between API processes, by the name of a box. A box that nobody empties is forgotten.

    Each message is signed together with the name of its box: one that was written without the key, or that was copied
    from another box, is dropped and counted, and the wait for a message goes on.

    Args:
        queues: Whose connections to use.
        key: Secret that all processes of the server share.
        kept: Messages that a box holds at most; the oldest are dropped.
        seconds: How long a box is kept after its last message.
    """

    def __init__(self, queues: Queues, *, key: bytes, kept: int, seconds: int) -> None:
        self._queues, self._key, self._kept, self._seconds = queues, key, kept, seconds

    async def put(self, box: str, message: bytes) -> None:
        """Add a message to a box."""
        async with self._queues._quick("list", f"box:{box}"):
            pipe = self._queues._redis.pipeline(transaction=True)
            pipe.rpush(f"box:{box}", self._mac(box, message) + message)
            pipe.ltrim(f"box:{box}", -self._kept, -1)
            pipe.expire(f"box:{box}", self._seconds)
            await pipe.execute()

    async def take(self, box: str, seconds: float) -> bytes | None:
        """Take the oldest signed message out of a box, waiting up to ``seconds`` for one; None where none comes."""
        end = monotonic() + seconds
        while signed := await self._take(box, max(0.01, end - monotonic())):
            mac, message = signed[:MAC_BYTES], signed[MAC_BYTES:]
            if hmac.compare_digest(mac, self._mac(box, message)):
                return message
            self._queues.count_bad_entry(f"a message without our signature in box:{box}")
            if monotonic() > end:
                break
        return None

    async def _take(self, box: str, seconds: float) -> bytes | None:
        async with self._queues._guard(seconds + QUICK_SEC, "list", f"box:{box}"):
            taken: Any = await self._queues._sleeping.blpop([f"box:{box}"], timeout=seconds)
        return taken[1] if taken else None

    def _mac(self, box: str, message: bytes) -> bytes:
        return hmac.digest(self._key, box.encode() + b"\0" + message, "sha256")
