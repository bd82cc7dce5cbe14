"""What the server refuses for good is set aside once: not at every look, and not again after a restart."""

import pytest

from storax.errors import Conflict, InvalidInput
from storax_agent.files.set_aside import SetAside
from storax_agent.launch.work import Lease
from storax_agent.loops.patches import Patches
from storax_agent.mainloop import pending_reports
from storax_agent.mainloop.load_window import ReportTrigger
from storax_agent.mainloop.outbox import Outbox
from storax_agent.mainloop.pending_reports import PendingReports
from storax_agent.mainloop.report_entry import refusal

BAD = {"id": 7, "state": "error", "transfer_info": {"error": "bad"}}


class Server:
    """Takes the patches of transfers, but for those of item 7."""

    def __init__(self):
        self.calls = []

    def update(self, patches):
        self.calls.append([patch["id"] for patch in patches])
        if 7 in self.calls[-1]:
            raise (InvalidInput if len(patches[0]) > 2 else Conflict)("refused")


@pytest.fixture
def patches(tmp_path):
    """Make the patches of an agent that starts now; its set-aside folder is that of the agents before."""

    def begin(noun="transfer"):
        server = Server()
        aside = SetAside(tmp_path / "set-aside")
        agent = Patches(server.update, aside, noun, "service", info="transfer_info", kept=("id", "state"))
        return agent, server

    return begin


def test_a_patch_that_was_set_aside_is_not_sent_again_by_a_later_agent_either(patches):
    first, server = patches()
    first.send([BAD, {"id": 8, "state": "done"}])
    assert server.calls == [[7, 8], [7], [7], [8]]
    first.send([BAD])
    later, server = patches()
    later.send([BAD, {"id": 8, "state": "done"}])
    assert (server.calls, list(later.refused)) == ([[8]], [7])


def test_what_is_new_of_a_row_is_sent_also_after_a_patch_of_it_was_set_aside(patches):
    first, _ = patches()
    first.send([BAD])
    later, server = patches()
    later.send([{**BAD, "state": "done"}])
    assert server.calls[0] == [7]


def test_a_record_whose_file_is_gone_is_sent_by_the_next_agent(patches, tmp_path):
    first, _ = patches()
    first.send([BAD])
    for path in (tmp_path / "set-aside").iterdir():
        path.unlink()
    later, server = patches()
    later.send([BAD])
    assert server.calls[0] == [7]


def test_records_of_other_rows_are_not_taken_for_those_of_this_kind(patches, tmp_path):
    aside = SetAside(tmp_path / "set-aside")
    for name in ("transfer 7 of another", "batch job 7", "transfers 7", "transfer seven"):
        aside.put(name, "why", "{}")
    assert patches()[0].refused == {}
    aside.put("transfer 9", "why", b"{}")
    assert patches()[0].refused == {9: "{}"}


def test_leases_of_which_no_report_is_taken_stay_given_up_over_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr(pending_reports, "MOST_GIVEN_UP", 3)
    outbox = Outbox(tmp_path / "outbox.db")
    before = PendingReports(outbox, ReportTrigger())
    before.give_up([(job, 1) for job in range(5)])
    before.give_up([])
    before.add(refusal(Lease(9, 1, 1), 0.0, "why"), Lease(9, 1, 1))
    before.save()
    outbox.close()
    after = PendingReports(Outbox(tmp_path / "outbox.db"), ReportTrigger())
    after.recall()
    assert after.without([*((job, 1) for job in range(5)), (4, 2), (9, 1)]) == [(0, 1), (1, 1), (4, 2)]
    assert not after.settled, "the report that waits is taken up too"
