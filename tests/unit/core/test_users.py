"""Passwords: what a failed login shows of the users that there are."""

import time
from statistics import median

from storax_core.commands.users import password_fits, password_hash


def cpu_sec(user: dict[str, str] | None) -> float:
    """CPU time of this thread, which other processes do not lengthen."""
    begun = time.thread_time()
    assert not password_fits("wrong", user)
    return time.thread_time() - begun


def test_an_unknown_user_costs_as_much_as_a_wrong_password():
    known = {"password_hash": password_hash("right")}
    cpu_sec(None)  # makes the hash that stands for an unknown user's
    ratios = [cpu_sec(None) / cpu_sec(known) for _ in range(5)]
    assert 0.5 < median(ratios) < 2
