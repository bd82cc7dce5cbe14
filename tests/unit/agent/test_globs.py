"""The file cleaner removes what matches inside the workdir, and nothing else in the world."""

import os

import pytest

from storax_agent.files.globs import remove_matching
from storax_agent.files.safe_path import PathError


@pytest.fixture
def place(tmp_path):
    for name in ("w/a.tmp", "w/b.tmp", "w/keep", "w/.hidden.tmp", "w/sub/c.tmp", "w/sub/deep/d.tmp", "w/cache/x/y",
                 "out/a.tmp", "out/deep/e.tmp"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "w/link").symlink_to(tmp_path / "out")
    (tmp_path / "w/l.tmp").symlink_to(tmp_path / "out/a.tmp")
    return tmp_path


def left(place, pattern):
    handle = os.open(place / "w", os.O_RDONLY | os.O_DIRECTORY)
    try:
        before = all_of(place)
        remove_matching(handle, pattern)
        return before - all_of(place)
    finally:
        os.close(handle)


def all_of(place):
    return {str(p.relative_to(place)) for p in place.rglob("*") if not p.is_dir() or p.is_symlink()}


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("*.tmp", {"w/a.tmp", "w/b.tmp", "w/l.tmp"}),
        ("?.tmp", {"w/a.tmp", "w/b.tmp", "w/l.tmp"}),
        ("sub/*.tmp", {"w/sub/c.tmp"}),
        ("*/*.tmp", {"w/sub/c.tmp"}),
        ("**/*.tmp", {"w/a.tmp", "w/b.tmp", "w/l.tmp", "w/sub/c.tmp", "w/sub/deep/d.tmp"}),
        ("cache", {"w/cache/x/y"}),
        (".*.tmp", {"w/.hidden.tmp"}),
        ("link/*", set()),
        ("link/**", set()),
        ("link", {"w/link"}),
        ("none", set()),
        ("", set()),
    ],
)
def test_what_matches_goes_and_links_lead_nowhere(place, pattern, gone):
    assert left(place, pattern) == gone
    assert {p.name for p in (place / "out").rglob("*")} == {"a.tmp", "deep", "e.tmp"}


@pytest.mark.parametrize("pattern", ["../out/*", "/etc/*", "sub/../../out/a.tmp", "a\0b"])
def test_a_pattern_that_leads_out_is_refused(place, pattern):
    with pytest.raises(PathError):
        left(place, pattern)
