"""Cores are never given twice, and nobody waits for ever behind smaller work."""

from hypothesis import given, settings
from hypothesis import strategies as st

from storax_agent.launchers import cores as module
from storax_agent.launchers.base import Lease, Work
from storax_agent.launchers.cores import Cores, Queue


def work(number: int, cores: int = 1, gpus: int = 0) -> Work:
    return Work(Lease(number, 1, 1), ["true"], {}, "w", cores, gpus)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 8),
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(1, 8), st.integers(0, 3)), max_size=30),
    st.data(),
)
def test_cores_are_never_overcommitted(total, gpus, asks, data):
    machine, queue, running = Cores(total, gpus), Queue(), []
    queue.extend(work(n, *ask) for n, ask in enumerate(asks))
    for _ in range(60):
        found = queue.next_fit(machine)
        if found:
            running.append((found.cores, machine.take(found.cores, found.gpus)))
        elif running:
            machine.give_back(*running.pop(data.draw(st.integers(0, len(running) - 1))))
        assert sum(used for used, _ in running) == machine.used <= total
        given_gpus = [gpu for _, gpus in running for gpu in gpus]
        assert len(given_gpus) == len(set(given_gpus)) <= gpus


def test_smaller_work_goes_first_but_not_for_ever(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    machine, queue = Cores(4), Queue()
    machine.take(2, 0)
    queue.extend([work(1, cores=4), work(2), work(3)])
    assert queue.next_fit(machine) == work(2)
    now[0] += 31
    assert queue.next_fit(machine) is None
    machine.give_back(2, [])
    assert queue.next_fit(machine) == work(1, cores=4)
    machine.take(4, 0)
    machine.give_back(4, [])
    assert queue.next_fit(machine) == work(3)


def test_adopted_processes_keep_their_cores_and_gpus():
    machine = Cores()
    machine.occupy(3, [0])
    machine.resize(4, 2)
    assert (machine.free, machine.gpus) == (1, [1])
    assert not machine.fit(work(1, cores=2))
    machine.give_back(3, [0])
    assert machine.fit(work(1, cores=4, gpus=2))


def test_queued_work_can_be_taken_out():
    queue = Queue()
    queue.extend([work(1), work(2)])
    assert queue.remove(Lease(1, 1, 1)) == work(1)
    assert queue.remove(Lease(1, 1, 1)) is None
    assert len(queue) == 1
