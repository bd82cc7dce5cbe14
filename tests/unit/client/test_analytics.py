"""Reports over time: what counts as reached, as a run and as an allocation, on events as the server writes them."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest

from fakes.rest import Script, client_of
from storax import BatchJob, EventLog, Job
from storax._orm.rows import from_object
from storax.analytics import available_nodes, throughput_report, utilization_report
from storax.errors import InvalidInput, StoraxError, StoraxWarning

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ONE_NODE = {"num_nodes": 1, "ranks_per_node": 1, "node_packing_count": 1}


def after(minutes):
    return NOON + timedelta(minutes=minutes)


def event(position, job, was, to, *, minute=None, entity="job", kind="state_changed", data=None):
    """An event that was recorded as many minutes after noon as its position, unless ``minute`` says otherwise."""
    at = after(position if minute is None else minute).isoformat()
    body = {"position": position, "id": position, "timestamp": at, "entity": entity, "entity_id": job, "version": 1}
    body |= {"type": f"{entity}.{kind}", "from_state": was, "to_state": to, "data": data or {}}
    return from_object(EventLog, body, None)


def start(position, job, nodes=1, packing=1, *, was="PREPROCESSED", **fields):
    data = {**ONE_NODE, "num_nodes": nodes, "node_packing_count": packing, **fields.pop("data", {})}
    return event(position, job, was, "RUNNING", data=data, **fields)


def end(position, job, to="RUN_DONE", **fields):
    return event(position, job, "RUNNING", to, **fields)


def batch(number, nodes, begin, stop, state):
    times = {"start_time": begin, "end_time": stop}
    body = {name: None if at is None else after(at).isoformat() for name, at in times.items()}
    return from_object(BatchJob, {"id": number, "num_nodes": nodes, "state": state, **body}, None)


def minutes_and_counts(report):
    times, counts = report
    assert all(at.tzinfo is UTC for at in times)
    return [((at - NOON).total_seconds() / 60, count) for at, count in zip(times, counts, strict=True)]


# ---- throughput -----------------------------------------------------------------------------------------------------


def test_a_job_that_reaches_the_state_again_counts_once_and_the_order_of_the_events_does_not_matter():
    events = [end(9, 1), start(8, 1), end(3, 2), end(2, 1), start(1, 1), end(4, 3, "RUN_ERROR")]
    assert minutes_and_counts(throughput_report(events)) == [(2, 1), (3, 2)]
    assert minutes_and_counts(throughput_report(events, to_state="RUN_ERROR")) == [(4, 1)]


def test_jobs_that_reach_the_state_at_one_instant_are_one_row():
    events = [end(n, n, minute=5) for n in (1, 2, 3)]
    assert minutes_and_counts(throughput_report(events)) == [(5, 3)]


def test_a_misspelt_state_is_refused_with_the_nearest_one():
    with pytest.raises(InvalidInput, match="RUN_DONE"):
        throughput_report([], to_state="RUN_DNE")


# ---- utilization ----------------------------------------------------------------------------------------------------


def test_nodes_that_jobs_share_add_up_without_a_rest():
    events = [start(n, n, 1, 3) for n in (1, 2, 3)] + [start(4, 4, 2)]
    events += [end(4 + n, n) for n in (1, 2, 3)] + [end(8, 4)]
    third = 1 / 3
    assert minutes_and_counts(utilization_report(events)) == [
        (1, third), (2, 2 * third), (3, 1.0), (4, 3.0), (5, 2 + 2 * third), (6, 2 + third), (7, 2.0), (8, 0.0),
    ]  # fmt: skip
    assert [count for _, count in minutes_and_counts(utilization_report(events, node_weighting=False))] == [
        1, 2, 3, 4, 3, 2, 1, 0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("last", "forced"), [("RUN_TIMEOUT", False), ("RUN_ERROR", False), ("CANCELLED", False), ("FAILED", True)]
)
def test_a_run_that_was_lost_failed_or_forced_ends_and_the_next_one_has_the_nodes_of_its_own_start(last, forced):
    events = [start(1, 1, 4), end(2, 1, last, kind="state_forced" if forced else "state_changed")]
    events += [event(3, 1, last, "RESTART_READY"), start(5, 1, 2, was="RESTART_READY"), end(6, 1)]
    events += [event(7, 1, "RUN_DONE", "JOB_FINISHED")]
    assert minutes_and_counts(utilization_report(events)) == [(1, 4), (2, 0), (5, 2), (6, 0)]


def test_a_run_ends_with_any_later_state_its_deletion_or_its_next_start():
    """A query may have left out the event at the end itself."""
    events = [start(1, 1), event(2, 1, "RUN_DONE", "JOB_FINISHED"), start(3, 2), start(4, 2), end(5, 2)]
    events += [start(6, 3), event(7, 3, "RUNNING", None, kind="deleted")]
    assert [count for _, count in utilization_pairs(events)] == [1, 0, 1, 1, 0, 1, 0]


def utilization_pairs(events):
    return minutes_and_counts(utilization_report(events, node_weighting=False))


def test_what_is_no_change_of_state_ends_no_run_and_an_open_run_stays():
    events = [start(1, 1, 2), event(2, 1, None, None, kind="updated"), event(3, 1, None, None, kind="report_refused")]
    assert minutes_and_counts(utilization_report(events)) == [(1, 2)]


def test_an_event_that_comes_twice_counts_once():
    events = [start(1, 1), end(2, 1)]
    assert minutes_and_counts(utilization_report(events * 2)) == [(1, 1), (2, 0)]


def test_runs_without_a_start_are_left_out_and_said():
    with pytest.warns(StoraxWarning, match="not counted: 2") as caught:
        report = utilization_report([end(1, 1), end(2, 2), start(3, 3)])
    assert minutes_and_counts(report) == [(3, 1)]
    assert caught[0].filename == __file__


def test_a_start_without_its_nodes_is_refused_and_counted_as_a_job():
    bare = event(7, 1, "PREPROCESSED", "RUNNING")
    with pytest.raises(InvalidInput, match=r"position 7 .*node_weighting=False"):
        utilization_report([bare])
    assert utilization_pairs([bare]) == [(7, 1)]


def test_the_clock_of_the_site_counts_unless_it_is_wrong():
    def at(minute):
        return {"at": after(minute).isoformat()}

    late = [start(1, 1, minute=60, data=at(10)), end(2, 1, minute=60, data=at(40))]  # the server was away
    assert minutes_and_counts(utilization_report(late)) == [(10, 1), (40, 0)]
    assert minutes_and_counts(throughput_report(late)) == [(40, 1)]
    for wrong in (at(61), at(-8 * 24 * 60), {"at": "yesterday"}, {"at": 7}):
        assert minutes_and_counts(utilization_report([start(1, 1, minute=60, data=wrong)])) == [(60, 1)]
    lost = [start(1, 1, minute=60), end(2, 1, "RUN_TIMEOUT", minute=59)]  # never less than no time
    assert minutes_and_counts(utilization_report(lost)) == [(60, 0)]


# ---- allocations ----------------------------------------------------------------------------------------------------


def test_nodes_are_there_from_start_to_end_and_until_now_where_the_batch_job_runs():
    batch_jobs = [
        batch(1, 8, 0, 30, "finished"),
        batch(2, 2, 10, None, "running"),
        batch(3, 1, 20, None, "pending_deletion"),
        batch(4, 4, None, None, "queued"),
        batch(5, 16, 50, None, "running"),
    ]
    report = available_nodes(batch_jobs, now=after(40))
    assert minutes_and_counts(report) == [(0, 8), (10, 10), (20, 11), (30, 3), (40, 3)]
    assert minutes_and_counts(available_nodes(batch_jobs[:1], now=after(40))) == [(0, 8), (30, 0)]
    assert minutes_and_counts(available_nodes(batch_jobs[:1], now=after(20))) == [(0, 8), (20, 8)]


def test_a_batch_job_that_ended_at_an_unknown_time_is_left_out_and_said():
    with pytest.warns(StoraxWarning, match="not counted: 1, such as 7"):
        assert len(available_nodes([batch(7, 8, 0, None, "finished")], now=after(40))) == 0


def test_now_has_to_be_a_time():
    with pytest.raises(InvalidInput, match=r"now: .*is no time"):
        available_nodes([], now=12)


# ---- input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("report", [throughput_report, utilization_report, available_nodes])
def test_nothing_gives_an_empty_report(report):
    empty = report([])
    assert tuple(empty) == ([], [])
    assert (len(empty), len(empty.to_pandas())) == (0, 0)
    assert "empty" in repr(empty)
    assert repr(replace(empty, times=[NOON], counts=[1_234_567])).endswith(f"last 1,234,567 {empty.unit})")
    assert "no rows" in empty._repr_html_()


@pytest.mark.parametrize(
    ("report", "rows", "message"),
    [
        (throughput_report, [event(4, 1, None, "queued", entity="batch_job")], "position 4 is a batch_job.state_chang"),
        (utilization_report, [start(1, 1), event(2, 1, None, None, entity="app", kind="updated")], "2 is a app.updat"),
        (throughput_report, [batch(1, 1, 0, 1, "finished")], "takes EventLogs; among them is a BatchJob"),
        (available_nodes, [start(1, 1)], "takes BatchJobs; among them is an EventLog"),
        (utilization_report, 7, "takes EventLogs, not an int"),
        (utilization_report, Job.objects.filter(state="FAILED"), "takes EventLogs, not Jobs"),
        (utilization_report, EventLog.objects.filter(entity="batch_job"), "this query has entity='batch_job'"),
        (utilization_report, EventLog.objects.filter(type="app.created"), "this query has type='app.created'"),
        (throughput_report, EventLog.objects.filter(to_state="FAILED"), "to_state='RUN_DONE'; this query .*'FAILED'"),
    ],
)
def test_something_else_is_refused_by_its_name(report, rows, message):
    with pytest.raises(InvalidInput, match=message):
        report(rows)


def test_the_server_leaves_out_what_does_not_count_and_a_slice_stays_as_it_is():
    sent = end(2, 1)
    fields = {
        n: getattr(sent, n) for n in ("position", "entity", "entity_id", "type", "from_state", "to_state", "data")
    }
    fields["timestamp"] = sent.timestamp.isoformat()
    page = {"columns": list(fields), "rows": [list(fields.values())], "next": None, "count": None}
    script = Script().on("POST", "/events/query", page)
    with client_of(script):
        query = EventLog.objects.filter(tags={"a": "b"}, type=["job.state_changed", "job.updated"])
        assert minutes_and_counts(throughput_report(query)) == [(2, 1)]
        assert minutes_and_counts(throughput_report(query[:5])) == [(2, 1)]
    narrowed, whole = (body["filter"] for body in script.bodies("/events/query"))
    assert narrowed == {"tags": {"a": "b"}, "type": ["job.state_changed"], "entity": "job", "to_state": "RUN_DONE"}
    assert set(whole) == {"tags", "type"}


# ---- what a report shows --------------------------------------------------------------------------------------------


@pytest.fixture
def report():
    return utilization_report([start(1, 1, 1, 2), end(2, 1)])


def test_a_frame_has_a_column_of_times_and_one_of_the_unit(report):
    frame = report.to_pandas()
    assert list(frame.columns) == list(report.columns) == ["time", "nodes"]
    assert frame["time"].tolist() == report.times
    assert str(frame["time"].dt.tz) == "UTC"
    assert frame["nodes"].tolist() == [0.5, 0.0]


def test_a_notebook_shows_the_first_rows_and_a_terminal_one_line(report):
    assert "<th>nodes</th>" in report._repr_html_()
    assert "<td>2026-01-31 12:01:00</td><td>0.5</td>" in report._repr_html_()
    assert repr(report).startswith("Report('Nodes in use', 2 rows, 2026-01-31T12:01:00+00:00 to ")
    long = throughput_report([end(n, n) for n in range(1, 30)])
    assert "The first 20; there are more." in long._repr_html_()


class Axes:
    """Axes that keep what is drawn on them."""

    def step(self, times, counts, *, where, label):
        self.drawn = times, counts, where, label

    def set(self, **labels):
        self.labels = labels


def test_a_plot_is_drawn_in_steps_on_axes_of_the_caller_or_new_ones(report, monkeypatch):
    own, new = Axes(), Axes()
    assert report.plot(own) is own
    monkeypatch.setitem(sys.modules, "matplotlib", ModuleType("matplotlib"))
    pyplot = ModuleType("matplotlib.pyplot")
    pyplot.subplots = lambda: (None, new)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    assert report.plot() is new
    assert own.drawn == new.drawn == (report.times, report.counts, "post", "Nodes in use")
    assert own.labels["ylabel"] == "nodes"


def test_without_matplotlib_the_error_says_how_to_install_it(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(StoraxError, match=r"matplotlib is not installed\. Install it: .* matplotlib$"):
        report.plot()
