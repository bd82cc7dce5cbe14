"""One part: when it starts, when it is given up, how long it waits before the next start."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storax.local.errors import StartError
from storax.local.processes.child import Child, Phase
from storax.local.stack_parts import Part
from waiting import eventually

Make = Callable[..., Child]


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


SLEEP = python("import time; time.sleep(60)")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    children: list[Child] = []
    (tmp_path / "log").mkdir()

    def child(part: Part, **kwargs: object) -> Child:
        children.append(Child(part, stack_id="t", version="1", log=tmp_path / "log" / f"{part.name}.log", **kwargs))
        return children[-1]

    yield child
    for each in children:
        if each.process and each.started_here:
            each.process.send(signal.SIGKILL)
            while each.process.alive():
                time.sleep(0.005)
            each.reap()


def run_until(child: Child, phase: Phase) -> None:
    def reached() -> bool:
        if child.phase is not phase:
            child.step(ready=set(), now=time.monotonic())
        return child.phase is phase

    eventually(reached)


def kill(child: Child) -> None:
    assert child.process is not None
    os.kill(child.process.pid, signal.SIGKILL)
    while child.process.alive():
        time.sleep(0.002)


def test_it_waits_for_what_it_needs(make: Make) -> None:
    child = make(Part("a", SLEEP, needs=("b", "c")))
    child.step(ready={"b"}, now=0.0)
    assert child.phase is Phase.WAITING
    child.step(ready={"b", "c"}, now=0.0)
    assert child.phase is Phase.STARTING


def test_it_waits_for_what_it_needs_before_it_starts_again(make: Make) -> None:
    child = make(Part("a", SLEEP, needs=("b",)))
    child.step(ready={"b"}, now=0.0)
    child.step(ready={"b"}, now=0.0)
    kill(child)
    child.step(ready=set(), now=1.0)
    child.step(ready=set(), now=9.0)
    assert child.phase is Phase.RESTARTING
    child.step(ready={"b"}, now=9.0)
    assert child.phase is Phase.STARTING


def test_a_failed_start_shows_the_end_of_the_log_and_where_it_is(make: Make) -> None:
    child = make(Part("broken", python("print('old'); raise SystemExit('the disk is on fire')"), settle=60))
    with pytest.raises(StartError, match=r"(?s)broken ended at its start with status 1.*on fire.*broken\.log"):
        run_until(child, Phase.READY)


def test_a_program_that_is_not_there_is_a_start_error(make: Make) -> None:
    with pytest.raises(StartError, match="gone could not be started"):
        make(Part("gone", ("/no/such/program",))).step(ready=set(), now=0.0)


def test_never_ready_is_a_start_error(make: Make) -> None:
    child = make(Part("mute", SLEEP, ready=lambda: False, timeout=0.05))
    with pytest.raises(StartError, match="mute was not ready within"):
        run_until(child, Phase.READY)


def test_passing_trouble_is_waited_for(make: Make, tmp_path: Path) -> None:
    code = f"import pathlib, time; p = pathlib.Path({str(tmp_path / 'tried')!r})\n"
    code += "if not p.exists(): p.touch(); raise SystemExit('postmaster.pid exists')\ntime.sleep(60)"
    child = make(Part("pg", python(code), retry=lambda log: "postmaster.pid" in log, ready=(tmp_path / "tried").exists))
    run_until(child, Phase.RESTARTING)
    run_until(child, Phase.READY)


def test_the_delay_between_restarts_doubles_up_to_five_seconds(make: Make) -> None:
    child, now, waits = make(Part("a", SLEEP)), 100.0, []
    for _ in range(9):
        child.step(ready=set(), now=now)  # starts it
        child.step(ready=set(), now=now)  # finds it ready
        assert child.phase is Phase.READY
        kill(child)
        child.step(ready=set(), now=now)
        waits.append(round(child.due - now, 3))
        now = child.due
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    child.step(ready=set(), now=now)
    child.step(ready=set(), now=now)
    kill(child)
    child.step(ready=set(), now=now + 60)
    assert child.due == pytest.approx(now + 60.1)  # after a long run it begins anew


def test_a_command_hands_on_its_output_and_reads_its_input(make: Make) -> None:
    outputs: list[str] = []
    part = Part("once", python("print(input().upper())"), once=True, input="secret\n", after=outputs.append)
    child = make(part)
    run_until(child, Phase.READY)
    assert outputs == ["SECRET\n"]


def test_a_command_with_nothing_to_do_is_skipped(make: Make) -> None:
    child = make(Part("once", ("/no/such/program",), once=True, skip=lambda: True))
    child.step(ready=set(), now=0.0)
    assert child.phase is Phase.READY
    child.step(ready=set(), now=1e9)


def test_the_same_running_process_is_adopted_and_another_is_replaced(make: Make) -> None:
    first = make(Part("a", SLEEP))
    run_until(first, Phase.READY)
    adopted = make(Part("a", SLEEP), record=first.record)
    run_until(adopted, Phase.READY)
    assert adopted.process == first.process
    assert not adopted.started_here
    changed = make(Part("a", SLEEP, environment=lambda: {"STORAX_PORT": "1"}), record=adopted.record)
    run_until(changed, Phase.READY)
    assert changed.started_here
    assert first.process is not None
    assert not first.process.alive()


def test_a_process_that_does_not_answer_is_not_adopted(make: Make) -> None:
    first = make(Part("a", SLEEP))
    run_until(first, Phase.READY)
    second = make(Part("a", SLEEP, alive=lambda: False), record=first.record)
    run_until(second, Phase.READY)
    assert second.started_here


def test_tokens_and_addresses_of_the_caller_are_not_passed_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAX_TOKEN", "stx_mine")
    outputs: list[str] = []
    code = python("import os; print(os.environ.get('STORAX_TOKEN'), os.environ['A'], os.environ['STORAX_STACK'])")
    child = make(Part("once", code, once=True, environment=lambda: {"A": "1"}, after=outputs.append))
    run_until(child, Phase.READY)
    assert outputs == ["None 1 t:once\n"]


def test_until_the_stack_runs_a_death_is_an_error_and_afterwards_it_is_not(make: Make) -> None:
    child = make(Part("a", SLEEP))
    run_until(child, Phase.READY)
    kill(child)
    with pytest.raises(StartError):
        child.step(ready=set(), now=time.monotonic(), starting=True)
    child.step(ready=set(), now=time.monotonic())
    assert child.phase is Phase.RESTARTING
