"""No node is ever given more than it has, and nobody waits for ever behind smaller work."""

from collections import Counter
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from storax._runtime.footprint import DEVICE, shares
from storax_agent.launch.packing import Capacity, Node, Packer, Queue, objection
from storax_agent.launch.work import Call, Lease, Place, Work


def work(number, cores=1, gpus=(), packing=0, nodes=1, expected_sec=0.0, memory_mb=0):
    return Work(
        Lease(number, 1, 1), ["true"], {}, "w", cores, gpus, 0.0, packing, nodes, memory_mb=memory_mb,
        expected_sec=expected_sec,
    )  # fmt: skip


def nodes_of(sizes):
    return [Node(f"n{n}", cores=size.cores, gpus=size.gpus, memory_mb=size.memory_mb) for n, size in enumerate(sizes)]


def queue_at(now):
    return Queue(lambda: now[0])


MEMORY = [0, 0, 1, 100, 500, 1000, 1001]
SIZES = st.lists(
    st.builds(Capacity, st.integers(1, 6), st.integers(0, 3), st.sampled_from([0, 1000, 2000])), min_size=1, max_size=4
)
ASKS = st.tuples(
    st.integers(1, 6),
    st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.7, 1.0, 1.5]),
    st.integers(1, 3),
    st.sampled_from([0, 0, 1, 2, 3, 7]),
    st.sampled_from([1, 1, 1, 2, 3]),
    st.integers(0, 50),
    st.sampled_from(MEMORY),
)


def over_committed(sizes, running):
    """What runs, counted from scratch: which node has more than it has room for."""
    cores, devices, occupancy, jobs, memory, whole = Counter(), Counter(), Counter(), Counter(), Counter(), set()
    for item, place in running:
        assert len(set(place.nodes)) == item.nodes == len(place.nodes)
        for name in place.nodes:
            jobs[name] += 1
            memory[name] += item.memory_mb
            if item.nodes > 1:
                whole.add(name)
            for core in place.cores:
                cores[name, core] += 1
            for gpu, share in place.gpus.items():
                devices[name, gpu] += share
            occupancy[name] += Fraction(1, item.packing) if item.packing else 0
        if item.nodes == 1:
            assert len(set(place.cores)) == item.cores
            assert sum(place.gpus.values()) == sum(item.gpus)
    names = {f"n{n}": size for n, size in enumerate(sizes)}
    assert all(core < names[name].cores and count == 1 for (name, core), count in cores.items())
    assert all(gpu < names[name].gpus and share <= DEVICE for (name, gpu), share in devices.items())
    assert all(needed_mb <= names[name].memory_mb for name, needed_mb in memory.items() if names[name].memory_mb)
    assert all(sum_ <= 1 for sum_ in occupancy.values())
    assert all(jobs[name] == 1 for name in whole)


@settings(max_examples=400, deadline=None)
@given(SIZES, st.lists(ASKS, max_size=40), st.data())
def test_no_node_is_ever_overcommitted(sizes, asks, data):
    packer = Packer(nodes_of(sizes))
    now, running, left = [0.0], [], data.draw(st.integers(0, 60))
    queue = queue_at(now)
    works = [work(n, c, shares(g, r), p, nodes, wall, mem) for n, (c, g, r, p, nodes, wall, mem) in enumerate(asks)]
    queue.extend(works)
    for _ in range(120):
        now[0] += 1
        if chosen := queue.next_fit(packer, left=left):
            packer.take(chosen[1])
            running.append(chosen)
            assert chosen[0].expected_sec <= left
        elif running:
            packer.give_back(running.pop(data.draw(st.integers(0, len(running) - 1)))[1])
        over_committed(sizes, running)
    for _, place in running:
        packer.give_back(place)
    assert all(node.idle and node.free == list(range(node.cores)) for node in packer.nodes.values())
    assert all(node.occupancy == 0 and node.gpus_left().get(0, DEVICE) == DEVICE for node in packer.nodes.values())
    assert all(node.memory_used == 0 for node in packer.nodes.values())


@settings(max_examples=200, deadline=None)
@given(SIZES, ASKS)
def test_what_an_idle_allocation_can_hold_is_not_refused_and_what_it_cannot_is(sizes, ask):
    cores, gpus, ranks, packing, nodes, _, memory_mb = ask
    packer = Packer(nodes_of(sizes))
    item = work(1, cores, shares(gpus, ranks), packing, nodes, memory_mb=memory_mb)
    assert (objection(sizes, item, where="it", mend={}) == "") == (packer.fit(item) is not None)


def test_smaller_work_goes_first_but_not_for_ever():
    now = [100.0]
    packer, queue = Packer([Node(cores=4)]), queue_at(now)
    first = packer.fit(work(9, cores=2))
    packer.take(first)
    queue.extend([work(1, cores=4), work(2), work(3)])
    assert queue.next_fit(packer)[0] == work(2)
    now[0] += 31
    assert queue.next_fit(packer) is None
    packer.give_back(first)
    chosen, place = queue.next_fit(packer)
    assert chosen == work(1, cores=4)
    packer.take(place)
    packer.give_back(place)
    assert queue.next_fit(packer)[0] == work(3)


