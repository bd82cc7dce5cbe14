"""The client's models say what the resource declarations say."""

import os
import subprocess
import sys

from house.repository import FOLDERS, ROOT
from tools.codegen import copies
from tools.codegen.__main__ import MODELS, stale
from tools.codegen.render import render_all

ELSEWHERE = os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("", *FOLDERS))}


def test_the_committed_models_are_up_to_date():
    assert stale(MODELS) == [], "run `python -m tools.codegen`"


def test_what_workers_share_with_the_client_is_the_same_line_by_line():
    assert copies.stale() == [], "run `python -m tools.codegen`"
    for source, copy in copies.COPIES.items():
        ours, theirs = (ROOT / path for path in (source, copies.WORKER / copy))
        assert [line for line in theirs.read_text().splitlines() if line not in ours.read_text()] == [
            f"# A copy of {source}, written by `python -m tools.codegen`; do not edit."
        ]
        assert [line for line in ours.read_text().splitlines() if line not in theirs.read_text()] == []


def test_writing_them_again_gives_the_same_bytes():
    code = "import sys; from tools.codegen.render import render_all; sys.stdout.write(repr(render_all()))"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/", env=ELSEWHERE
    ).stdout
    assert other == repr(render_all())


def test_the_check_says_which_file_to_write(tmp_path):
    for name, text in render_all().items():
        (tmp_path / name).write_text(text)
    (tmp_path / "job.py").write_text("old")
    (tmp_path / "extra.py").write_text("")
    (tmp_path / "site.py").unlink()
    assert stale(tmp_path) == ["extra.py", "job.py", "site.py"]


def test_every_field_argument_and_filter_is_documented():
    from storax import api

    for name in ("App", "BatchJob", "EventLog", "Job", "Session", "Site", "TransferItem"):
        model = getattr(api, name)
        mute = [n for n, f in model._fields.items() if len(f.__doc__ or "") < 4]
        filters = model.objects.filter.__doc__ or ""
        mute += [n for n in model._spec.filters if f"  {n}: " not in filters]
        assert mute == [], name
