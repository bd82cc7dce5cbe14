"""The start of a stack waits for the agent of now: what an agent that was killed left behind does not count."""

import pytest

from storax.local.site_reports import agent_is_connected
from storax.local.state import Stack
from world import User, World


@pytest.mark.parametrize(("silence", "connected"), [("0 s", True), ("1 h", False)])
def test_a_session_that_a_killed_agent_left_is_no_connection(
    world: World, user: User, silence: str, connected: bool
) -> None:
    site = user.site("laptop")
    user.session(site)
    world.sql("UPDATE site SET last_refresh = now() - $2::text::interval WHERE id = $1", site, silence)
    assert agent_is_connected(Stack(url=world.url, secrets={"token": user.token}), "laptop") is connected
