"""A job that dies by a signal in an allocation may have been ended with it; which, shows within moments."""

from storax_agent.doubts import Doubts
from storax_agent.launchers.base import Ended, Lease


def ended(code, cause="exit", job=1):
    return Ended(Lease(job, 1, 1), 0.0, code, cause, "", "w", started=True)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_one_that_dies_just_before_its_allocation_was_stopped_with_it():
    doubts = Doubts(2.0, clock=Clock())
    assert doubts.sift([ended(-15)], ending=False) == []
    assert len(doubts) == 1
    assert doubts.sift([], ending=True) == [ended(-15, "stopped")]
    assert len(doubts) == 0
    assert doubts.sift([ended(143)], ending=True) == [ended(143, "stopped")]


def test_one_that_was_killed_by_itself_has_failed():
    clock = Clock()
    doubts = Doubts(2.0, clock=clock)
    assert doubts.sift([ended(-9)], ending=False) == []
    clock.now += 2.1
    assert doubts.sift([], ending=False) == [ended(-9)]


def test_other_ends_are_told_at_once():
    doubts = Doubts(2.0, clock=Clock())
    plain = [ended(0), ended(1), ended(-15, "cancelled"), ended(-11)]
    assert doubts.sift(plain, ending=False) == plain


def test_outside_an_allocation_nothing_is_held():
    assert Doubts().sift([ended(-15)], ending=False) == [ended(-15)]
