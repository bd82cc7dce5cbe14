"""The launcher's journal loses nothing that was not acknowledged, however its file ends."""

import pytest
from msgspec.structs import replace

from storax_agent.files.set_aside import SetAside
from storax_agent.launch.protocol.versions import read_record
from storax_agent.launch.spawner import journal as module
from storax_agent.launch.spawner.journal import Journal, JournalVersionError
from storax_agent.launch.work import Ended, Lease, Place, Raised, Returned, Started


def started(number: int) -> Started:
    return Started(Lease(number, 1, 1), 1.5, 1000 + number, 2.5, f"w/{number}", Place([0]), 0.0)


def ended(number: int, code: int = 0) -> Ended:
    return Ended(Lease(number, 1, 1), 3.5, code, "exit", "", f"w/{number}", True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "launcher.journal"


def again(journal: Journal) -> Journal:
    journal.close()
    return Journal(journal.path)


def test_what_was_not_acknowledged_comes_back(path):
    journal = Journal(path)
    rounds = [journal.append([started(1), started(2)], [])[0], journal.append([], [ended(1)])[0]]
    journal.acknowledge(1)
    second = again(journal)
    assert (second.id, second.seq) == (journal.id, 2)
    assert second.after(f"{journal.id}:1") == [rounds[1]]
    assert list(second.running) == [Lease(2, 1, 1)]
    assert second.running[Lease(2, 1, 1)] == started(2)
    assert second.same_boot
    third = again(second)
    assert third.after("") == [rounds[1]]


def test_a_cursor_of_another_journal_gets_all(path):
    journal = Journal(path)
    events, _ = journal.append([started(1)], [])
    assert journal.after("other:99") == [events]
    assert journal.after(f"{journal.id}:1") == []


def test_a_torn_or_foreign_line_is_skipped(path):
    journal = Journal(path)
    journal.append([started(1)], [])
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"type":"events","seq":2,"started":[{"lease":{"job_id":2,')
    second = Journal(path)
    assert list(second.running) == [Lease(1, 1, 1)]
    events, _ = second.append([], [ended(1)])
    assert again(second).after(f"{second.id}:1") == [events]


def test_another_boot_is_noticed(path, monkeypatch):
    journal = Journal(path)
    journal.append([started(1)], [])
    monkeypatch.setattr(module, "boot_id", lambda: "another")
    second = again(journal)
    assert not second.same_boot
    assert list(second.running) == [Lease(1, 1, 1)]


def test_it_stays_small_while_it_is_acknowledged(path, monkeypatch):
    monkeypatch.setattr(module, "REWRITE_BYTES", 4096)
    journal = Journal(path)
    journal.append([started(0)], [])
    for number in range(1, 500):
        journal.append([started(number)], [ended(number)])
        journal.acknowledge(journal.seq)
    assert path.stat().st_size < 8192
    assert list(again(journal).running) == [Lease(0, 1, 1)]


def test_a_full_disk_costs_no_line_once_there_is_room(path, monkeypatch):
    journal = Journal(path)
    real = module.os.write

    def full(_fd, _line):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "write", full)
    journal.append([started(1)], [])
    monkeypatch.setattr(module.os, "write", lambda fd, line: real(fd, line[:10]))
    journal.append([started(2)], [])
    monkeypatch.setattr(module.os, "write", real)
    events, _ = journal.append([started(3)], [])
    assert len(journal.after("")) == 3
    assert again(journal).after("") == [events]


def test_a_journal_of_a_newer_release_is_refused(path):
    path.write_bytes(b'{"type":"journal","journal":"x","boot":"y","version":3}\n')
    with pytest.raises(JournalVersionError, match=r"version 3, and this Storax knows 1 to 2"):
        Journal(path)


def test_an_answer_that_cannot_be_written_fails_its_call_and_the_others_stay(path):
    journal = Journal(path)
    deep = []
    for _ in range(5000):
        deep = [deep]
    events, line = journal.append([], [ended(1), replace(ended(2), outcome=Returned(deep)), ended(3)])
    assert [one.outcome and type(one.outcome) for one in events.ended] == [None, Raised, None]
    assert "what its worker answered cannot be written" in events.ended[1].outcome.message
    assert read_record(line) == events
    assert again(journal).after("") == [events]


def test_a_damaged_line_amid_others_is_set_aside_and_a_cut_last_one_is_not(path):
    journal = Journal(path)
    journal.append([started(1)], [])
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"type":"events","seq":"no number"}\n')
    second = Journal(path)
    assert SetAside(path.with_name("set-aside")).summary().count == 0, "the last line may be cut short"
    second.append([started(2)], [])
    second.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"\xff{\n", *lines[1:]]))
    third = Journal(path)
    assert set(third.running) == {Lease(1, 1, 1), Lease(2, 1, 1)}
    (record,) = SetAside(path.with_name("set-aside")).summary().newest
    assert record.name == "launcher.journal line 2"
