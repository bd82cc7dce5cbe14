"""Read rows page by page, by key; the next page is fetched while the present one is used."""

from collections.abc import Callable, Iterator
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from storax._orm.query_plan import PAGE, Plan
from storax._runtime.garbage_collector import collector_paused
from storax._runtime.json import dumps

if TYPE_CHECKING:
    from storax.client import Client


class Page(NamedTuple):
    """Column names and rows of one reply, and the cursor of the next."""

    columns: tuple[str, ...]
    rows: list[list[Any]]
    next: str | None


class Prefetch:
    """A page that a thread of its own fetches; ``result`` waits for it."""

    def __init__(self, fetch: Callable[[], Page]) -> None:
        self._fetch = fetch
        self._page: Page | None = None
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, name="storax-page", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._page = self._fetch()
        except Exception as error:  # result() raises it
            self._error = error

    def result(self) -> Page | None:
        """Return the page, or raise what fetching it raised."""
        self._thread.join()
        if self._error:
            raise self._error
        return self._page


def read_page(client: "Client", path: str, body: dict[str, Any]) -> Page:
    """Read one page."""
    reply = client.call("POST", f"/{path}/query", dumps(body))
    with collector_paused():
        body = reply.json()
    return Page(tuple(body["columns"]), body["rows"], body["next"])


def read_pages(client: "Client", path: str, body: dict[str, Any]) -> Iterator[Page]:
    """Read all pages, one after the other: the server ends a page where it has many bytes."""
    page = read_page(client, path, body)
    yield page
    while page.next:
        page = read_page(client, path, {**body, "cursor": page.next})
        yield page


def pages(client: "Client", path: str, plan: Plan, *, size: int = PAGE, fields: tuple[str, ...] = ()) -> Iterator[Page]:
    """Yield all pages of ``plan``, ``size`` rows each; a deep page costs the server no more than the first."""
    if plan.nothing or plan.window.span == 0:
        return
    taken = 0
    page: Page | None = read_page(client, path, plan.page(limit=size, fields=fields))
    while page:
        taken += len(page.rows)
        cursor = page.next if page.rows and (plan.window.span is None or taken < plan.window.span) else None
        prefetch = (
            Prefetch(_fetch(client, path, plan.page(cursor=cursor, taken=taken, limit=size, fields=fields)))
            if cursor
            else None
        )
        yield page
        page = prefetch.result() if prefetch else None


def _fetch(client: "Client", path: str, body: dict[str, Any]) -> Callable[[], Page]:
    return lambda: read_page(client, path, body)
