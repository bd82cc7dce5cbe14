"""Globus, by requests and answers alone: nothing here reaches the real service, and nothing shows that it would log in.

The answers are those of ``globus_sdk.testing`` where it has them, and otherwise as its API reference prints them.
"""

import json
from pathlib import Path

import globus_sdk
import pytest
import responses
from globus_sdk.testing import RegisteredResponse, get_last_request, load_response

from storax_agent.settings.locations import GlobusLocation
from storax_agent.transfers.base import Item, Watch
from storax_agent.transfers.globus import GlobusTransfer, client_of

FAR, NEAR = "6c54cade-bde5-45c1-bdea-f4bd71dba2cc", "31ce9ba0-176d-45a5-add3-f37d233ba47d"
TASK = "f5370336-ad79-11e8-823c-0a3b7ca8ce66"


@pytest.fixture(autouse=True)
def wire():
    """No request leaves the process."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        responses.start()
        yield mock
        responses.stop()
        responses.reset()


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data/job").mkdir(parents=True)
    for name in ("out.txt", "more.txt"):
        (tmp_path / "data/job" / name).write_text(name)
    return tmp_path / "data"


@pytest.fixture
def service(data):
    place = GlobusLocation(
        url=f"globus://{FAR}/base", local_collection=NEAR, local_path="/sites/one", client_id=NEAR,
        client_secret_file=Path("/nowhere"),
    )  # fmt: skip
    client = globus_sdk.TransferClient(authorizer=globus_sdk.AccessTokenAuthorizer("token"))
    return GlobusTransfer(place, data=data, client=client)


def item(number, direction="in", remote="/a b", local="in.txt", *, recursive=False, task=None):
    return Item(number, direction, "campus", remote, "job", local, recursive, task)


def accept():
    load_response(globus_sdk.TransferClient.get_submission_id)
    load_response(globus_sdk.TransferClient.submit_transfer)


def answer_task(**fields):
    row = {
        "DATA_TYPE": "task", "task_id": TASK, "status": "ACTIVE", "bytes_transferred": 0, "files_transferred": 0,
        "nice_status": None, "nice_status_short_description": None, "nice_status_details": None, "fatal_error": None,
        **fields,
    }  # fmt: skip
    load_response(RegisteredResponse(service="transfer", path=f"/v0.10/task/{TASK}", json=row))


def test_one_task_is_ordered_for_a_batch(service):
    accept()
    moved = service.submit([item(1), item(2, remote="/d", local="sub/d")], Watch())
    assert [(one.state, bool(one.task_id)) for one in moved] == [("active", True)] * 2
    assert len({one.task_id for one in moved}) == 1
    document = json.loads(get_last_request().body)
    assert (document["source_endpoint"], document["destination_endpoint"]) == (FAR, NEAR)
    assert document["sync_level"] == 3, "files are compared by checksum"
    assert document["verify_checksum"] is True
    assert [(row["source_path"], row["destination_path"]) for row in document["DATA"]] == [
        ("/base/a b", "/sites/one/job/in.txt"),
        ("/base/d", "/sites/one/job/sub/d"),
    ]


def test_what_goes_out_goes_the_other_way(service):
    accept()
    service.submit([item(1, "out", "/r", "out.txt"), item(2, "out", "/s", "more.txt")], Watch())
    document = json.loads(get_last_request().body)
    assert (document["source_endpoint"], document["destination_endpoint"]) == (NEAR, FAR)
    assert document["DATA"][0]["source_path"] == "/sites/one/job/out.txt"


def test_what_may_not_be_moved_is_not_ordered(service, data):
    accept()
    (data / "job/link").symlink_to("/etc")
    bad = [item(1, "out", "/x", "link"), item(2, "out", "/x", "link/hosts"), item(3, "out", "/x", "../x"),
           item(4, "out", "/../x", "out.txt"), item(5, "out", "/x", "missing")]  # fmt: skip
    moved = service.submit([*bad, item(6, "out", "/good", "out.txt")], Watch())
    assert [one.state for one in moved] == ["error"] * 4 + ["again", "active"]
    assert [row["destination_path"] for row in json.loads(get_last_request().body)["DATA"]] == ["/base/good"]


def test_a_task_under_way_shows_its_bytes(service):
    answer_task(bytes_transferred=500, files_transferred=1, nice_status_details="CONNECT_FAILED")
    moved = service.statuses([item(1, task=TASK), item(2, task=TASK)], Watch())
    assert {one.state for one in moved} == {"active"}
    assert moved[0].info == {"task": TASK, "bytes": 500, "files": 1, "status": "CONNECT_FAILED"}


def test_a_task_that_succeeded_ends_all_its_items(service):
    answer_task(status="SUCCEEDED", bytes_transferred=7, files_transferred=2)
    assert [one.state for one in service.statuses([item(1, task=TASK), item(2, task=TASK)], Watch())] == ["done"] * 2


def test_a_task_that_failed_says_why_and_keeps_what_arrived(service):
    answer_task(status="FAILED", fatal_error={"code": "PERMISSION_DENIED", "description": "no write permission"})
    arrived = {"DATA_TYPE": "successful_transfers", "marker": 0, "next_marker": None, "DATA": [
        {"DATA_TYPE": "successful_transfer", "source_path": "/base/a b", "destination_path": "/sites/one/job/in.txt"}
    ]}  # fmt: skip
    load_response(RegisteredResponse(service="transfer", path=f"/v0.10/task/{TASK}/successful_transfers", json=arrived))
    first, second = service.statuses([item(1, task=TASK), item(2, remote="/c", local="c", task=TASK)], Watch())
    assert first.state == "done"
    assert (second.state, second.own, "no write permission" in second.info["error"]) == ("again", True, True)
    assert "campus:/c" in second.info["error"]


@pytest.mark.parametrize(("status", "state"), [(403, "error"), (404, "error"), (503, "again"), (429, "again")])
def test_a_refusal_is_final_and_a_busy_service_is_not(service, status, state, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _s: None)
    reply = {"code": "ClientError", "message": "in words", "request_id": "x"}
    load_response(RegisteredResponse(service="transfer", path=f"/v0.10/task/{TASK}", json=reply, status=status))
    (moved,) = service.statuses([item(1, task=TASK)], Watch())
    assert (moved.state, "in words" in moved.info["error"]) == (state, True)


def test_an_item_whose_task_was_never_recorded_is_submitted_again(service):
    accept()
    assert service.statuses([item(1)], Watch())[0].task_id


def test_a_cancelled_item_cancels_its_task(service):
    reply = {"DATA_TYPE": "result", "code": "Canceled", "message": "cancelled", "request_id": "x", "resource": "/task"}
    load_response(RegisteredResponse(service="transfer", path=f"/v0.10/task/{TASK}/cancel", method="POST", json=reply))
    service.cancel([item(1, task=TASK)])
    assert get_last_request().path_url.endswith("/cancel")


def test_a_secret_that_cannot_be_read_is_named():
    place = GlobusLocation(
        url=f"globus://{FAR}/", local_collection=NEAR, client_id=NEAR, client_secret_file=Path("/nowhere/secret")
    )
    with pytest.raises(Exception, match="client_secret_file /nowhere/secret"):
        client_of(place)
