"""Each part is a user of its own in Redis, and reaches the keys of its work alone."""

from collections.abc import Iterator

import pytest
import redis

from house.repository import ROOT
from storax.local.servers.valkey_access import RULES
from world import as_login

ALLOWED = {
    "api": ("ZADD ready:1 1 1", "BZMPOP 0.01 1 ready:1 MIN", "XREVRANGE feed + - COUNT 1", "RPUSH box:x 1", "PUBLISH wake 1",
            "SET scanned:1 1 NX PX 1000", "DEL queues"),
    "feeder": ("ZADD ready:1 1 1", "ZREM ready:1 1", "XADD feed * e 1", "DEL feed", "SET queues yes", "ZADD cancel:1 1 1"),
    "tasks": ("RPUSH rq:queue:storax-cron x", "HSET rq:job:x data y", "DEL rq:job:x rq:queue:storax-cron", "INFO server"),
}  # fmt: skip
FOREIGN = {
    "api": ("RPUSH rq:queue:storax-cron x", "HSET rq:job:x data y", "XADD feed * e 1", "GET other", "PUBLISH rq:pubsub:x 1"),
    "feeder": ("RPUSH rq:queue:storax-cron x", "LPOP box:x", "GET scanned:1", "PUBLISH wake 1"),
    "tasks": ("ZADD ready:1 1 1", "XADD feed * e 1", "RPUSH box:x 1", "PUBLISH wake 1", "XREVRANGE feed + -"),
}  # fmt: skip
DANGEROUS = ("FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG GET requirepass", "ACL LIST", "ACL SETUSER mine on nopass ~* +@all",
             "SHUTDOWN NOSAVE", "MONITOR", "REPLICAOF 127.0.0.1 1", "MODULE LIST", "CLIENT KILL TYPE normal",
             "SAVE", "MIGRATE 127.0.0.1 1 feed 0 1")  # fmt: skip


@pytest.fixture(params=RULES)
def part(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(redis_url: str, part: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(as_login(redis_url, f"storax_{part}")) as client:
        yield client


def test_a_part_may_do_what_it_needs(server: redis.Redis, part: str) -> None:
    for command in ALLOWED[part]:
        server.execute_command(*command.split())


def test_a_part_reaches_no_other_parts_keys_and_no_dangerous_command(server: redis.Redis, part: str) -> None:
    for command in FOREIGN[part] + DANGEROUS:
        with pytest.raises(redis.exceptions.NoPermissionError):
            server.execute_command(*command.split())


@pytest.mark.parametrize("part", RULES)
def test_the_users_that_the_docs_tell_an_operator_to_make_are_those_of_the_stack(part: str) -> None:
    page = (ROOT / "docs" / "how-to" / "real-servers.md").read_text()
    assert f"\nuser storax_{part} reset on #... {RULES[part]}\n" in page
