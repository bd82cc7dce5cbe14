"""The pages of projects, data frames and pipelines: what their rows hold, and whose they are."""

from collections.abc import Callable
from typing import Any

import pytest

from browsing import PASSWORD, Browser
from world import User, World

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe"


@pytest.fixture(scope="module")
def catalogue(user: User) -> dict[str, Any]:
    """A project with a data frame of two editions and a pipeline of two fits, all with text that would do harm."""
    project = user.post("/projects/", {"name": "flights", "engine": EVIL})["id"]
    column = {"name": EVIL, "role": "numerical", "dtype": "float64", "unit": EVIL}
    frame = user.post("/data-frames/", {"project_id": project, "name": "people", "columns": [column], "nrows": 12})[
        "id"
    ]
    action = {"action": "put", "query": EVIL}
    user.patch(f"/data-frames/{frame}", {"edition": 2, "nrows": 1_234_567, "last_change": action})
    score = {"set_used": "test", "job_id": 7, "auc": [0.5, 0.75], "rsquared": 0.25, "note": EVIL, "bad": None}
    fits = [
        user.post("/pipelines/", {
            "project_id": project, "name": "churn", "edition": edition, "params": {"model": EVIL},
            "frames": {"people": edition}, "targets": ["a", "b"], "tags": [EVIL],
            "scores": [{**score, "date_time": f"2026-01-0{edition}T00:00:00"}],
        })["id"]
        for edition in (1, 2)
    ]  # fmt: skip
    return {"project": project, "frame": frame, "fits": fits}


def test_a_project_leads_to_its_data_frames_and_pipelines(browser: Browser, catalogue: dict[str, Any]) -> None:
    page = browser.open(browser.open("data").links()["flights"])
    assert page.links()["people"].endswith(f"/ui/data/frames/{catalogue['frame']}")
    assert page.links()["churn"].endswith(f"/ui/data/pipelines/{catalogue['fits'][0]}")


def test_a_data_frame_says_who_changed_it_and_what_was_fitted_on_which_edition(
    browser: Browser, user: User, catalogue: dict[str, Any]
) -> None:
    page = browser.open(f"data/frames/{catalogue['frame']}")
    assert "edition 2" in page.text
    assert "1 234 567" in page.text
    assert f"user:{user.id}" in page.text
    rows = [" ".join(row.text.split()) for row in page.all("tr") if row.attributes.get("id", "").startswith("fit-")]
    assert ["people (2)" in rows[0], "people (1)" in rows[1]] == [True, True]


def test_a_pipeline_has_the_scores_of_all_its_editions_over_time(browser: Browser, catalogue: dict[str, Any]) -> None:
    page = browser.open(f"data/pipelines/{catalogue['fits'][1]}")
    heads = [" ".join(head.text.split()) for head in page.all("th")]
    assert heads[:7] == ["Edition", "When", "Set", "auc of a", "auc of b", "rsquared", "Job"]
    assert len(page.all("polyline")) == 3
    assert "people , edition 2" in page.text.replace("people,", "people ,")
    old = browser.open(f"data/pipelines/{catalogue['fits'][0]}")
    assert "edition 1 (now 2)" in old.text


def test_no_text_of_a_user_becomes_markup_in_the_catalogue(browser: Browser, catalogue: dict[str, Any]) -> None:
    for path in ("data", f"data/{catalogue['project']}", f"data/frames/{catalogue['frame']}",
                 f"data/pipelines/{catalogue['fits'][0]}"):  # fmt: skip
        page = browser.open(path)
        assert page.status == 200, path
        assert "<script>alert(1)</script>" in page.text, path
        assert not page.all("img") + [element for element in page.elements if "style" in element.attributes]
        assert len(page.all("script")) == 3
        assert "\u202e" not in page.text


def test_a_catalogue_of_another_user_is_not_there(
    new_browser: Callable[[], Browser], world: World, catalogue: dict[str, Any]
) -> None:
    stranger = new_browser()
    stranger.sign_in(world.user(password=PASSWORD).name)
    assert "There are no projects yet." in stranger.open("data").text
    for path in ("{project}", "frames/{frame}", "pipelines/{fits[0]}", "x", "frames/0"):
        assert stranger.open("data/" + path.format(**catalogue)).status == 404, path