def test_wide_work_is_not_starved_by_a_stream_of_small():
    now = [0.0]
    packer, queue = Packer([Node(f"n{n}", cores=2) for n in range(3)]), queue_at(now)
    running = []
    queue.extend([work(0, nodes=3), *(work(n) for n in range(1, 400))])
    packer.take(first := packer.fit(work(999)))
    running.append(first)
    for step in range(400):
        now[0] += 1
        while chosen := queue.next_fit(packer):
            if chosen[0].nodes == 3:
                assert step < 45
                return
            packer.take(chosen[1])
            running.append(chosen[1])
        packer.give_back(running.pop(0))
    raise AssertionError("it never started")


def test_what_cannot_end_in_time_does_not_start_and_does_not_stand_in_the_way():
    packer, queue = Packer([Node(cores=4)]), queue_at([0.0])
    queue.extend([work(1, expected_sec=100), work(2, expected_sec=50), work(3)])
    assert queue.next_fit(packer, left=60)[0].lease.job_id == 2
    assert queue.next_fit(packer, left=60)[0].lease.job_id == 3
    assert queue.next_fit(packer, left=60) is None
    assert [late.lease.job_id for late in queue.take_late(60)] == [1]
    assert len(queue) == 0


def test_a_hook_starts_whatever_time_is_left():
    packer, queue = Packer([Node(cores=4)]), queue_at([0.0])
    calls = [Call(method, "", False, {}, {}) for method in ("preprocess", "run")]
    queue.extend(replace(work(number, expected_sec=3600), call=call) for number, call in enumerate(calls))
    assert [late.call.method for late in queue.take_late(60)] == ["run"]
    assert queue.next_fit(packer, left=60)[0].call.method == "preprocess"


def test_fractions_share_a_device_and_leave_whole_ones_whole():
    packer = Packer([Node("n", cores=8, gpus=2)])
    halves = []
    for _ in range(2):
        place = packer.fit(work(1, gpus=shares(0.5, 1)))
        packer.take(place)
        halves.append(place)
    assert [list(place.gpus) for place in halves] == [[0], [0]]
    whole = packer.fit(work(2, gpus=shares(1.0, 1)))
    assert whole.gpus == {1: DEVICE}
    packer.take(whole)
    assert packer.fit(work(3, gpus=shares(0.1, 1))) is None
    packer.give_back(halves[0])
    assert packer.fit(work(3, gpus=shares(0.1, 5))).gpus == {0: DEVICE // 2}


def test_three_thirds_are_a_device_and_a_node():
    packer = Packer([Node("n", cores=8, gpus=1)])
    third = work(1, gpus=shares(1 / 3, 1), packing=3)
    for _ in range(3):
        packer.take(packer.fit(third))
    assert packer.fit(work(2, gpus=shares(0.01, 1))) is None
    assert packer.fit(work(2, packing=1000)) is None
    assert packer.fit(work(2)) is not None, "work that states no occupancy is bound by cores alone"


def test_single_work_fills_used_nodes_first_so_that_idle_ones_stay_whole():
    packer = Packer([Node(f"n{n}", cores=4) for n in range(3)])
    for number in range(4):
        packer.take(packer.fit(work(number)))
    assert packer.fit(work(9, nodes=2)) == Place(nodes=["n1", "n2"])


def test_memory_is_shared_by_what_is_asked_and_nobody_waits_who_asks_for_none():
    packer = Packer([Node("n", cores=8, memory_mb=1000)])
    half = packer.fit(work(1, memory_mb=500))
    packer.take(half)
    assert packer.fit(work(2, memory_mb=501)) is None
    packer.take(packer.fit(work(3, memory_mb=500)))
    assert packer.fit(work(4, memory_mb=1)) is None
    assert packer.fit(work(5)) is not None
    packer.give_back(half)
    assert packer.fit(work(6, memory_mb=500)) is not None


def test_where_memory_is_not_known_it_bounds_nothing():
    assert Packer([Node("n", cores=1)]).fit(work(1, memory_mb=1 << 30)) is not None


def test_a_wide_job_gets_nodes_with_enough_memory():
    packer = Packer([Node(f"n{n}", cores=2, memory_mb=memory) for n, memory in enumerate((500, 2000, 500, 2000))])
    assert packer.fit(work(1, nodes=2, memory_mb=1500)).nodes == ["n1", "n3"]
    assert packer.fit(work(1, nodes=3, memory_mb=1500)) is None


def test_adopted_processes_keep_their_cores_and_gpus():
    node = Node()
    node.take(Place([0, 1, 2], {0: DEVICE}, memory_mb=700))
    node.resize(4, 2, 1000)
    assert node.free == [3]
    assert node.fit(work(1, memory_mb=301)) is None
    assert node.fit(work(1, cores=2)) is None
    assert node.fit(work(1, gpus=[DEVICE])).gpus == {1: DEVICE}
    node.give_back(Place([0, 1, 2], {0: DEVICE}, memory_mb=700))
    assert node.fit(work(1, memory_mb=1000)) is not None
    assert node.fit(work(1, cores=4, gpus=[DEVICE] * 2)) is not None


def test_queued_work_can_be_taken_out():
    queue = queue_at([0.0])
    queue.extend([work(1), work(2)])
    assert queue.remove(Lease(1, 1, 1)) == work(1)
    assert queue.remove(Lease(1, 1, 1)) is None
    assert len(queue) == 1
