"""A lone job is reported at once, a burst in batches, and what was asked for is never asked for twice."""

import threading
import time

from storax_agent.mainloop import load_window
from storax_agent.mainloop.load_window import Demand, LoadWindow, ReportTrigger


def waited(trigger, seconds=60.0):
    began = time.monotonic()
    return trigger.wait(seconds), time.monotonic() - began


def test_the_end_of_a_job_is_sent_at_once(monkeypatch):
    monkeypatch.setattr(load_window, "SETTLE_SEC", 60.0)
    trigger = ReportTrigger()
    assert waited(trigger, 0.01)[0] is False
    trigger.add(1, final=True)
    due, took = waited(trigger)
    assert due
    assert took < 30


def test_a_start_waits_a_moment_for_its_end(monkeypatch):
    monkeypatch.setattr(load_window, "SETTLE_SEC", 60.0)
    trigger = ReportTrigger()
    trigger.add(1, final=False)
    assert waited(trigger, 0.05)[0] is False
    threading.Timer(0.05, lambda: trigger.add(1, final=True)).start()
    due, took = waited(trigger)
    assert due
    assert took < 30
    trigger.taken()
    monkeypatch.setattr(load_window, "SETTLE_SEC", 0.2)
    began = time.monotonic()
    trigger.add(1, final=False)
    assert waited(trigger)[0] is True
    assert time.monotonic() - began >= 0.2


def test_a_burst_is_sent_in_batches_until_it_ends(monkeypatch):
    monkeypatch.setattr(load_window, "BURST_REPORT_SEC", 60.0)
    trigger = ReportTrigger()
    trigger.taken()
    trigger.burst(on=True)
    trigger.add(load_window.BURST_REPORT_ENTRIES - 1, final=True)
    assert waited(trigger, 0.05)[0] is False
    trigger.add(1, final=True)
    assert waited(trigger)[0] is True
    trigger.taken()
    trigger.add(1, final=True)
    threading.Timer(0.05, lambda: trigger.burst(on=False)).start()
    due, took = waited(trigger)
    assert due
    assert took < 30


def test_draining_sends_everything_now(monkeypatch):
    monkeypatch.setattr(load_window, "SETTLE_SEC", 60.0)
    trigger = ReportTrigger()
    trigger.add(1, final=False)
    trigger.flush()
    due, took = waited(trigger)
    assert due
    assert took < 30


def test_jobs_on_their_way_are_not_asked_for_again():
    demand = Demand()
    assert demand.wait(0) == 0
    demand.set(5)
    assert demand.wait(60) == 5
    demand.coming(3)
    demand.set(5)
    assert demand.wait(0) == 2
    demand.coming(2)
    assert demand.wait(0) == 0
    demand.arrived(5)
    assert demand.wait(0) == 5


def test_demand_wakes_who_waits():
    demand = Demand()
    threading.Timer(0.05, lambda: demand.set(1)).start()
    assert demand.wait(60) == 1


def test_only_the_last_half_second_counts(monkeypatch):
    now = [10.0]
    monkeypatch.setattr(load_window.time, "monotonic", lambda: now[0])
    ends = LoadWindow()
    ends.note(0)
    ends.note(40)
    now[0] += 0.3
    ends.note(20)
    assert ends.recent() == 60
    now[0] += 0.3
    assert ends.recent() == 20
    now[0] += 1
    assert ends.recent() == 0
