"""docs/reference says what the code says, and the pages beside it name nothing that there is not."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from house.repository import FOLDERS, ROOT, names, text_of
from storax._runtime.settings import ClientSettings
from storax_agent.settings.site import SiteSettings
from storax_api import errors as api_errors
from storax_api.app import create_app
from storax_core import errors
from storax_core.settings import Settings
from storax_engine.learning.aggregations.catalogue import DEFAULT
from tools.reference import getml_names, pages, site_settings

LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(#[^)\s]*)?\)")
ELSEWHERE = os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("", *FOLDERS))}
PAGES = [n for n in names() if n.endswith(".md")]


def test_the_committed_pages_are_up_to_date():
    assert pages.stale() == [], "run `make generate`"


def test_the_page_of_getml_says_what_every_name_is_and_nearly_all_uses_are_covered():
    known = getml_names.known()
    assert getml_names.PAGE.read_text(encoding="utf-8") == getml_names.render(), "run `make generate`"
    said = {*known.notebooks, *known.alike}
    assert said <= set(known.names), "a name that getML does not have"
    assert set(known.left_out) <= set(known.names), "a reason for a name that getML does not have"
    assert getml_names.coverage(known) >= 0.95


def test_a_name_that_is_missing_and_one_that_is_wrongly_left_out_are_refused():
    known = getml_names.known()
    with pytest.raises(ValueError, match=r"engine\.no_such is missing"):
        known.status("engine.no_such")
    wrong = dataclasses.replace(known, left_out={"engine.suspend_project": "a reason"})
    with pytest.raises(ValueError, match=r"engine\.suspend_project is there"):
        wrong.status("engine.suspend_project")


def test_the_page_of_site_settings_is_up_to_date_and_has_every_table():
    text = site_settings.render()
    assert site_settings.PAGE.read_text(encoding="utf-8") == text, "run `make generate`"
    tables = ("policy", "launcher", "scheduler", "scheduler.queues.NAME", "queue_maintainer", "transfer_locations")
    assert [name for name in tables if f"## `[{name}]`" not in text] == []
    named = {"launcher", "policy", "scheduler", "elastic_queue", "queue_maintainer", "transfer_locations"}
    assert [name for name in SiteSettings.model_fields if name not in named and f"| `{name}` |" not in text] == []


def test_a_star_marks_each_aggregation_that_is_used_by_default():
    rows = re.findall(r"^\| (`[A-Z].*?) \|", text_of("docs/feature-learning.md"), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)` \*", row)} == {*DEFAULT}


def test_writing_them_again_gives_the_same_bytes():
    code = "import sys; from tools.reference import pages; sys.stdout.write(repr(pages.render_all()))"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/", env=ELSEWHERE
    ).stdout
    assert other == repr(pages.render_all())


def test_the_check_says_which_page_to_write(tmp_path: Path):
    pages.write(tmp_path)
    assert pages.stale(tmp_path) == []
    (tmp_path / "events.md").write_text("old")
    (tmp_path / "extra.md").write_text("")
    assert pages.stale(tmp_path) == ["events.md", "extra.md"]


def test_the_routes_are_those_of_the_api():
    served = {
        (method.upper(), path)
        for path, methods in create_app(Settings()).openapi()["paths"].items()
        for method in methods
    }
    assert {(method, path) for method, path, _ in pages.routes()} == served


def test_every_code_stands_with_its_status():
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", text_of("docs/rest-conventions.md"), re.MULTILINE))
    kinds = [errors.CoreError]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind is not errors.CoreError:
            assert rows.get(kind.code) == str(api_errors.status_of(kind(""))), kind.code


def test_every_setting_of_the_client_is_documented():
    page = text_of("docs/python-api.md")
    assert [n for n in ClientSettings.model_fields if f"`STORAX_{n.upper()}`" not in page] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_inside_leads_somewhere(page):
    broken = [
        target
        for target, _ in LINK.findall(re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL))
        if "://" not in target and not (ROOT / page).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_every_page_is_reached_from_the_index():
    reached, pending = set(), ["docs/index.md"]
    while pending:
        page = pending.pop()
        if page not in reached:
            reached.add(page)
            links = (((ROOT / page).parent / t).resolve() for t, _ in LINK.findall(text_of(page)) if "://" not in t)
            pending += [str(f.relative_to(ROOT)) for f in links if f.suffix == ".md" and f.exists()]
    assert {n for n in PAGES if n.startswith("docs/")} - reached == set()
