"""The awaited twins of queries and jobs against the real server: the same results, while the event loop goes on."""

import asyncio
import inspect
import keyword
from typing import Any

import pytest

from storax import App, BatchJob, EventLog, Job, Session, Site, TransferItem, errors
from tools.codegen.async_twins import LOCAL
from world import User


def test_queries_are_built_at_once_and_read_when_awaited(user: User) -> None:
    async def script() -> None:
        app = await App.aobjects.create(site_id=user.site(), name="Plain", command_template="true")
        jobs = await Job.aobjects.bulk_create([Job(app=app, workdir=f"w/{n}", tags={"n": str(n)}) for n in range(7)])
        query = Job.aobjects.filter(app_id=app.id).exclude(tags={"n": "3"}).order_by("-id")
        assert [job.tags["n"] for job in await query] == ["6", "5", "4", "2", "1", "0"]
        assert [job.id async for job in query[1:3]] == [jobs[5].id, jobs[4].id]
        assert (await query.count(), await query.exists(), await query.all().counts()) == (6, True, {"PREPROCESSED": 6})
        assert await query.first() == jobs[6]
        assert await query.values_list("id", flat=True) == [job.id for job in jobs[::-1] if job is not jobs[3]]
        assert await Job.aobjects.get(id=jobs[0].id) == jobs[0]
        assert [job async for job in Job.aobjects.filter(id=jobs[2].id).iterator()] == [jobs[2]]
        assert await Job.aobjects.filter(id=jobs[2].id).update(tags__merge={"more": "1"}) == 1
        await jobs[2].arefresh_from_db()
        assert jobs[2].tags == {"n": "2", "more": "1"}
        assert await Job.aobjects.filter(tags={"n": "3"}).delete() == 1
        with pytest.raises(errors.UnknownName, match="Did you mean 'state'"):
            Job.aobjects.filter(stat="FAILED")  # type: ignore[call-arg]
        with pytest.raises(errors.InvalidInput, match="no filter"):
            await Job.aobjects.delete()
        with pytest.raises(errors.InvalidInput, match=r"await query.first\(\)"):
            query[0]  # type: ignore[call-overload]

    asyncio.run(script())


def test_many_awaited_results_come_while_other_calls_go_on(user: User) -> None:
    site = user.site()
    session, app = user.session(site), user.app(site)

    async def script() -> list[Any]:
        jobs = await Job.aobjects.bulk_create([Job(app_id=app, workdir=f"w/{n}") for n in range(40)])
        waits = [asyncio.create_task(job.aresult(timeout=60)) for job in jobs]
        done = asyncio.create_task(jobs[0].await_(60))
        firsts = asyncio.create_task(_ids(Job.aobjects.as_completed(jobs, timeout=60)))
        assert await asyncio.wait_for(Job.aobjects.count(), 20) == 40, "forty waits hold up no other call"
        taken = await asyncio.to_thread(user.acquire, session, 40)
        for one in taken:
            await asyncio.to_thread(user.report, session, one, "RUNNING", "RUN_DONE", return_value=one["id"])
        assert (await done).state == "JOB_FINISHED"
        assert sorted(await firsts) == [job.id for job in jobs]
        results = await asyncio.gather(*waits)
        assert results == [job.id for job in jobs]
        return results

    assert len(asyncio.run(script())) == 40


async def _ids(jobs: Any) -> list[int]:
    return [job.id async for job in jobs]


def test_a_failed_job_raises_in_the_coroutine_and_a_cancelled_wait_harms_nothing(user: User) -> None:
    async def script() -> None:
        job = await Job.aobjects.create(app_id=user.app(), workdir="w")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(job.aresult(), 0.2)
        assert await job.acancel()
        with pytest.raises(Job.Failed, match="cancelled"):
            await job.aresult(timeout=30)
        await job.adelete()
        with pytest.raises(Job.DoesNotExist):
            await Job.aobjects.get(id=10**12)

    asyncio.run(script())


@pytest.mark.parametrize("model", [App, BatchJob, EventLog, Job, Session, Site, TransferItem])
def test_every_call_of_a_query_has_its_twin_with_the_same_parameters(model: Any) -> None:
    blocking, awaited = type(model.objects), type(model.aobjects)
    names = {name for name in dir(blocking) if not name.startswith("_")} - {"using"}
    assert names == {name for name in dir(awaited) if not name.startswith("_")}
    for name in names:
        ours, theirs = inspect.signature(getattr(awaited, name)), inspect.signature(getattr(blocking, name))
        assert list(ours.parameters) == list(theirs.parameters), name


class Add(App):
    site = "awaited"
    command_template = "echo {{ a }} {{ call }}"


def test_a_definition_is_stored_and_submitted_and_a_session_leases_by_awaited_calls(user: User) -> None:
    site = user.site(name="awaited")

    async def script() -> None:
        stored = await Add.async_()
        job = await Add.asubmit("w", a=1, call=2, tags={"n": "1"})
        assert (job.app_id, job.parameters, job.tags) == (stored.id, {"a": 1, "call": 2}, {"n": "1"})
        again = await stored.asubmit("w", a=1, call=2, save=False)
        assert again.id is None
        loaded = (await App.aload_by_id(stored.id or 0), await App.aload_by_name("Add", site="awaited"))
        assert {app._app_name() for app in loaded} == set(await App.aload_by_site(site)) == {"Add"}
        assert await Add.aresolve_site_id() == site
        session = await Session.aobjects.create(site_id=site)
        wait = asyncio.create_task(session.aacquire_jobs(max_num_jobs=2, wait=30))
        (taken,) = await wait
        assert (taken, await session.atick()) == (job, [])
        moves = [{"to": "RUNNING", "at": "2026-01-01T00:00:00Z"}, {"to": "RUN_DONE", "at": "2026-01-01T00:00:01Z"}]
        reply = await session.areport([{"id": job.id, "lease_epoch": taken.lease_epoch, "moves": moves}])
        assert reply["accepted"] == [job.id]
        assert (await job.await_(30)).state == "JOB_FINISHED"
        with pytest.raises(errors.InvalidInput, match="needs the parameter 'call'"):
            await Add.asubmit("w", a=1)

    asyncio.run(script())


@pytest.mark.parametrize("model", [App, BatchJob, Job, Session, Site, TransferItem])
def test_every_call_of_an_instance_that_sends_requests_has_its_twin(model: Any) -> None:
    sends_nothing = {"partitions_to_cli_args", "pickled", "to_dict", "validate"} | LOCAL
    cannot = {"asave", "adelete"} - set(dir(model))  # where the server lets nobody
    names = {n for n in dir(model) if not n.startswith("_") and inspect.isroutine(getattr(model, n))}
    twins = {n for n in names if inspect.iscoroutinefunction(getattr(model, n))}
    blocking = names - twins - sends_nothing
    assert {f"a{name}{'_' * keyword.iskeyword(f'a{name}')}" for name in blocking} - cannot == twins
    for name in twins:
        ours, theirs = getattr(model, name), getattr(model, name.rstrip("_")[1:])
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters), name
