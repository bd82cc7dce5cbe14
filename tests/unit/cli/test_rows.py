"""Many jobs from files and sweeps: every row becomes one job, in a workdir of its own."""

import io
import json

import pytest

from storax.cli.job.create import _jobs, _rows
from storax.cli.job.rows import fill_workdirs, merged, read_rows, sweeps
from storax.cli.terminal.failures import UsageError


@pytest.fixture
def file(tmp_path):
    def write(text, name="jobs.txt"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


ROW = {"app": "Hello", "parameters": {"n": 1}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ROW, ROW]),
        json.dumps([ROW, ROW], indent=2),
        f"{json.dumps(ROW)}\n{json.dumps(ROW)}\n",
        f"{json.dumps(ROW, indent=2)}\n\n{json.dumps(ROW)}",
    ],
)
def test_json_in_all_its_shapes(file, text):
    assert read_rows(file(text)) == [ROW, ROW]


def test_one_object_is_one_job(file):
    assert read_rows(file(json.dumps(ROW))) == [ROW]


def test_csv_has_dotted_names_and_leaves_out_empty_cells(file):
    text = 'app,num_nodes,parameters.name,tags.k,parent_ids\nHello,2,x y,1,\nHello,,z,,"[1, 2]"\n'
    assert read_rows(file(text)) == [
        {"app": "Hello", "num_nodes": "2", "parameters": {"name": "x y"}, "tags": {"k": "1"}},
        {"app": "Hello", "parameters": {"name": "z"}, "parent_ids": [1, 2]},
    ]


def test_a_dash_reads_stdin(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(ROW)))
    assert read_rows("-") == [ROW]


@pytest.mark.parametrize("text", ["", "\n", "[]", "app,workdir\n"])
def test_a_file_without_a_job_is_refused(file, text):
    with pytest.raises(UsageError, match="no job"):
        read_rows(file(text))


def test_broken_json_names_its_line(file):
    with pytest.raises(UsageError, match="line 2"):
        read_rows(file('{"app": "A"}\n{"app": oops}\n'))


def test_what_is_no_object_is_refused(file):
    with pytest.raises(UsageError, match="is not a job"):
        read_rows(file("[1, 2]"))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x=1:3", [1, 2, 3]),
        ("x=3:1:-1", [3, 2, 1]),
        ("x=0:1:0.25", [0, 0.25, 0.5, 0.75, 1]),
        ("x=0.1:0.3:0.1", [0.1, 0.2, 0.3]),
        ("x=a,b", ["a", "b"]),
        ("x=5", ["5"]),
        ("x=4:4", [4]),
    ],
)
def test_a_sweep_has_both_ends(text, values):
    assert [row["x"] for row in sweeps([text])] == values


def test_sweeps_multiply():
    assert list(sweeps(["x=1:2", "y=a,b"])) == [
        {"x": 1, "y": "a"}, {"x": 1, "y": "b"}, {"x": 2, "y": "a"}, {"x": 2, "y": "b"},
    ]  # fmt: skip
    assert list(sweeps([])) == [{}]


@pytest.mark.parametrize("text", ["x", "=1:2", "x=", "x=1:b", "x=3:1", "x=1:2:0", "x=0:1e9:1", "x=1:2:3:4"])
def test_a_sweep_that_is_none_or_never_ends_is_refused(text):
    with pytest.raises(UsageError, match="--param-sweep"):
        list(sweeps([text]))


def test_a_row_wins_over_the_options_entry_by_entry():
    base = {"app": "A", "tags": {"a": "1", "b": "1"}, "num_nodes": 1}
    assert merged(base, {"tags": {"b": "2"}, "num_nodes": 4}) == {
        "app": "A",
        "tags": {"a": "1", "b": "2"},
        "num_nodes": 4,
    }


def workdirs(rows, default="d"):
    fill_workdirs(rows, default=default)
    return [row["workdir"] for row in rows]


def test_places_of_a_workdir_are_filled():
    rows = [{"workdir": "s/{x}/{n}", "parameters": {"x": value}} for value in (1, "a/../b")]
    assert workdirs(rows) == ["s/1/000000", "s/a_.._b/000001"]


def test_jobs_never_share_a_workdir_by_accident():
    assert workdirs([{"workdir": "a"}, {"workdir": "b"}]) == ["a", "b"]
    assert workdirs([{"workdir": "a"}, {"workdir": "a"}]) == ["a/000000", "a/000001"]
    assert workdirs([{}, {}]) == ["d/000000", "d/000001"]
    assert workdirs([{}]) == ["d"]


def test_a_place_that_nobody_fills_is_refused():
    with pytest.raises(UsageError, match=r"\{y\}"):
        workdirs([{"workdir": "{y}"}])


def test_a_job_without_an_app_is_refused():
    with pytest.raises(UsageError, match="needs an App"):
        _jobs(_rows({}, [{}], []))


def test_rows_name_each_other_as_parents_in_any_order():
    rows = _rows({"app": "A"}, [{"parent_refs": [1, 2]}, {"parent_refs": [2]}, {}], [])
    jobs = _jobs(rows)
    assert jobs[0]._parents == [jobs[1], jobs[2]]
    assert jobs[1]._parents == [jobs[2]]


@pytest.mark.parametrize(
    ("refs", "message"), [([[1], [0]], "depend on each other"), ([[7]], "does not exist"), ([["x"]], "does not exist")]
)
def test_an_impossible_graph_is_refused(refs, message):
    with pytest.raises(UsageError, match=message):
        _jobs(_rows({"app": "A"}, [{"parent_refs": row} for row in refs], []))
