"""Ids of commands: those of the client and of the server are UUIDs of version 7, which grow with time."""

import time
from collections.abc import Callable
from uuid import UUID

import pytest

from storax._runtime import retry as of_the_client
from storax_core.log import command_ids as of_the_server


@pytest.mark.parametrize("new", [of_the_client.new_command_id, of_the_server.new_command_id], ids=["client", "server"])
def test_a_command_id_names_its_millisecond_and_comes_once(new: Callable[[], UUID]) -> None:
    before = time.time_ns() // 1_000_000
    ids = [new() for _ in range(10_000)]
    after = time.time_ns() // 1_000_000
    assert {(i.version, i.variant) for i in ids} == {(7, "specified in RFC 4122")}
    times = [i.int >> 80 for i in ids]
    assert before <= times[0]
    assert times[-1] <= after
    assert len({i.int & (1 << 62) - 1 for i in ids}) == len(ids), "62 random bits are not the same twice"
    assert len({i.int >> 64 & 0xFFF for i in ids}) > 3000, "12 random bits take most of their values"
