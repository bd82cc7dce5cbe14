"""The page of the graph: which jobs and edges it has, how it collapses, whose they are."""

from collections.abc import Callable

import httpx
import pytest

from browsing import PASSWORD, Browser, Page
from storax_api.web.graph import nodes, reading
from world import User, World

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe"


def drawn(page: Page) -> dict[str, list[str]]:
    """Return the nodes of a page, and the parents of each."""
    rows = [row.attributes for row in page.all("tr") if "data-node" in row.attributes]
    return {row["data-node"]: row["data-parents"].split() for row in rows}


@pytest.fixture(scope="module")
def chain(user: User) -> list[int]:
    """Five jobs, each of which waits for the one before it."""
    app = user.app()
    jobs: list[int] = []
    for number in range(5):
        job = user.job(
            app, workdir=f"<img src=x>'\"/{number}", parent_ids=jobs[-1:], tags={"chain": "yes", "evil": EVIL}
        )
        jobs.append(job["id"])
    return jobs


def test_the_graph_of_a_tag_has_its_jobs_and_the_edges_between_them(browser: Browser, chain: list[int]) -> None:
    page = browser.open("graph?tags=chain:yes")
    names = list(map(str, chain))
    assert drawn(page) == {name: names[place - 1 : place] if place else [] for place, name in enumerate(names)}
    assert page.links()[names[0]].endswith((f"/jobs/{names[0]}", f"#node-{names[0]}"))


@pytest.mark.parametrize(("steps", "first", "last"), [(1, 1, 4), (2, 0, 5), (10, 0, 5)])
def test_a_neighbourhood_has_what_is_so_many_steps_away(
    browser: Browser, chain: list[int], steps: int, first: int, last: int
) -> None:
    page = browser.open(f"graph?around={chain[2]}&steps={steps}")
    assert list(drawn(page)) == list(map(str, chain[first:last]))


def test_a_job_leads_to_the_graph_around_it(browser: Browser, chain: list[int]) -> None:
    page = browser.open(browser.open(f"jobs/{chain[2]}").links()["Graph of the jobs around it"])
    assert list(drawn(page)) == list(map(str, chain))


def test_many_jobs_are_one_node_for_each_app_and_state(
    browser: Browser, chain: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "MOST_NODES", 3)
    page = browser.open("graph?tags=chain:yes")
    numbers = {
        row.attributes["data-line"].replace("\u00d7", "x") for row in page.all("tr") if "data-line" in row.attributes
    }
    assert numbers == {"1 x PREPROCESSED", "4 x AWAITING_PARENTS"}
    (below,) = [parents for key, parents in drawn(page).items() if key.endswith("AWAITING_PARENTS")]
    assert sorted(name.partition("-")[2] for name in below) == ["AWAITING_PARENTS", "PREPROCESSED"]
    shown = browser.open(page.links()["4"])
    assert str(chain[4]) in shown.links()
    assert str(chain[0]) not in shown.links()


def test_a_graph_has_a_bounded_number_of_jobs_and_says_so(
    browser: Browser, chain: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_JOBS", 2)
    page = browser.open("graph?tags=chain:yes")
    assert list(drawn(page)) == list(map(str, chain[3:]))
    assert "the newest of 5" in page.text
    assert len(drawn(browser.open(f"graph?around={chain[2]}&steps=9"))) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        "around={}&state=FAILED",
        "around={}&steps=0",
        "around={}&steps=0000000101",
        "around={}&steps=x",
        "nothing=1",
        "state=X",
    ],
)
def test_a_wrong_address_of_a_graph_says_what_is_wrong(browser: Browser, chain: list[int], wrong: str) -> None:
    page = browser.open(f"graph?{wrong.format(chain[0])}")
    assert page.status == 422
    assert page.all("div", role="alert")[0].text.strip()


def test_no_text_of_a_user_becomes_markup_in_a_graph(browser: Browser, chain: list[int]) -> None:
    page = browser.open(str(httpx.URL("graph", params={"tags": f"evil:{EVIL}"})))
    assert len(drawn(page)) == 5
    assert "<script>alert(1)</script>" in page.text
    assert not page.all("img")
    assert "\u202e" not in page.text
    assert all(script.attributes.get("src") for script in page.all("script"))
    assert not [element for element in page.elements if "style" in element.attributes]


def test_a_graph_of_another_user_is_not_there(
    new_browser: Callable[[], Browser], world: World, chain: list[int]
) -> None:
    stranger = new_browser()
    stranger.sign_in(world.user(password=PASSWORD).name)
    assert stranger.open(f"graph?around={chain[0]}").status == 404
    assert "There are no jobs yet." in stranger.open("graph").text
    assert "No job matches." in stranger.open("graph?tags=chain:yes").text
