"""Which server a model speaks to: the enclosing block, else the process's default; never a global of the model."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import storax.client
from fakes.rest import Script, client_of, job, rows
from storax import Client, Job, current_client, errors
from storax._orm.rows import from_object


def answering(number):
    return Script().on("POST", "/jobs/query", rows(Job, job(number))).on("POST", "/jobs/", (201, job(number)))


@pytest.fixture(autouse=True)
def no_default(monkeypatch, tmp_path):
    monkeypatch.setattr(storax.client, "_default", [])
    monkeypatch.setenv("STORAX_HOME", str(tmp_path))
    for name in ("STORAX_URL", "STORAX_TOKEN", "STORAX_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def test_two_clients_in_one_process_do_not_meet():
    one, two = answering(1), answering(2)
    with client_of(one), client_of(two):
        assert Job.objects.first().id == 2
    with client_of(one) as outer:
        with client_of(two):
            assert Job.objects.first().id == 2
        assert Job.objects.first().id == 1
        assert current_client() is outer


def test_what_was_made_inside_a_block_stays_with_its_client():
    one, two = answering(1), answering(2)
    with client_of(one):
        query = Job.objects.all()
        read_job = Job.objects.first()
        new = Job(app_id=1, workdir="a")
        new.save()
    one.on("GET", "/jobs/1", job(1))
    with client_of(two):
        assert query.first().id == 1
        read_job.refresh_from_db()
        new.refresh_from_db()
    assert [a.method for a in two.requests] == []


def test_a_query_can_be_turned_to_another_client():
    other = client_of(answering(9))
    with client_of(answering(1)):
        assert Job.objects.using(other).first().id == 9
        assert Job.objects.filter(state="FAILED").using(other).first().id == 9


def test_threads_do_not_see_each_others_blocks():
    seen = {}

    def work(number):
        with client_of(answering(number)):
            barrier.wait(60)
            seen[number] = Job.objects.first().id
            barrier.wait(60)

    barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(1, 5)))
    assert seen == {1: 1, 2: 2, 3: 3, 4: 4}


def test_one_client_serves_many_threads():
    client = client_of(answering(3))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: Job.objects.using(client).first().id, range(200))) == {3}


def test_without_any_server_the_error_says_what_to_do():
    with pytest.raises(errors.NotConfigured, match=r"`storax up`.*`storax login URL`") as caught:
        Job.objects.first()
    assert isinstance(caught.value, LookupError)


def test_the_default_client_comes_from_the_settings_once(monkeypatch):
    monkeypatch.setenv("STORAX_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("STORAX_TOKEN", "stx_env")
    assert current_client().url == "http://127.0.0.1:1"
    assert current_client() is current_client()


def test_a_client_may_be_entered_again_and_used_after_its_block():
    client = client_of(answering(4))
    with client, client:
        pass
    with client:
        assert Job.objects.first().id == 4
    assert Job.objects.using(client).first().id == 4


def test_leaving_a_block_by_an_error_leaves_it():
    with pytest.raises(KeyError), client_of(answering(1)):
        raise KeyError
    with pytest.raises(errors.NotConfigured):
        Job.objects.first()


def test_an_instance_from_another_process_speaks_to_the_current_client():
    read_job = pickle.loads(pickle.dumps(from_object(Job, job(1), client_of(answering(1)))))
    script = answering(1).on("GET", "/jobs/1", job(1, state="FAILED"))
    with client_of(script):
        read_job.refresh_from_db()
    assert read_job.state == "FAILED"


def test_raw_calls_are_open_to_all():
    script = Script().on("GET", "/auth/me", {"username": "ada"}).on("POST", "/tokens/", (201, {"token": "stx_1"}))
    client = client_of(script)
    assert client.request("GET", "/auth/me") == {"username": "ada"}
    assert client.request("POST", "/tokens/", {"name": "x"}, params={"a": 1}) == {"token": "stx_1"}
    assert script.last.params == {"a": "1"}


def test_models_hold_no_client():
    with client_of(answering(1)):
        assert not any(isinstance(value, Client) for value in vars(Job).values())


def test_the_old_name_of_the_transport_warns_and_works():
    client = client_of(answering(1))
    with pytest.warns(DeprecationWarning, match="get_transport"):
        assert client.wire() is client.get_transport()
