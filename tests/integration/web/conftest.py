"""A user with a password, and browsers."""

from collections.abc import Callable, Iterator

import pytest

from browsing import PASSWORD, Browser
from storax_api.identity import logins
from world import User, World


@pytest.fixture(scope="module")
def user(world: World) -> User:
    """A user who can sign in."""
    return world.user(password=PASSWORD)


@pytest.fixture
def new_browser(world: World) -> Iterator[Callable[[], Browser]]:
    """Make browsers without cookies; they are closed behind the test."""
    world.app.state.service.logins = logins.LoginThrottle()
    world.sql("DELETE FROM login_failure")
    browsers: list[Browser] = []

    def make() -> Browser:
        browsers.append(Browser(world))
        return browsers[-1]

    yield make
    for browser in browsers:
        browser.close()


@pytest.fixture
def browser(new_browser: Callable[[], Browser], user: User) -> Browser:
    """A browser in which the user is signed in."""
    browser = new_browser()
    assert browser.sign_in(user.name).status == 200
    return browser
