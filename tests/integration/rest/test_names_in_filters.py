"""A misspelt App or site in a filter is told at once; a name that was right once, or matches nothing now, is no error."""

from typing import Any

import pytest

from world import User, World


@pytest.fixture(scope="module")
def user(world: World) -> User:
    owner = world.user()
    site = owner.site("local")
    owner.jobs(owner.app(site, name="Hello"), 2)
    owner.app(site, name="Idle")
    return owner


def counted(user: User, **filters: Any) -> int:
    return int(user.post("/jobs/query", {"filter": filters, "count": True, "limit": 0})["count"])


@pytest.mark.parametrize(
    ("path", "filters", "nearest"),
    [
        ("jobs", {"app_name": "Helo"}, "Hello"),
        ("jobs", {"app_name": ["Hello", "Idel"]}, "Idle"),
        ("jobs", {"site_name": "locl"}, "local"),
        ("jobs", {"site_name": "local", "app_name": "Helo"}, "Hello"),
        ("apps", {"site_name": "locl"}, "local"),
    ],
    ids=str,
)
def test_a_misspelt_name_in_a_filter_names_the_nearest(
    user: User, path: str, filters: dict[str, Any], nearest: str
) -> None:
    calls: list[tuple[str, str, Any]] = [
        ("POST", f"/{path}/query", {"filter": filters}),
        ("POST", f"/{path}/query", {"filter": filters, "count": True, "limit": 0}),
        ("POST", f"/{path}/query", {"exclude": [filters]}),  # it would match everything
        ("POST", f"/{path}/counts", {"by": "id", "filter": filters}),
        ("POST", f"/{path}/delete", {"filter": filters}),
    ]
    if path == "jobs":
        calls += [
            ("POST", "/jobs/cancel", {"filter": filters}),
            ("POST", "/jobs/footprint", {"filter": filters}),
            ("PATCH", "/jobs/", {"filter": filters, "patch": {"priority": 1}}),
        ]
    for method, at, body in calls:
        refusal = user.refused(method, at, body, status=422, code="invalid")
        assert refusal["hint"] == f"Did you mean {nearest!r}?", (at, refusal)
        assert repr(next(iter({"Helo", "Idel", "locl"} & set(str(filters).split("'"))))) in refusal["detail"]


def test_a_right_name_that_matches_nothing_is_no_error(user: User) -> None:
    assert counted(user, app_name="Hello") == 2
    assert counted(user, app_name="Idle") == 0
    assert counted(user, app_name=["Idle", "Hello"], site_name="local") == 2
    assert counted(user, app_name=[]) == 0
    assert user.get("/jobs/", app_name="Hello", offset=10)["results"] == []
    assert user.get("/apps/", name="Helo")["results"] == []  # whether one is there may be asked


def test_a_name_that_is_left_out_leaves_the_others(world: World) -> None:
    user = world.user()
    near, far = user.site("near"), user.site("far")
    apps = {(name, site): user.app(site, name=name) for name in ("A", "B") for site in (near, far)}
    jobs = {place: user.jobs(app, 1)[0] for place, app in apps.items()}

    def left(*groups: dict[str, Any]) -> set[int]:
        return {row["id"] for row in user.post("/jobs/query", {"exclude": list(groups)})["results"]}

    assert left({"app_name": "A"}) == {jobs["B", near], jobs["B", far]}
    assert left({"app_name": "A", "site_name": "near"}) == set(jobs.values()) - {jobs["A", near]}
    assert left({"app_name": "A"}, {"site_name": "near"}) == {jobs["B", far]}
    assert left({"app_name": ["A", "B"]}) == set()


def test_the_name_of_what_was_deleted_or_renamed_is_no_error(world: World) -> None:
    user = world.user()
    gone, moved = user.app(user.site("one"), name="Gone"), user.app(user.site("two"), name="Before")
    user.delete(f"/apps/{gone}")
    user.patch(f"/apps/{moved}", {"name": "After"})
    assert [counted(user, app_name=n) for n in ("Gone", "Before", "After")] == [0, 0, 0]


def test_a_user_without_an_app_gets_a_message_that_says_so(world: World) -> None:
    refusal = world.user().refused("POST", "/jobs/query", {"filter": {"app_name": "X"}}, status=422, code="invalid")
    assert refusal["hint"] == "You have no App at all yet."
