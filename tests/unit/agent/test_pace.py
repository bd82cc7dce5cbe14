"""A lone job is reported at once, a storm in batches, and what was asked for is never asked for twice."""

import threading
import time

from storax_agent.mainloop import load_window
from storax_agent.mainloop.load_window import Mail, Pace, Room


def waited(mail, seconds=60.0):
    began = time.monotonic()
    return mail.wait(seconds), time.monotonic() - began


def test_the_end_of_a_job_is_sent_at_once(monkeypatch):
    monkeypatch.setattr(load_window, "SETTLE_SEC", 60.0)
    mail = Mail()
    assert waited(mail, 0.01)[0] is False
    mail.add(1, final=True)
    due, took = waited(mail)
    assert due
    assert took < 30


def test_a_start_waits_a_moment_for_its_end(monkeypatch):
    monkeypatch.setattr(load_window, "SETTLE_SEC", 60.0)
    mail = Mail()
    mail.add(1, final=False)
    assert waited(mail, 0.05)[0] is False
    threading.Timer(0.05, lambda: mail.add(1, final=True)).start()
    due, took = waited(mail)
    assert due
    assert took < 30
    mail.taken()
    monkeypatch.setattr(load_window, "SETTLE_SEC", 0.2)
    began = time.monotonic()
    mail.add(1, final=False)
    assert waited(mail)[0] is True
    assert time.monotonic() - began >= 0.2


def test_a_storm_is_sent_in_batches_until_it_ends(monkeypatch):
    monkeypatch.setattr(load_window, "STORM_REPORT_SEC", 60.0)
    mail = Mail()
    mail.taken()
    mail.storm(on=True)
    mail.add(load_window.STORM_REPORT_ENTRIES - 1, final=True)
    assert waited(mail, 0.05)[0] is False
    mail.add(1, final=True)
    assert waited(mail)[0] is True
    mail.taken()
    mail.add(1, final=True)
    threading.Timer(0.05, lambda: mail.storm(on=False)).start()
    due, took = waited(mail)
    assert due
    assert took < 30


def test_draining_sends_everything_now(monkeypatch):
    monkeypatch.setattr(load_window, "SETTLE_SEC", 60.0)
    mail = Mail()
    mail.add(1, final=False)
    mail.flush()
    due, took = waited(mail)
    assert due
    assert took < 30


def test_jobs_on_their_way_are_not_asked_for_again():
    room = Room()
    assert room.wait(0) == 0
    room.set(5)
    assert room.wait(60) == 5
    room.coming(3)
    room.set(5)
    assert room.wait(0) == 2
    room.coming(2)
    assert room.wait(0) == 0
    room.arrived(5)
    assert room.wait(0) == 5


def test_room_wakes_who_waits():
    room = Room()
    threading.Timer(0.05, lambda: room.set(1)).start()
    assert room.wait(60) == 1


def test_only_the_last_half_second_counts(monkeypatch):
    now = [10.0]
    monkeypatch.setattr(load_window.time, "monotonic", lambda: now[0])
    ends = Pace()
    ends.note(0)
    ends.note(40)
    now[0] += 0.3
    ends.note(20)
    assert ends.recent() == 60
    now[0] += 0.3
    assert ends.recent() == 20
    now[0] += 1
    assert ends.recent() == 0
