"""Saved views: queries of jobs under a name, each user's own, checked as the list of jobs checks its URL."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from storax.api import Client, SavedView
from storax_core import limits
from world import User, World


@pytest.fixture
def user(world: World) -> User:
    """A user without views."""
    return world.user()


def test_a_view_is_created_renamed_changed_and_deleted_by_python_and_each_is_an_event(world: World, user: User) -> None:
    with Client(world.url, user.token):
        view = SavedView.objects.create(name="failed", query="state=FAILED&ordering=-last_update")
        view_id, view.name = view.id, "failed last"
        view.save()
        SavedView.objects.filter(name="failed last").update(query="state=FAILED&tags=a:b&fields=id,attempt")
        assert SavedView.objects.values("name", "query") == [
            {"name": "failed last", "query": "state=FAILED&tags=a:b&fields=id,attempt"}
        ]
        view.delete()
        assert not SavedView.objects.exists()
    events = [(e["type"], e["data"]) for e in user.events(entity="saved_view")]
    assert events == [
        ("saved_view.created", {"id": view_id, "name": "failed", "query": "state=FAILED&ordering=-last_update"}),
        ("saved_view.updated", {"name": "failed last"}),
        ("saved_view.updated", {"query": "state=FAILED&tags=a:b&fields=id,attempt"}),
        ("saved_view.deleted", {}),
    ]


def test_the_query_of_a_view_is_one_of_the_list_of_jobs(user: User) -> None:
    app = user.app()
    user.jobs(app, 2, tags={"run": "a&b = c"})
    user.jobs(app, 3)
    query = (
        "tags=run:a%26b+%3D+c&state=PREPROCESSED&state=READY&ordering=-id&fields=id,state&exclude=%7B%22attempt%22:7%7D"
    )
    view = user.post("/saved-views/", {"name": "mine", "query": query})
    rows = user.ask("GET", f"/jobs/?{view['query']}").json()["results"]
    assert [set(row) for row in rows] == [{"id", "state"}] * 2
    assert rows[0]["id"] > rows[1]["id"]


WRONG = {
    "state=FAILD": "FAILED", "stat=FAILED": "'stat'", "ordering=tags": "'tags'", "fields=id,stat": "'stat'",
    "tags=a": "KEY:VALUE", "exclude=%5B": "JSON", "exclude=1": "exclude", "id=x": "id", "cursor=abc": "'cursor'",
    "offset=2": "'offset'", "limit=x": "limit", "as_of=x": "as_of", "as_of=1&app_name=x": "app_name", "state": "URL",
    "workdir__contains=%00": "NUL", "workdir__contains=%ff": "URL", "/ui/jobs?state=FAILED": "/ui/jobs?state",
    "creation_date_after=2026-01-31T08:00": "time zone",
}  # fmt: skip


@pytest.mark.parametrize("query", WRONG)
def test_a_query_that_the_list_refuses_is_no_view(user: User, query: str) -> None:
    refused = user.refused("POST", "/saved-views/", {"name": "x", "query": query}, status=422, code="invalid")
    assert WRONG[query] in refused["detail"] + refused["hint"]
    view = user.post("/saved-views/", {"name": "good", "query": ""})["id"]
    again = user.refused("PATCH", f"/saved-views/{view}", {"query": query}, status=422, code="invalid")
    assert again["detail"] == refused["detail"]
    assert [row["query"] for row in user.get("/saved-views/")["results"]] == [""]


@pytest.mark.parametrize(
    "row",
    [
        {"name": "", "query": ""}, {"name": "x" * 101, "query": ""}, {"name": " x", "query": ""}, {"name": "x"},
        {"name": "x", "query": "workdir__contains=" + "a" * limits.VIEW_QUERY_CHARACTERS}, {"name": "x", "query": None},
    ],
    ids=lambda row: str(row)[:30],
)  # fmt: skip
def test_name_and_query_are_bounded(user: User, row: dict[str, Any]) -> None:
    user.refused("POST", "/saved-views/", row, status=422, code="invalid")


def test_a_name_is_a_users_own_and_stands_for_one_view(world: World, user: User) -> None:
    user.post("/saved-views/", [{"name": name, "query": ""} for name in ("one", "two")])
    world.user().post("/saved-views/", {"name": "one", "query": ""})
    (one, two) = user.get("/saved-views/", ordering="name")["results"]
    taken = user.refused("POST", "/saved-views/", {"name": "one", "query": ""}, status=409, code="conflict")
    assert "'one' exists already among your saved views" in taken["detail"]
    user.refused("PATCH", f"/saved-views/{two['id']}", {"name": "one"}, status=409, code="conflict")
    assert user.patch(f"/saved-views/{one['id']}", {"name": "one"})["name"] == "one"


def test_no_user_has_more_views_than_the_limit_also_where_calls_come_at_once(user: User) -> None:
    def create(call: int) -> int:
        rows = [{"name": f"{call}-{place}", "query": ""} for place in range(limits.SAVED_VIEWS // 2 + 1)]
        status: int = user.ask("POST", "/saved-views/", rows).status_code
        return status

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(create, range(4)))
    assert statuses == [201, 409, 409, 409]
    room = limits.SAVED_VIEWS - user.post("/saved-views/query", {"count": True, "limit": 0})["count"]
    user.post("/saved-views/", [{"name": f"last-{place}", "query": ""} for place in range(room)])
    refused = user.refused("POST", "/saved-views/", {"name": "more", "query": ""}, status=409, code="conflict")
    assert f"you have {limits.SAVED_VIEWS} saved views" in refused["detail"]
    user.post("/saved-views/delete", {"filter": {"name": "last-0"}})
    user.post("/saved-views/", {"name": "more", "query": ""})


def test_queries_of_views_that_cannot_be_are_not_read(user: User) -> None:
    """Reading thousands of long queries takes seconds, in which the server answers nobody else."""
    rows = [{"name": str(place), "query": "no=filter"} for place in range(limits.SAVED_VIEWS + 1)]
    user.refused("POST", "/saved-views/", rows, status=409, code="conflict")
    mine = user.post("/saved-views/", {"name": "mine", "query": ""})["id"]
    patches = [{"id": mine + place, "query": "no=filter"} for place in (1, 2)]
    user.refused("PATCH", "/saved-views/", patches, status=404, code="not_found")
    user.refused("PATCH", "/saved-views/", [{"id": mine, "query": "no=filter"}], status=422, code="invalid")


def test_the_token_of_a_site_reads_and_makes_no_view(world: World, user: User) -> None:
    user.post("/saved-views/", {"name": "mine", "query": ""})
    token = user.post("/tokens/", {"site_id": user.site()})["token"]
    agent = User(world, user.name, user.id, token)
    with agent.http:
        for method, path in (("GET", "/saved-views/"), ("POST", "/saved-views/"), ("DELETE", "/saved-views/?all=true")):
            agent.refused(method, path, {} if method == "POST" else None, status=403, code="forbidden")
