"""The files of others that the page serves are those of the manifest, under licences that allow it."""

import json

import pytest

from house.repository import ROOT
from tools.vendor_web.manifest import NAME, all_differences, differences
from tools.vendor_web.packages import PAGE, SERVED

PERMISSIVE = {"0BSD", "MIT"}


def test_the_vendored_files_are_those_of_their_manifests() -> None:
    assert not all_differences()


def test_what_the_page_serves_is_permissive_and_brings_its_licence() -> None:
    for row in json.loads((SERVED / NAME).read_text(encoding="utf-8")):
        assert row["licence"] in PERMISSIVE, row["package"]
        assert [name for name in row["files"] if name.endswith(".LICENSE")], row["package"]


@pytest.mark.parametrize("change", ["edit", "remove", "add"])
def test_a_file_that_was_changed_by_hand_is_noticed(tmp_path, change) -> None:
    for path in SERVED.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert not list(differences(tmp_path, PAGE))
    match change:
        case "edit":
            (tmp_path / "htmx.min.js").write_text("alert(1)")
        case "remove":
            (tmp_path / "htmx.min.js").unlink()
        case _:
            (tmp_path / "other.js").write_text("")
    assert len(list(differences(tmp_path, PAGE))) == 1


def test_no_vendored_script_of_the_page_evaluates_text() -> None:
    for path in (*SERVED.glob("*.js"), ROOT / "api/storax_api/web/static/storax.js"):
        text = path.read_text(encoding="utf-8")
        assert "eval(" not in text.replace("evaluate", ""), path.name
        assert "new Function" not in text, path.name
