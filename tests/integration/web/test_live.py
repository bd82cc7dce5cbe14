"""Live pages: a change is said once a second at most, and whatever a page missed makes it renew itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx

from browsing import Browser
from waiting import eventually
from world import User, World


class Stream:
    """The names of the messages of a stream, read in a thread."""

    def __init__(self, browser: Browser, query: str, headers: dict[str, str] | None = None) -> None:
        self.names: list[str] = []
        self.ended = threading.Event()
        self._request = browser.http.stream(
            "GET", f"live?{query}", headers={"Accept": "text/event-stream", **(headers or {})}
        )
        self._response = self._request.__enter__()
        assert self._response.status_code == 200
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(httpx.HTTPError, httpx.StreamError):  # it broke, and has not ended
            for line in self._response.iter_lines():
                if line.startswith("event: "):
                    self.names.append(line.removeprefix("event: "))
            self.ended.set()


@contextmanager
def stream(browser: Browser, query: str, **headers: str) -> Iterator[Stream]:
    """Read the stream; the server ends it when the session does."""
    opened = Stream(browser, query, headers)
    yield opened
    browser.send(browser.open().form("logout"))
    assert opened.ended.wait(120)


def position(user: User) -> int:
    """Return the position of the newest event, once it is published."""
    newest = int(user.get("/events/", limit=1)["results"][0]["position"])
    eventually(lambda: user.world.run(user.world.app.state.broadcast.published()) >= newest)
    return newest


def test_a_change_is_said_and_a_burst_of_changes_is_said_once(browser: Browser, user: User) -> None:
    app = user.app()
    with stream(browser, f"after={position(user)}&entity=job") as opened:
        user.jobs(app, 50)
        eventually(lambda: opened.names)
        assert opened.names == ["job-changed"]
        user.site()
        user.jobs(app, 1)
        eventually(lambda: len(opened.names) == 2)
        assert set(opened.names) == {"job-changed"}


def test_what_happened_before_the_stream_was_open_or_while_it_was_broken_is_said_at_once(
    browser: Browser, user: User
) -> None:
    app, before = user.app(), position(user)
    user.jobs(app, 1)
    with stream(browser, f"after={before}&entity=job&entity=site", **{"Last-Event-ID": str(position(user))}) as opened:
        eventually(lambda: len(opened.names) == 2)
        assert opened.names == ["job-changed", "site-changed"]


def test_a_stream_ends_with_its_session(browser: Browser, user: User) -> None:
    with stream(browser, f"after={position(user)}") as opened:
        assert not opened.ended.is_set()


def test_a_stream_of_another_user_hears_nothing(browser: Browser, user: User, world: World) -> None:
    other = world.user()
    with stream(browser, f"after={position(user)}") as opened:
        other.jobs(other.app(), 1)
        user.site()
        eventually(lambda: opened.names)
        assert opened.names == ["site-changed"]


def test_a_stream_of_a_kind_that_there_is_not_is_refused(browser: Browser) -> None:
    answer = browser.http.get("live?entity=nothing", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 422
    assert "nothing" in answer.text
