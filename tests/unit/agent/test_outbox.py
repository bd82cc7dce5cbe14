"""Every move is on disk before it is sent, and leaves only when it was answered."""

import sqlite3

import pytest

from storax_agent.files.set_aside import SetAside
from storax_agent.mainloop import outbox
from storax_agent.mainloop.outbox import Outbox, OutboxError, OutboxReader, add_entry, open_outbox


def entry(job, *moves, epoch=1, **patch):
    row = {"id": job, "lease_epoch": epoch, "attempt": 1, "moves": [{"to": to, "at": "x", "data": {}} for to in moves]}
    return row | ({"patch": patch} if patch else {})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.sqlite"


def test_moves_of_one_lease_travel_together_and_in_order(path):
    box, reader = Outbox(path), OutboxReader(path, SetAside(path.with_name("set-aside")))
    box.append([entry(1, "RUNNING"), entry(2, "RUNNING")])
    box.append([entry(1, "RUN_DONE", return_code=0)])
    batch = reader.take(100)
    assert batch.entries == [entry(1, "RUNNING", "RUN_DONE", return_code=0), entry(2, "RUNNING")]
    assert reader.take(100) is None
    box.append([entry(2, "RUN_DONE")], answered=batch.seq)
    assert reader.take(100).entries == [entry(2, "RUN_DONE")]


def test_what_was_not_answered_survives_and_is_sent_again(path):
    box = Outbox(path)
    for number in range(10):
        box.append([entry(number, "RUNNING")], cursor=f"j:{number}")
    batch = OutboxReader(path, SetAside(path.with_name("set-aside"))).take(4)
    assert [row["id"] for row in batch.entries] == [0, 1, 2, 3]
    box.append([], answered=batch.seq)
    box.close()
    second = Outbox(path)
    assert [row["id"] for row in second.unanswered()] == [4, 5, 6, 7, 8, 9]
    assert (second.note("cursor"), second.note("none")) == ("j:9", "")
    assert [row["id"] for row in OutboxReader(path, SetAside(path.with_name("set-aside"))).take(100).entries] == [
        4,
        5,
        6,
        7,
        8,
        9,
    ]
    assert second.append([entry(99, "RUNNING")]) == 11


def test_a_batch_given_back_is_taken_again(path):
    box, reader = Outbox(path), OutboxReader(path, SetAside(path.with_name("set-aside")))
    box.append([entry(1, "RUNNING")])
    first = reader.take(10)
    reader.give_back(first)
    box.append([entry(1, "RUN_DONE")])
    assert reader.take(10).entries == [entry(1, "RUNNING", "RUN_DONE")]


def test_a_batch_is_bounded_in_bytes(path):
    box, reader = Outbox(path), OutboxReader(path, SetAside(path.with_name("set-aside")))
    for number in range(6):
        box.append([entry(number, "RUN_DONE", return_value="x" * 1_000_000)])
    assert [len(batch.entries) for batch in iter(lambda: reader.take(1000), None)] == [4, 2]


def test_a_newer_lease_of_a_job_replaces_the_older():
    rows = {}
    for row in (entry(1, "RUNNING"), entry(1, "RUNNING", epoch=2), entry(1, "RUN_DONE"), entry(1, "RUN_DONE", epoch=2)):
        add_entry(rows, row)
    assert rows[1] == entry(1, "RUNNING", "RUN_DONE", epoch=2)


def test_it_is_private_and_a_failed_write_stores_nothing(path):
    box = Outbox(path)
    assert path.stat().st_mode & 0o077 == 0
    box.append([entry(1, "RUNNING")])
    box._db.execute("PRAGMA query_only = ON")
    with pytest.raises(OutboxError, match="cannot be written"):
        box.append([entry(2, "RUNNING")], answered=1)
    box._db.execute("PRAGMA query_only = OFF")
    assert [row["id"] for row in box.unanswered()] == [1]
    assert box.append([entry(3, "RUNNING")]) == 2


def test_an_entry_that_cannot_be_written_fails_its_job_with_the_place_and_the_others_stay(path):
    box = Outbox(path)
    box.append(
        [entry(1, "RUN_DONE"), entry(2, "RUNNING", "RUN_DONE", return_value=["a", "\udcff"]), entry(3, "RUN_DONE")]
    )
    first, second, third = box.unanswered()
    assert (first, third) == (entry(1, "RUN_DONE"), entry(3, "RUN_DONE"))
    assert [move["to"] for move in second["moves"]] == ["RUNNING", "RUN_ERROR"]
    reason = second["moves"][-1]["data"]["message"]
    assert "cannot be stored: ['return_value'][1] is '\\udcff', which is no valid Unicode text" in reason
    assert "patch" not in second


