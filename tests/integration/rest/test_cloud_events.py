"""Events as CloudEvents 1.0: the list and the stream have one shape, whose data are the events themselves."""

from datetime import datetime

import pytest

from waiting import eventually
from world import User, World


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def test_the_list_and_the_stream_have_the_events_in_one_shape(user: User) -> None:
    site = user.site("cloudy")
    plain = user.get("/events/", ordering="position")["results"]
    page = user.get("/events/", ordering="position", format="cloudevents", limit=1)
    rest = user.get("/events/", ordering="position", format="cloudevents", cursor=page["next"])
    listed = [*page["results"], *rest["results"]]
    assert [one["data"] for one in listed] == plain
    for one, event in zip(listed, plain, strict=True):
        assert one.keys() == {
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data",
        }  # fmt: skip
        assert (one["specversion"], one["source"]) == ("1.0", "/api/v1/events")
        assert one["datacontenttype"] == "application/json"
        assert (one["id"], one["type"]) == (str(event["position"]), event["type"])
        assert datetime.fromisoformat(one["time"]) == datetime.fromisoformat(event["timestamp"])
    assert f"site/{site}" in [one["subject"] for one in listed]
    with user.stream(after=0, format="cloudevents") as stream:
        eventually(lambda: len(stream.events) >= len(plain))
        later = user.site("cloudier")
        eventually(lambda: stream.events[-1]["subject"] == f"site/{later}")
        past = [{**one, "data": {**one["data"], "changes": None}} for one in stream.events[: len(plain)]]
        assert past == [{**one, "data": {**one["data"], "changes": None}} for one in listed]
        assert [int(one["id"]) for one in stream.events] == stream.ids


@pytest.mark.parametrize(
    ("path", "clue"),
    [
        ("/jobs/?format=cloudevents", "for events"),
        ("/events/?format=cloudevents&fields=position", "all fields"),
        ("/events/?format=xml", "format"),
        ("/events/stream?format=rows", "cloudevents"),
    ],
)
def test_a_format_that_is_not_there_is_refused_with_the_way_out(user: User, path: str, clue: str) -> None:
    answer = user.ask("GET", path)
    assert (answer.status_code, clue in answer.text) == (422, True), answer.text
