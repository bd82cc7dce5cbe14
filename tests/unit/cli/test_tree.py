"""The graph around a job as a tree: each job in full once, one query a level, and true numbers of what is left out."""

import io
import json

import pytest

from fakes.rest import job, rows
from storax import Job
from storax.cli.job.pictures.outline import Line, downwards, outline, share, upwards

NAMES = {"columns": ["id", "name"], "next": None, "count": None}


def of(parents):
    """Return rows of jobs by id, from their parents."""
    return {number: {"id": number, "parent_ids": ids} for number, ids in parents.items()}


def texts(lines):
    return [f"{'  ' * (line.depth - 1)}{line.job_id}{' again' if line.again else ''}" for line in lines]


@pytest.fixture
def graph(shell):
    """Serve jobs with these parents, as the server filters, orders, counts and cuts them."""

    def serve(parents, **fields):
        jobs = [job(n, parent_ids=ids, state="RUNNING", **fields) for n, ids in sorted(parents.items())]

        def answer(request):
            wanted = request.body["filter"]
            ids, above = wanted.get("id"), set(wanted.get("parent_id", ()))
            ids = {ids} if isinstance(ids, int) else set(ids or ())
            kept = [one for one in jobs if one["id"] in ids or above & set(one["parent_ids"])]
            if request.body.get("count"):
                return {"columns": [], "rows": [], "next": None, "count": len(kept)}
            columns = request.body["fields"]
            return rows(Job) | {"columns": columns, "rows": [[one[c] for c in columns] for one in kept]}

        def limited(request):
            reply = answer(request)
            return reply | {"rows": reply["rows"][: request.body["limit"]]}

        shell.script.on("POST", "/jobs/query", limited)
        shell.script.on("POST", "/apps/query", {**NAMES, "rows": [[1, "Relax"]]})
        shell.script.on("POST", "/sites/query", {**NAMES, "rows": [[1, "laptop"]]})
        return shell

    return serve


DIAMOND = {1: [], 2: [1], 3: [1], 4: [2, 3], 5: [4]}


def test_a_job_with_several_parents_stands_in_full_once_and_later_by_reference():
    jobs = of(DIAMOND)
    below = {number: jobs[number] for number in (2, 3, 4, 5)}
    assert texts(outline(1, downwards(1, below), 300).lines) == ["2", "  4", "    5", "3", "  4 again"]
    above = {number: jobs[number] for number in (1, 2, 3, 4)}
    assert texts(outline(5, upwards(5, above, [4]), 300).lines) == ["4", "  2", "    1", "  3", "    1 again"]


def test_relatives_that_were_not_read_have_no_line():
    assert outline(9, upwards(9, of({8: [7]}), [8, 6]), 300).lines == [Line(1, 8)]


def test_a_graph_of_any_depth_is_outlined():
    chain = of({number: [number - 1] for number in range(2, 5_001)})
    assert outline(1, downwards(1, chain), 10_000).lines[-1] == Line(4_999, 5_000)


def test_what_no_line_names_is_counted_once():
    children = of({number: [1] for number in range(2, 12)})
    lines = outline(1, downwards(1, children), 4)
    assert (len(lines.lines), lines.hidden) == (4, 6)
    shorter = outline(1, downwards(1, of({**DIAMOND, 1: []})), 300).cut(3)
    assert (texts(shorter.lines), shorter.hidden) == (["2", "  4", "    5"], 1)


@pytest.mark.parametrize(("above", "below", "parts"), [(10, 10, (10, 10)), (90, 90, (50, 50)), (90, 10, (90, 10)),
                                                       (99, 10, (90, 10)), (10, 99, (10, 90))])  # fmt: skip
def test_lines_that_one_side_does_not_need_are_for_the_other(above, below, parts):
    sides = [outline(1, downwards(1, of({n: [1] for n in range(2, 2 + count)})), 300) for count in (above, below)]
    assert tuple(len(side.lines) for side in share(*sides, 100)) == parts