def test_a_row_that_cannot_be_read_is_set_aside_once_and_the_next_is_handed_out(path):
    box, aside = Outbox(path), SetAside(path.with_name("set-aside"))
    for number in (1, 2, 3):
        box.append([entry(number, "RUNNING")])
    box._db.execute("UPDATE outbox SET body = ? WHERE seq = 2", (b"\xff{",))
    box._db.commit()
    assert [row["id"] for row in box.unanswered()] == [1, 3]
    batch = OutboxReader(path, aside).take(10)
    assert ([row["id"] for row in batch.entries], batch.seq, batch.damaged) == ([1, 3], 3, 1)
    assert OutboxReader(path, aside).take(10) == batch
    summary = aside.summary()
    assert (summary.count, summary.newest[0].name) == (1, "outbox row 2")


@pytest.mark.parametrize("damage", ["header", "page"])
def test_a_damaged_file_is_kept_and_a_new_one_begun(path, damage):
    box, aside = Outbox(path), SetAside(path.with_name("set-aside"))
    for number in range(200):
        box.append([entry(number, "RUN_DONE", return_value="x" * 500)])
    box.close()
    with path.open("r+b") as file:
        file.seek(0 if damage == "header" else 3 * 4096)
        file.write(b"\xff" * 4096)
    second, reader = open_outbox(path, aside)
    assert (second.seq, second.unanswered(), reader.take(10)) == (0, [], None)
    assert second.append([entry(1, "RUNNING")]) == 1
    (record,) = aside.summary().newest
    assert (record.name, "its jobs run again" in record.reason) == ("outbox.sqlite", True)
    assert len(list(path.parent.glob("outbox.sqlite.*.damaged"))) == 1


def test_what_is_too_large_for_one_row_is_stored_in_several(path):
    box, reader = Outbox(path), OutboxReader(path, SetAside(path.with_name("set-aside")))
    last = box.append([entry(number, "RUN_DONE", return_value="x" * 1_000_000) for number in range(10)])
    assert last == box.seq > 1
    batches = list(iter(lambda: reader.take(1000), None))
    assert [row["id"] for batch in batches for row in batch.entries] == list(range(10))
    assert [batch.more for batch in batches] == [True] * (len(batches) - 1) + [False]


def test_a_commit_is_on_the_disk_before_it_returns(path):
    """What SQLite promises in these modes: 2 is FULL, an fsync of the write-ahead log in every commit."""
    box = Outbox(path)
    state = [box._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    box.close()
    assert state == ["wal", 2]


# ---- a server that was restored ---------------------------------------------------------------------------------------


def answered_rows(path):
    return [job for (job,) in sqlite3.connect(path).execute("SELECT json_extract(body, '$[0].id') FROM answered")]


def test_what_a_server_lost_is_sent_again_before_what_still_waits(path):
    """In the order of the moves: an end is refused where its start is not known."""
    box, reader = Outbox(path), OutboxReader(path, SetAside(path.with_name("set-aside")))
    box.append([entry(1, "RUNNING", "RUN_DONE")])
    box.append([], answered=reader.take(10).seq, position=100)
    box.append([entry(2, "RUNNING")])
    box.append([], answered=reader.take(10).seq, position=200)
    box.append([entry(2, "RUN_DONE")])
    on_its_way = reader.take(10)
    assert box.put_back(150) == 1
    again = reader.take(10)
    assert again.entries == [entry(2, "RUNNING", "RUN_DONE")]
    assert (reader.was_put_back(on_its_way), reader.was_put_back(again)) == (False, True)
    box.append([], answered=on_its_way.seq, position=300)
    assert [row["id"] for row in box.unanswered()] == [2, 2]
    box.append([], answered=again.seq, position=400)
    assert box.unanswered() == []
    assert answered_rows(path) == [1, 2, 2]
    assert box.put_back(400) == 0


def test_answered_rows_outlive_the_agent_and_keep_their_numbers(path):
    box = Outbox(path)
    box.append([entry(1, "RUNNING")])
    box.append([], answered=1, position=100)
    box.close()
    second = Outbox(path)
    second.append([entry(2, "RUNNING")])
    second.append([], answered=2, position=200)
    assert answered_rows(path) == [1, 2]
    assert second.put_back(0) == 2


def test_what_made_no_event_is_not_kept_and_what_is_old_or_too_much_goes(path, monkeypatch):
    monkeypatch.setattr(outbox, "ANSWERED_BYTES", 2000)
    box = Outbox(path)
    box.append([entry(1, "RUNNING")])
    box.append([], answered=1)
    assert answered_rows(path) == []
    for number in range(2, 60):
        box.append([entry(number, "RUNNING")])
        box.append([], answered=number, position=number)
    kept = answered_rows(path)
    assert kept[-1] == 59
    assert 5 < len(kept) < 30
    monkeypatch.setattr(outbox, "ANSWERED_SEC", -1.0)
    box.append([entry(99, "RUNNING")])
    box.append([], answered=60, position=99)
    assert answered_rows(path) == []
