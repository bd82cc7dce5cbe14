"""The slow-down of failed logins: per account and address, with a clock of the test."""

from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from storax_api.identity import logins
from storax_api.identity.logins import LIMITS, LoginThrottle, address_of
from storax_core.database.login_failures import KEPT_SEC, Failures
from storax_core.errors import TooManyLogins


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> LoginThrottle:
    return LoginThrottle(clock)


def fail(throttle: LoginThrottle, account: str = "ann", address: str = "1.2.3.4") -> int:
    """Seconds to wait; 0 where the password was looked at."""
    try:
        with throttle.attempt(account, address) as attempt:
            attempt.fail()
    except TooManyLogins as error:
        return error.retry_after
    return 0


def test_the_pause_doubles_up_to_five_minutes(throttle: LoginThrottle, clock: Clock) -> None:
    assert [fail(throttle) for _ in range(LIMITS["both"].free)] == [0] * LIMITS["both"].free
    pauses = []
    for _ in range(12):
        pauses.append(fail(throttle))
        clock.now += pauses[-1]
        assert fail(throttle) == 0
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_a_pause_holds_up_neither_another_account_nor_another_address(throttle: LoginThrottle) -> None:
    for _ in range(LIMITS["both"].free):
        fail(throttle)
    assert fail(throttle) > 0
    assert fail(throttle, account="bob") == 0
    assert fail(throttle, address="5.6.7.8") == 0


def test_many_addresses_against_one_account_are_slowed_down(throttle: LoginThrottle) -> None:
    waits = [fail(throttle, address=f"10.0.0.{n}") for n in range(LIMITS["account"].free + 5)]
    assert [wait > 0 for wait in waits] == [False] * LIMITS["account"].free + [True] * 5


def test_many_accounts_from_one_address_are_slowed_down(throttle: LoginThrottle) -> None:
    waits = [fail(throttle, account=f"user{n}") for n in range(LIMITS["address"].free + 5)]
    assert [wait > 0 for wait in waits] == [False] * LIMITS["address"].free + [True] * 5


def test_failures_are_forgotten_after_a_while(throttle: LoginThrottle, clock: Clock) -> None:
    for _ in range(LIMITS["both"].free):
        fail(throttle)
    clock.now += KEPT_SEC + 1
    assert [fail(throttle) for _ in range(LIMITS["both"].free)] == [0] * LIMITS["both"].free


def test_a_login_that_succeeds_ends_the_count(throttle: LoginThrottle, clock: Clock) -> None:
    for _ in range(LIMITS["both"].free):
        fail(throttle)
    clock.now += 2
    with throttle.attempt("ann", "1.2.3.4") as attempt:
        attempt.succeed()
    assert fail(throttle) == 0


def test_logins_that_are_being_checked_count(throttle: LoginThrottle) -> None:
    with ExitStack() as running:
        for _ in range(logins.AT_ONCE):
            running.enter_context(throttle.attempt("ann", "a"))
        assert fail(throttle, "ann", "a") == 1
    assert fail(throttle, "ann", "a") == 0


def test_memory_is_bounded(throttle: LoginThrottle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "KEPT", 30)
    for n in range(100):
        fail(throttle, account=f"user{n}", address=f"10.0.{n}.1")
    assert len(throttle._kept) == 30


@pytest.mark.parametrize(
    ("host", "address"),
    [("10.0.0.1", "10.0.0.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("testclient", "testclient"), (None, "")],
)
def test_the_address_of_a_caller(host: str | None, address: str) -> None:
    request: Any = SimpleNamespace(client=None if host is None else SimpleNamespace(host=host))
    assert address_of(request) == address


@pytest.mark.parametrize(("failures", "age", "wait"), [(4, 0, 0), (5, 0, 1), (7, 1, 3), (7, 4, 0), (50, 100, 200)])
def test_failures_that_another_process_counted_make_the_next_login_wait(
    throttle: LoginThrottle, failures: int, age: float, wait: int
) -> None:
    def log_in() -> int:
        try:
            with throttle.attempt("ann", "1.2.3.4") as attempt:
                attempt.learn({attempt.keys["both"]: Failures(failures, age)})
        except TooManyLogins as error:
            return error.retry_after
        return 0

    assert log_in() == wait
    assert log_in() == wait
    assert fail(throttle, account="bob") == 0


def test_what_this_process_counted_is_not_forgotten_for_a_smaller_count(throttle: LoginThrottle) -> None:
    for _ in range(LIMITS["both"].free):
        fail(throttle)
    before = fail(throttle)
    with pytest.raises(TooManyLogins), throttle.attempt("ann", "1.2.3.4") as attempt:
        attempt.learn({})
    assert fail(throttle) == before