def test_each_level_is_one_query_and_no_job_is_read_alone(graph):
    layers = {n: [] for n in range(1, 11)} | {n: list(range(1, 11)) for n in range(11, 21)}
    layers |= {21: list(range(11, 21))} | {n: [21] for n in range(31, 41)} | {n: [31, 32] for n in range(41, 51)}
    shell = graph(layers)
    read = [json.loads(line) for line in shell("job", "tree", "21", "-o", "ndjson").out.splitlines()]
    assert [(row["level"], row["id"]) for row in read] == [
        *((-2, n) for n in range(1, 11)), *((-1, n) for n in range(11, 21)), (0, 21),
        *((1, n) for n in range(31, 41)), *((2, n) for n in range(41, 51)),
    ]  # fmt: skip
    assert [body["filter"] for body in shell.script.bodies("/jobs/query")] == [
        {"id": 21}, {"id": [*range(11, 21)]}, {"id": [*range(1, 11)]},
        {"parent_id": [21]}, {"parent_id": [*range(31, 41)]}, {"parent_id": [*range(41, 51)]},
    ]  # fmt: skip


def test_a_tree_says_what_is_beyond_its_depth(graph):
    shell = graph({1: [], 2: [1], 3: [2], 4: [3], 5: [4], 6: [4, 3]})
    out = shell("job", "tree", "3", "--depth", "1").out.splitlines()
    assert out == [
        "3  Relax  RUNNING  w/3",
        "├── parents",
        "│   ├── 2  Relax  RUNNING  w/2",
        "│   └── … and 1 more one level further; use --depth 2.",
        "└── children",
        "    ├── 4  Relax  RUNNING  w/4",
        "    │   └── 6  Relax  RUNNING  w/6",
        "    ├── 6  Relax  RUNNING  w/6  (see above)",
        "    └── … and 1 more one level further; use --depth 2.",
    ], "6 is a child of 4 too, and is not counted again"
    assert "more" not in shell("job", "tree", "3", "--depth", "2").out


def test_a_tree_of_many_jobs_has_300_lines_and_the_other_forms_have_all(graph):
    shell = graph({1: []} | {n: [1] for n in range(2, 1002)})
    out = shell("job", "tree", "1").out.splitlines()
    assert 290 < len(out) <= 300
    assert out[-1] == f"    └── … and at least {1000 - (len(out) - 3)} more; -o ndjson prints all of --depth 5."
    assert shell("job", "tree", "1", "-o", "ids").out.split() == [str(n) for n in range(1, 1002)]


def test_a_job_alone_says_so(graph):
    shell = graph({7: []}, tags={"k": "v"})
    ran = shell("job", "tree", "7", "-o", "wide")
    assert (ran.out, ran.err) == ("7  Relax  RUNNING  w/7  k=v\n", "There is no job above or below job 7.\n")
    missing = shell("job", "tree", "8")
    assert (missing.status, missing.out) == (3, "")
    assert "There is no job 8." in missing.err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("tty", [True, False])
def test_boxes_and_colours_are_what_the_output_takes(graph, monkeypatch, encoding, tty):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace", write_through=True)
    monkeypatch.setattr(out, "isatty", lambda: tty, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    shell = graph({1: [], 2: [1]}, workdir="a/long/\x1b[2J/workdir")
    monkeypatch.setattr("sys.stdout", out)
    shell("job", "tree", "2")
    text = out.buffer.getvalue().decode(encoding)
    assert ("└── parents" in text) == (encoding == "utf-8")
    assert ("`-- parents" in text) == (encoding != "utf-8")
    assert ("\x1b[36mRUNNING\x1b[0m" in text) == tty
    assert text.count("a/long/\\x1b[2J/workdir\n") == 2, "complete, and no escape of a job's own"
    monkeypatch.setenv("NO_COLOR", "1")
    shell("job", "tree", "2")
    assert "\x1b" not in out.buffer.getvalue().decode(encoding)[len(text) :]


def test_a_reader_who_had_enough_is_no_error(graph, monkeypatch):
    class Gone(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Gone())
    ran = graph({1: [], 2: [1]})("job", "tree", "2")
    assert (ran.status, ran.err) == (0, "")


@pytest.mark.parametrize("depth", ["2", "5"])
def test_jobs_that_are_known_already_take_no_place_of_new_ones(graph, depth):
    """They may come behind the new ones, which are then more than a tree shows."""
    shell = graph({1: [], 2: [1], **{n: [2] for n in range(3, 253)}, **{n: [1, 2] for n in range(253, 351)}})
    ran = shell("job", "tree", "1", "--depth", depth)
    assert (ran.status, ran.err) == (0, "")
    assert " more; -o ndjson prints all" in ran.out.splitlines()[-1]
