"""The parts of a report that need no server: escaped texts, charts, times in parts, runs from events."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from browsing import Tree
from storax.report.charts import round_top, stacked_areas, stacked_bars
from storax.report.collect import without_secrets
from storax.report.histories import Event, History, fold
from storax.report.markup import MOST, Html, duration, html_of, pairs, table
from storax.report.series import PARTS, Bins, ended_over_time, states_over_time
from storax.report.statistics import percentile

BEGIN = datetime(2026, 1, 31, 8, tzinfo=UTC)
# After OWASP's filter evasion list, and characters that steer a terminal or turn the order of letters.
PAYLOADS = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "'-alert(3)-'", "</style><script>alert(4)</script>",
    "<svg/onload=alert(5)>", "{{7*7}}$style${policy}", "</td></table></title>", '" autofocus onfocus=alert(6) x="',
    "&lt;i&gt;", "<!--", "]]>", "\u202egnp.exe", "\u200fabc", "\x1b[2J\x1b]0;owned\x07", "line\r\nbreak", "\u2028",
    "\ufeff", "\x00", "\ud800", "\u2066x",
]  # fmt: skip


def at(seconds):
    return BEGIN + timedelta(seconds=seconds)


def history(*moves):
    return History(at(0), at(0), moves=[(at(seconds), state) for seconds, state in moves])


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_a_hostile_text_stays_text_in_every_place(payload):
    document = table(payload, [payload], [[payload], [{"key": payload, payload: [payload]}]], empty="") + pairs(
        [(payload, payload)]
    )
    assert all(character.isprintable() or character == "\n" for character in document)
    elements = Tree(document).elements
    assert {e.tag for e in elements} <= {"div", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd"}
    assert {name for e in elements for name in e.attributes} <= {"class", "role", "tabindex", "aria-label", "scope"}
    (definition,) = [e for e in elements if e.tag == "dd"]
    assert definition.text == "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in payload)


def test_a_long_text_is_cut_before_it_is_escaped():
    shown = html_of("&" * 10 * MOST)
    assert shown == "&amp;" * (MOST - 1) + "…"
    assert html_of(Html("<b>")) == "<b>"
    assert (html_of(None), html_of(1234567)) == ("-", "1,234,567")


@pytest.mark.parametrize("chart", [stacked_areas, stacked_bars])
def test_a_chart_is_well_formed_has_no_style_of_its_own_and_stays_inside(chart):
    bins = Bins(BEGIN, timedelta(minutes=5), 3)
    figure = ElementTree.fromstring(chart({"bad": [0, 1, 0], "good": [1, 2, 4]}, bins, title="<b>"))
    svg = figure.find(".//svg")
    assert {e.tag for e in svg.iter()} <= {"svg", "g", "line", "path", "rect"}
    assert not [e for e in figure.iter() if "style" in e.attrib]
    assert [e.text for e in figure.findall(".//div[@class='y']/span")] == ["4", "2", "0"]
    assert [e.text for e in figure.findall(".//div[@class='x']/span")][::2] == [
        "2026-01-31 08:00:00",
        "2026-01-31 08:15:00",
    ]
    for rect in svg.findall("rect"):
        assert float(rect.get("y")) + float(rect.get("height")) <= 300
        assert float(rect.get("x")) + float(rect.get("width")) <= 1000


def test_areas_stand_on_each_other():
    bins = Bins(BEGIN, timedelta(seconds=1), 2)
    figure = ElementTree.fromstring(stacked_areas({"good": [0, 2], "bad": [2, 2]}, bins, title=""))
    paths = {path.get("class"): path.get("d") for path in figure.iter("path")}
    assert paths == {
        "good": "M0,300.00V300.00H500.00V150.00H1000.00V300.00H500.00V300.00H0.00Z",
        "bad": "M0,150.00V150.00H500.00V0.00H1000.00V150.00H500.00V300.00H0.00Z",
    }


def test_an_axis_ends_at_a_round_even_number():
    assert [round_top(value) for value in (0, 2, 3, 5, 11, 40, 41, 9_999)] == [2, 2, 4, 10, 20, 40, 100, 10_000]


@pytest.mark.parametrize("seconds", [0, 0.5, 94, 95, 3600, 86_400 * 30, 86_400 * 4_000])
def test_the_parts_cover_all_of_the_time_and_are_few(seconds):
    bins = Bins.of(at(0.3), at(0.3 + seconds))
    assert bins.begin <= at(0.3) <= at(0.3 + seconds) < bins.end
    assert 1 <= bins.number <= PARTS
    assert bins.index(at(-5)) == 0
    assert bins.index(at(10**9)) == bins.number - 1


def test_states_and_ends_are_counted_in_the_order_of_the_log():
    bins = Bins(BEGIN, timedelta(seconds=1), 4)
    jobs = [
        history((0, "CREATED"), (0, "PREPROCESSED"), (1, "RUNNING"), (2, "RUN_DONE"), (2, "JOB_FINISHED")),
        history((1.5, "CREATED"), (0.5, "PREPROCESSED"), (3, "FAILED")),  # a time that goes back
    ]
    assert states_over_time(jobs, bins) == {
        "good": [0, 0, 1, 1], "bad": [0, 0, 0, 1], "running": [0, 1, 0, 0], "ready": [1, 1, 1, 0],
    }  # fmt: skip
    assert ended_over_time(jobs, bins) == {"good": [0, 0, 1, 0], "bad": [0, 0, 0, 1]}


def test_a_run_is_measured_by_one_clock():
    moves = [(1, "CREATED", {}), (2, "RUNNING", {"at": "2026-01-01T00:00:00Z"}), (5, "RUN_DONE", {"at": "2026-01-01T00:00:10Z"}),
             (6, "RESTART_READY", {}), (7, "RUNNING", {"at": "2026-01-01T00:01:00Z"}), (9, "RUN_TIMEOUT", {"losses": 1}),
             (10, None, {}), (11, "RUNNING", {})]  # fmt: skip
    histories: dict[int, History] = {}
    fold(histories, [Event(p, 1, state, at(p)) for p, state, _ in moves], {p: data for p, _, data in moves})
    job = histories[1]
    assert (job.runs, job.attempts, job.losses, job.state) == ([10, 2], 3, 1, "RUNNING")
    assert job.begin == (None, at(11))
    assert (job.first, job.last) == (at(1), at(11))


@pytest.mark.parametrize(
    "moves",
    [
        [(1, "RUNNING", {}), (10, "PREPROCESSED", {}), (99, "CANCELLED", {})],
        [(1, "RUNNING", {"at": "2001-01-01T00:00:00Z"}), (10, "RUN_DONE", {"at": "2026-01-31T08:00:10Z"})],
        [(1, "RUNNING", {"at": "yesterday"}), (10, "RUN_DONE", {"at": 7})],
        [(1, "RUNNING", {"at": "2026-01-31T08:00:01"}), (10, "RUN_DONE", {"at": "2026-01-31T09:00:00Z"})],
    ],
    ids=["forced out of it", "a clock that was wrong", "unreadable", "without a zone"],
)
def test_a_run_ends_with_its_state_and_no_time_of_a_site_is_trusted_blindly(moves):
    histories: dict[int, History] = {}
    fold(histories, [Event(p, 1, state, at(p)) for p, state, _ in moves], {p: data for p, _, data in moves})
    assert histories[1].runs == [9]


def test_numbers_of_runs():
    assert [percentile([3, 1, 2], part) for part in (0.01, 0.5, 0.95, 1)] == [1, 2, 3, 3]
    assert percentile(range(1, 101), 0.95) == 95
    assert [duration(s) for s in (None, 0, 1.234, 59.99, 59.999, 7_500)] == [
        "",
        "0.00 s",
        "1.23 s",
        "59.99 s",
        "1m",
        "2h5m",
    ]


def test_the_address_of_a_server_has_no_secret():
    assert without_secrets("https://alice:secret@h.example:8360/api?token=x#y") == "https://h.example:8360/api"
    assert without_secrets("http://127.0.0.1:8360") == "http://127.0.0.1:8360"
