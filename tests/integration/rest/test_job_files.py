"""Windows of jobs' files: asked for by their owner, read by the agent of the job's site, and by nobody else."""

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from world import User, World


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def exchange(user: User, job: int, site: int, reply: dict[str, Any], **params: Any) -> tuple[Any, dict[str, Any]]:
    """Ask for a window, and answer as the agent of the site does; return the answer and what the agent was asked."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(user.ask_again, "GET", f"/jobs/{job}/file", params={"wait": 20, **params})
        (request,) = user.ask_again("POST", f"/sites/{site}/file-requests", params={"wait": 20}).json()["requests"]
        user.ask_again("POST", f"/sites/{site}/file-replies", {"replies": [{"id": request["id"], **reply}]})
        return answer.result(30), request


def test_a_window_comes_from_the_agent_of_the_jobs_site(user: User) -> None:
    site = user.site()
    (job,) = user.jobs(user.app(site), 1, workdir="runs/1")
    reply = {"data": base64.b64encode(b"\xffdef").decode(), "offset": 3, "size": 10, "inode": 77}
    answer, request = exchange(user, job, site, reply, path="job.err", offset=-7, size=4)
    assert (answer.status_code, answer.content) == (200, b"\xffdef")
    assert (answer.headers["x-storax-file-offset"], answer.headers["x-storax-file-size"]) == ("3", "10")
    assert answer.headers["x-storax-file-id"] == "77"
    wanted = {"job_id": job, "workdir": "runs/1", "path": "job.err", "offset": -7, "size": 4}
    assert wanted.items() <= request.items()


@pytest.mark.parametrize(
    ("reply", "status"), [({"missing": True, "error": "no file"}, 404), ({"error": "it is a symlink"}, 422)]
)
def test_what_the_agent_refuses_is_an_error_of_the_caller(user: User, reply: dict[str, Any], status: int) -> None:
    site = user.site()
    (job,) = user.jobs(user.app(site), 1)
    answer, _ = exchange(user, job, site, reply)
    assert (answer.status_code, answer.json()["detail"]) == (status, reply["error"])


def test_a_site_without_agent_is_named_and_not_waited_for_longer(user: User) -> None:
    (job,) = user.jobs(user.app(user.site("quiet")), 1)
    answer = user.refused("GET", f"/jobs/{job}/file", status=409, code="conflict", params={"wait": 0.1})
    assert "quiet" in answer["detail"]
    assert "storax site start" in answer["hint"]


def test_a_request_whose_caller_left_is_not_read(user: User) -> None:
    site = user.site()
    (job,) = user.jobs(user.app(site), 1)
    user.refused("GET", f"/jobs/{job}/file", status=409, code="conflict", params={"wait": 0.01})
    answer = user.ask_again("POST", f"/sites/{site}/file-requests", params={"wait": 0})
    assert answer.json()["requests"] == []


def test_nobody_reads_or_answers_for_another_user(world: World, user: User) -> None:
    site, other = user.site(), world.user()
    (job,) = user.jobs(user.app(site), 1)
    other.refused("GET", f"/jobs/{job}/file", status=404, code="not_found")
    other.refused("POST", f"/sites/{site}/file-requests", status=404, code="not_found")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(user.ask_again, "GET", f"/jobs/{job}/file", params={"wait": 20})
        (request,) = user.ask_again("POST", f"/sites/{site}/file-requests", params={"wait": 20}).json()["requests"]
        forged = {"id": request["id"], "data": "Zm9yZ2Vk", "size": 6}
        other.post(f"/sites/{site}/file-replies", {"replies": [forged]})
        user.ask_again("POST", f"/sites/{site}/file-replies", {"replies": [{**forged, "data": "dHJ1ZQ==", "size": 4}]})
        assert answer.result(30).content == b"true"


@pytest.mark.parametrize("params", [{"size": (1 << 20) + 1}, {"size": -1}, {"path": ""}, {"wait": 1000}, {"nope": 1}])
def test_bounds_are_checked_before_an_agent_is_asked(user: User, params: dict[str, Any]) -> None:
    (job,) = user.jobs(user.app(user.site()), 1)
    user.refused("GET", f"/jobs/{job}/file", status=422, code="invalid", params=params)


def test_a_reply_is_bounded(user: User) -> None:
    site = user.site()
    huge = {"id": str(uuid4()), "data": "A" * (1 << 21)}
    user.refused("POST", f"/sites/{site}/file-replies", {"replies": [huge]}, status=422, code="invalid")
