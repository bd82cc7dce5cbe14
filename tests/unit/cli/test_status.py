"""`storax status` shows what the agents of sites report of themselves."""

from storax.local.site_reports import SiteReport


def test_failing_loops_and_records_set_aside_are_lines_with_their_reasons():
    report = SiteReport("lab", {"pull": "OSError('disk')"}, 3, [{"name": "report of job 7, lease 1", "reason": "no"}])
    assert report.lines() == [
        "Site lab: loop pull fails: OSError('disk')",
        "Site lab: 3 records set aside; see storax site check",
        "  report of job 7, lease 1: no",
    ]
    assert SiteReport("lab", {}, 0, []).lines() == []
