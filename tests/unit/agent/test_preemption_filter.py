"""A job that fails in an allocation may have been ended with it; which, shows within moments."""

import pytest

from storax_agent.launch.work import Ended, Lease
from storax_agent.mainloop.preemption_filter import PreemptionFilter


def ended(code, cause="exit", job=1):
    return Ended(Lease(job, 1, 1), 0.0, code, cause, "", "w", started=True)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("code", [-15, -9, 143, 1, 15, 255])
def test_one_that_dies_just_before_its_allocation_was_stopped_with_it(code):
    held = PreemptionFilter(2.0, clock=Clock())
    assert held.certain([ended(code)], ending=False) == []
    assert len(held) == 1
    assert held.certain([], ending=True) == [ended(code, "stopped")]
    assert len(held) == 0
    assert held.certain([ended(143)], ending=True) == [ended(143, "stopped")]


@pytest.mark.parametrize("code", [-9, 1])
def test_one_that_failed_by_itself_has_failed(code):
    clock = Clock()
    held = PreemptionFilter(2.0, clock=clock)
    assert held.certain([ended(code)], ending=False) == []
    clock.now += 2.1
    assert held.certain([], ending=False) == [ended(code)]


def test_other_ends_are_reported_at_once():
    held = PreemptionFilter(2.0, clock=Clock())
    plain = [ended(0), ended(None), ended(-15, "cancelled"), ended(None, "lost")]
    assert held.certain(plain, ending=False) == plain


def test_outside_an_allocation_nothing_is_held():
    assert PreemptionFilter().certain([ended(-15)], ending=False) == [ended(-15)]
