"""A site whose time of day is ten years wrong: the server's clock decides, and the site waits as long as any."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chaos.kit import clock
from chaos.kit.stage import YEAR_SEC
from fakes.site import RunningSite
from fakes.site_user import SiteUser
from needs import needs
from waiting import eventually
from world import User, World

AGAIN = "[ -e once ] || { touch once; exit 7; }"
WAITING = "while [ ! -e go ]; do sleep 0.05; done"
RUN = ["RUNNING", "RUN_DONE", "JOB_FINISHED"]
MOMENT = timedelta(seconds=1)


@pytest.fixture(scope="module")
def user(world: World) -> User:
    return world.user("wrong-clock")


@pytest.fixture(params=[10 * YEAR_SEC, -10 * YEAR_SEC], ids=["ahead", "behind"])
def site(request: pytest.FixtureRequest, tmp_path: Path, world: World, user: User) -> Iterator[RunningSite]:
    assert clock.allowed(), "install a C compiler"
    site = RunningSite(tmp_path / "site", world.url, token=user.token, name=request.node.callspec.id)
    site.environment = clock.skewed(request.param, tmp_path)
    yield site.start()
    site.close()


@needs("partition")
def test_a_site_whose_clock_is_wrong_keeps_its_leases_and_dates_nothing(
    site: RunningSite, user: User, world: World
) -> None:
    begun = datetime.now(UTC) - MOMENT
    owner = SiteUser(user, site)
    waiting = owner.job(owner.app("waiting", WAITING, use_shell=True))
    again = owner.job(owner.app("again", AGAIN, use_shell=True), max_attempts=2, retry_delay_sec=1)
    assert owner.ended(again)["attempt"] == 2
    eventually(lambda: owner.read(waiting)["state"] == "RUNNING")
    assert world.sweep() == 0
    (site.folder.data / owner.read(waiting)["workdir"] / "go").touch()
    assert owner.ended(waiting)["losses"] == 0
    assert owner.moves(waiting) == ["PREPROCESSED", *RUN]
    assert owner.moves(again) == ["PREPROCESSED", "RUNNING", "RUN_ERROR", "RESTART_READY", *RUN]
    for job in (waiting, again):
        dates = dates_of(user, job)
        assert dates == sorted(dates)
        assert begun <= dates[0] <= dates[-1] <= datetime.now(UTC) + MOMENT
    refreshed = datetime.fromisoformat(user.get(f"/sites/{site.site_id}")["last_refresh"])
    assert begun <= refreshed <= datetime.now(UTC) + MOMENT


def dates_of(user: User, job: int) -> list[datetime]:
    rows = user.get("/events/", job_id=job, ordering="position")["results"]
    return [datetime.fromisoformat(row["timestamp"]) for row in rows]
