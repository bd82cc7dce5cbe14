"""A report as one HTML document: the template and the style sheet beside this file, filled with escaped text."""

from base64 import b64encode
from hashlib import sha256
from importlib import resources
from string import Template

from storax.cli.terminal.output import short, text_of
from storax.report.charts import stacked_areas, stacked_bars
from storax.report.collect import Report
from storax.report.markup import Html, duration, html_of, pairs, table


def render(report: Report) -> str:
    """Return the document. The same report gives the same document."""
    style = _file("page.css")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return Template(_file("page.html")).substitute(
        style=style,
        # The browser applies this style sheet alone, and refuses every script and every request.
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        scope=html_of(_scope(report)),
        summary=_summary(report),
        states=stacked_areas(report.states, report.bins, title="Jobs by state over time"),
        throughput=_throughput(report),
        failures=_failures(report),
        slowest=_slowest(report),
        apps=_apps(report),
        provenance=_provenance(report),
    )


def _file(name: str) -> str:
    return resources.files("storax.report").joinpath(name).read_text(encoding="utf-8")


def _scope(report: Report) -> str:
    jobs = report.summary.jobs
    if report.matching > jobs:
        return f"The newest {jobs:,} of {report.matching:,} jobs that match. --limit includes more."
    return "1 job." if jobs == 1 else f"{jobs:,} jobs."


def _summary(report: Report) -> Html:
    summary = report.summary
    states = table("Jobs by state", ("State", "Jobs#"), summary.states.items(), empty="")
    return Html(states + pairs([
        ("First event", summary.first),
        ("Last event", summary.last),
        ("Runs", f"{summary.attempts:,} started, {summary.runs:,} ended, {summary.under_way:,} under way"),
        ("Lost runs", summary.losses),
        ("Run time, total", duration(summary.total)),
        ("Run time, median of a run", duration(summary.median)),
    ]))  # fmt: skip


def _throughput(report: Report) -> Html:
    if not report.ended:
        return Html("<p>No job has ended.</p>")
    step = short(report.bins.step)
    chart = stacked_bars(report.ended, report.bins, title=f"Jobs that ended in each {step}")
    return Html(
        f"<p>Jobs that ended, in parts of {html_of(step)}. A job that was retried counts at each end.</p>{chart}"
    )


def _failures(report: Report) -> Html:
    rows = [
        (group.jobs, group.failure_line, _app(report, group.app_id), group.return_code, group.first, group.last,
         str(group.newest_id))
        for group in report.failures
    ]  # fmt: skip
    heads = ("Jobs#", "Last line of the error", "App", "Exit code#", "First", "Last", "Newest job#")
    groups = table("Failures", heads, rows, empty="No failure is listed." if report.ungrouped else "No job has failed.")
    rest = f"<p>{report.ungrouped:,} failed jobs are in no group here: too many groups, or the jobs changed since.</p>"
    return Html(groups + (rest if report.ungrouped else ""))


def _slowest(report: Report) -> Html:
    rows = [
        (str(slow.job.id), slow.state, _app(report, slow.job.app_id), duration(slow.seconds), slow.runs,
         slow.job.workdir, slow.job.tags)
        for slow in report.slowest
    ]  # fmt: skip
    heads = ("Job#", "State", "App", "Run time#", "Runs#", "Workdir", "Tags")
    return table("Slowest jobs", heads, rows, empty="No run has ended.")


def _apps(report: Report) -> Html:
    rows = [
        (_app(report, one.app_id), one.jobs, one.runs, duration(one.median), duration(one.p95)) for one in report.apps
    ]
    return table("Runs by App", ("App", "Jobs#", "Runs#", "Median#", "p95#"), rows, empty="No run has ended.")


def _app(report: Report, app_id: int) -> str:
    return report.app_names.get(app_id, str(app_id))


def _provenance(report: Report) -> Html:
    origin = report.provenance
    return pairs([
        ("Server", origin.server),
        ("Storax", origin.version),
        ("User", origin.user),
        ("Position of the log", f"{origin.position} ({text_of(origin.time)})"),
        ("Read at", origin.read_at),
        ("Command", Html(f"<code>{html_of(origin.command)}</code>")),
    ])  # fmt: skip
