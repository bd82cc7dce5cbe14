"""Instances: what they take, how they read, which changes they notice."""

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from fakes.rest import Script, job, problem
from storax import UNSET, EventLog, Job, Site, TransferItem, errors
from storax._orm.rows import from_object


@pytest.fixture
def script():
    return Script()


def loaded(client, **fields):
    return from_object(Job, job(5, **fields), client)


def test_a_new_job_has_no_id_and_shows_the_defaults():
    new = Job(app_id=1, workdir="a")
    assert (new.id, new.state, new.num_nodes, new.gpus_per_rank, new.tags, new.parent_ids) == (
        None,
        None,
        1,
        0.0,
        {},
        [],
    )
    assert new.on_parent_failure == "fail"


def test_a_misspelt_argument_is_an_error_that_names_the_right_one():
    with pytest.raises(errors.UnknownName, match=r"no argument 'num_node'. Did you mean 'num_nodes'\?") as caught:
        Job(app_id=1, workdir="a", num_node=2)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, errors.StoraxError)


@pytest.mark.parametrize("act", [lambda j: j.worckdir, lambda j: setattr(j, "worckdir", "b")])
def test_a_misspelt_attribute_is_an_error_that_names_the_right_one(act):
    with pytest.raises(AttributeError, match=r"no field 'worckdir'. Did you mean 'workdir'\?"):
        act(Job(app_id=1, workdir="a"))


def test_hasattr_and_copy_work_as_for_any_object(client):
    one = loaded(client, tags={"a": "b"})
    assert not hasattr(one, "wibble")
    assert copy.copy(one).tags == {"a": "b"}
    assert copy.deepcopy(one).tags == {"a": "b"}


def test_a_job_needs_a_workdir_and_an_app():
    with pytest.raises(errors.InvalidInput, match="needs a workdir"):
        Job(app_id=1)
    with pytest.raises(errors.InvalidInput, match="needs an App"):
        Job(workdir="a")
    with pytest.raises(errors.InvalidInput, match="not both"):
        Job(app="Hello", app_id=1, workdir="a")


def test_arguments_are_named():
    with pytest.raises(TypeError, match="positional"):
        Job("Hello", workdir="a")


def test_other_nouns_name_their_missing_arguments():
    with pytest.raises(TypeError, match="'name'"):
        Site()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("num_nodes", "four", "Job.num_nodes: 'four' does not fit"),
        ("num_nodes", None, "Job.num_nodes: None does not fit"),
        ("num_nodes", 1.5, "Job.num_nodes"),
        ("tags", ["a"], "Job.tags"),
        ("tags", {"a": ["b"]}, r"Job.tags: \['a'\]: \['b'\] does not fit"),
        ("parent_ids", ["x"], "Job.parent_ids"),
        ("parent_ids", 3, "Job.parent_ids"),
        ("on_parent_failure", "fial", r"'fial' is not one of its values. Did you mean 'fail'\?"),
        ("workdir", 3.5j, "Job.workdir"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_at_once(field, value, message):
    with pytest.raises(errors.InvalidInput, match=message) as caught:
        Job(**{"app_id": 1, "workdir": "a", field: value})
    assert isinstance(caught.value, ValueError)
    with pytest.raises(errors.InvalidInput, match=message):
        setattr(Job(app_id=1, workdir="a"), field, value)


class Scalar:
    """Stands for a numpy scalar."""

    def tolist(self):
        return 4


def test_what_plainly_means_the_right_type_is_taken(script, client):
    script.on("POST", "/jobs/", (201, job(1)))
    fields = {"num_nodes": "2", "ranks_per_node": Scalar(), "gpus_per_rank": 1, "tags": {"run": 7}, "parent_ids": (3,)}
    Job(app_id=1, workdir="a", **fields).save()
    body = {"num_nodes": 2, "ranks_per_node": 4, "gpus_per_rank": 1, "tags": {"run": "7"}, "parent_ids": [3]}
    assert script.last.body == {"app_id": 1, "workdir": "a", **body}


def test_parameters_hold_what_json_can_say(script, client):
    script.on("POST", "/jobs/", (201, job(1)))
    values = {"n": Scalar(), "path": Path("/x"), "when": datetime(2026, 1, 1), "set": {2, 1}, "id": UUID(int=1)}
    Job(app_id=1, workdir="a", parameters=values).save()
    body = script.last.body["parameters"]
    assert body == {"n": 4, "path": "/x", "when": "2026-01-01T00:00:00", "set": [1, 2], "id": str(UUID(int=1))}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), r"value nan at parameters\['x'\]"),
        (object(), r"A object at parameters\['x'\] has no JSON form"),
        ([1, {"y": float("inf")}], r"parameters\['x'\]\[1\]\['y'\]"),
        ("\ud800", r"not valid Unicode"),
    ],
)
@pytest.mark.parametrize("many", [1, 600])
def test_a_value_without_a_json_form_is_refused_before_anything_is_sent(script, client, value, message, many):
    with pytest.raises(errors.InvalidInput, match=message):
        Job(app_id=1, workdir="a", parameters={"x": value}).save()
    jobs = [Job(app_id=1, workdir="a") for _ in range(many)]
    jobs[-1].parameters["x"] = value
    with pytest.raises(errors.InvalidInput, match=message):
        jobs[0].save() if many == 1 else Job.objects.bulk_create(jobs)
    assert script.requests == []


def test_a_key_that_is_no_text_is_named(script, client):
    with pytest.raises(errors.InvalidInput, match=r"The key \(3, 4\) at parameters\['x'\] is no text"):
        Job(app_id=1, workdir="a", parameters={"x": {(3, 4): 5}}).save()


def test_none_is_null_and_unset_is_not_sent(script, client):
    script.on("POST", "/sites/", (201, {"id": 1, "name": "s"}))
    Site(name="s", globus_endpoint_id=None, path=UNSET).save()
    assert script.last.body == {"name": "s", "globus_endpoint_id": None}


def test_times_read_as_aware_utc_whatever_the_server_writes(client):
    one = loaded(client, creation_date="2026-01-02T03:04:05.5+02:00", last_update="2026-01-02T03:04:05Z")
    assert one.creation_date == datetime(2026, 1, 2, 1, 4, 5, 500_000, tzinfo=UTC)
    assert one.last_update.tzinfo is UTC
    assert one.not_before is None


def test_saving_sends_only_what_changed_and_takes_over_the_answer(script, client):
    one = loaded(client)
    script.on("PATCH", "/jobs/5", job(5, num_nodes=3, version=2))
    one.num_nodes = 3
    one.save()
    assert script.last.body == {"num_nodes": 3}
    assert one.version == 2
    one.save()
    assert len(script.requests) == 1


def test_changes_inside_dicts_and_lists_are_noticed(script, client):
    one = loaded(client, tags={"a": "1"}, data={"deep": {"list": [1]}})
    tags = one.tags
    tags["b"] = "2"
    one.data["deep"]["list"].append(2)
    answers = [{"a": "1", "b": "2", "by another": "4"}, {"a": "1", "b": "2", "c": "3", "by another": "4"}]
    script.on("PATCH", "/jobs/5", *(job(5, tags=tags, data={"deep": {"list": [1, 2]}}) for tags in answers))
    one.save()
    assert script.last.body == {"data__merge": {"deep": {"list": [1, 2]}}, "tags__merge": {"b": "2"}}
    assert tags == {"a": "1", "b": "2", "by another": "4"}, "the dict at hand goes on being that of the job"
    tags["c"] = "3"
    one.save()
    assert script.last.body == {"tags__merge": {"c": "3"}}
    one.save()
    assert len(script.requests) == 2


def test_a_new_dict_is_sent_as_its_differences_from_the_one_that_was_read(script, client):
    one = loaded(client, tags={"a": "1", "b": "2"}, data={"x": {"y": 1, "z": 2}, "n": 1, "none": None})
    script.on("PATCH", "/jobs/5", job(5))
    one.tags = {**one.tags, "a": "5", "c": "3"}
    one.data = {"x": {"y": 1, "w": {}}, "n": True, "none": None}
    one.save()
    assert script.last.body == {
        "tags__merge": {"a": "5", "c": "3"},
        "data__merge": {"x": {"w": {}}, "n": True},
        "data__remove": [["x", "z"]],
    }


def test_a_removed_key_is_sent_as_such_and_a_null_stays_a_null(script, client):
    one = loaded(client, data={"a": 1, "b": 2})
    script.on("PATCH", "/jobs/5", job(5))
    del one.data["a"]
    one.data["b"] = None
    one.save()
    assert script.last.body == {"data__merge": {"b": None}, "data__remove": ["a"]}


def test_an_array_put_into_a_saved_dict_is_sent_as_a_list(script, client):
    one = loaded(client, data={"a": [1]})
    script.on("PATCH", "/jobs/5", job(5, data={"a": 4}))
    one.data["a"] = Scalar()
    one.save()
    assert script.last.body == {"data__merge": {"a": 4}}


def test_update_names_single_keys_and_refuses_other_suffixes(script, client):
    script.on("PATCH", "/jobs/", {"updated": 1})
    query = Job.objects.using(client).filter(id=5)
    query.update(tags__merge={"n": 7}, data__remove=["a", ("b", "c")])
    assert script.last.body["patch"] == {"tags__merge": {"n": "7"}, "data__remove": ["a", ["b", "c"]]}
    with pytest.raises(errors.InvalidInput, match="takes a list of keys"):
        query.update(tags__remove="a")
    for wrong in ("priority__merge", "tags__mrge", "retry_exit_codes__merge"):
        with pytest.raises(errors.UnknownName, match=wrong):
            query.update(**{wrong: {}})


def test_reading_a_dict_is_no_change(script, client):
    one = loaded(client, tags={"a": "1"})
    assert one.tags == {"a": "1"}
    one.save()
    assert script.requests == []


def test_a_dict_that_was_left_out_can_be_filled_before_saving(script, client):
    one = Job(app_id=1, workdir="a")
    one.tags["x"] = "y"
    script.on("POST", "/jobs/", (201, job(5, tags={"x": "y"})))
    one.save()
    assert script.last.body["tags"] == {"x": "y"}
    assert Job(app_id=1, workdir="b").tags == {}


def test_the_callers_own_dict_stays_apart():
    tags = {"a": "1"}
    one = Job(app_id=1, workdir="a", tags=tags)
    one.tags["b"] = "2"
    assert tags == {"a": "1"}


@pytest.mark.parametrize("field", ["app_id", "parent_ids"])
def test_fields_fixed_at_creation_refuse_assignment_afterwards(client, field):
    one = loaded(client)
    with pytest.raises(AttributeError, match=f"Job.{field} is fixed once the Job is saved"):
        setattr(one, field, getattr(one, field))


def test_a_fixed_list_that_was_changed_in_place_is_refused_at_saving(script, client):
    one = loaded(client)
    one.parent_ids.append(3)
    with pytest.raises(errors.ReadOnly, match="parent_ids is fixed"):
        one.save()


def test_fields_of_the_server_refuse_assignment(client):
    for field, value in (("id", 7), ("site_id", 7), ("version", 7), ("last_update", datetime.now(UTC))):
        with pytest.raises(AttributeError, match="read-only: the server sets it"):
            setattr(loaded(client), field, value)
    with pytest.raises(AttributeError, match="set by the server at creation"):
        Job(app_id=1, workdir="a").state = "RUNNING"


def test_the_event_log_is_read_only(client):
    event = from_object(EventLog, {"id": 1, "position": 1, "data": {"a": 1}}, client)
    with pytest.raises(AttributeError, match=r"EventLog.data is read-only: records are never changed"):
        event.data = {}
    with pytest.raises(errors.ReadOnly, match="EventLog cannot be made here"):
        EventLog(job_id=1)  # type: ignore[call-arg]
    assert not hasattr(EventLog.objects, "create")
    assert not hasattr(EventLog.objects, "delete")


def test_transfer_items_are_made_by_the_server_alone():
    with pytest.raises(errors.ReadOnly, match="cannot be made here"):
        TransferItem("in", state="done")  # type: ignore[call-arg]


def test_deleting_takes_the_id_away(script, client):
    one = loaded(client)
    script.on("DELETE", "/jobs/5", (204, None))
    one.delete()
    assert one.id is None
    with pytest.raises(errors.ReadOnly, match="not saved cannot be deleted"):
        one.delete()


def test_a_leased_job_is_not_deleted_and_the_error_says_what_to_do(script, client):
    one = loaded(client)
    script.on("DELETE", "/jobs/5", problem(409, "leased", "job 5 is leased or running"))
    with pytest.raises(errors.Leased, match=r"job 5 is leased or running. Cancel it first"):
        one.delete()
    assert one.id == 5


@pytest.mark.parametrize("act", ["refresh_from_db", "delete", "save", "done"])
def test_a_job_that_is_gone_raises_its_own_does_not_exist(script, client, act):
    one = loaded(client)
    one.num_nodes = 2
    for method in ("GET", "DELETE", "PATCH"):
        script.on(method, "/jobs/5", problem(404, "not_found", "job 5 does not exist", request_id="r1"))
    with pytest.raises(Job.DoesNotExist, match="job 5 does not exist") as caught:
        getattr(one, act)()
    assert (caught.value.request_id, caught.value.code) == ("r1", "not_found")
    assert isinstance(caught.value, (errors.NotFound, LookupError))
    assert not isinstance(caught.value, Site.DoesNotExist)


def test_refreshing_drops_unsaved_changes(script, client):
    one = loaded(client, tags={"a": "1"})
    one.num_nodes = 9
    one.tags["b"] = "2"
    script.on("GET", "/jobs/5", job(5, num_nodes=4, tags={"a": "1"}))
    one.refresh_from_db()
    assert (one.num_nodes, one.tags) == (4, {"a": "1"})
    one.save()
    assert len(script.requests) == 1


def test_forcing_a_move_says_so_to_the_server(script, client):
    one = loaded(client)
    one.state = "RESTART_READY"
    script.on("PATCH", "/jobs/5", job(5, state="RESTART_READY"))
    one.save(force=True)
    assert script.last.params == {"force": "true"}


def test_a_misspelt_state_is_refused_before_saving(client):
    with pytest.raises(
        errors.InvalidInput, match=r"'RESTART' is not one of its values. Did you mean 'RESTART_READY'\?"
    ):
        loaded(client).state = "RESTART"


def test_fields_missing_from_a_short_reply_are_read_on_access(script, client):
    one = Job(app_id=1, workdir="a")
    script.on("POST", "/jobs/", (201, {"columns": ["id", "site_id", "state"], "rows": [[5, 1, "READY"]]}))
    script.on("GET", "/jobs/5", job(5, version=3))
    Job.objects.bulk_create([one])
    assert repr(one) == "Job(id=5, site_id=1, app_id=1, workdir='a', state='READY')"
    assert len(script.requests) == 1
    assert (one.version, one.attempt) == (3, None)
    assert len(script.requests) == 2


def test_columns_of_a_newer_server_are_left_out_and_missing_ones_are_none(script, client):
    body = job(5, shoe_size=44)
    del body["lease_epoch"]
    script.on("GET", "/jobs/5", body)
    one = from_object(Job, body, client)
    assert not hasattr(one, "shoe_size")
    assert [one.lease_epoch, one.lease_epoch] == [None, None]
    assert len(script.requests) == 1


def test_equality_and_hash_go_by_id(client):
    assert loaded(client) == loaded(client)
    assert len({loaded(client), loaded(client)}) == 1
    assert Job(app_id=1, workdir="a") != Job(app_id=1, workdir="a")
    assert loaded(client) != from_object(Site, {"id": 5, "name": "s"}, client)
    with pytest.raises(TypeError, match="not saved"):
        hash(Job(app_id=1, workdir="a"))


def test_pickling_leaves_the_client_and_its_token_behind(client):
    one = loaded(client, tags={"a": "1"})
    one.num_nodes = 3
    text = pickle.dumps(one)
    assert b"stx_test" not in text
    back = pickle.loads(text)
    assert (back.id, back.num_nodes, back._patch()) == (5, 3, {"num_nodes": 3})


def test_help_shows_what_each_field_is():
    assert Job.num_nodes.__doc__ == "Nodes."
    assert "max_attempts: Number of runs before an error makes it FAILED" in (Job.__init__.__doc__ or "")


def test_representations_never_show_more_than_matters(client):
    assert repr(loaded(client)) == "Job(id=5, site_id=1, app_id=1, workdir='w/5', state='PREPROCESSED')"
    assert "<script>" not in loaded(client, workdir="<script>")._repr_html_()


def test_to_dict_gives_python_values(client):
    body = loaded(client, last_update="2026-01-01T00:00:00Z").to_dict()
    assert body["last_update"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert "transfers" not in body


def test_times_are_sent_as_utc(script, client):
    from storax import BatchJob

    one = from_object(BatchJob, {"id": 1, "version": 1}, client)
    script.on("PATCH", "/batch-jobs/1", {"id": 1})
    one.start_time = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    one.end_time = "2026-01-01T12:00:00Z"
    one.save()
    assert script.last.body == {"end_time": "2026-01-01T12:00:00Z", "start_time": "2026-01-01T10:00:00Z"}
    with pytest.raises(errors.InvalidInput, match="no ISO 8601 time"):
        one.start_time = "tomorrow"


def test_bodies_are_plain_json(script, client):
    script.on("POST", "/jobs/", (201, job(1)))
    Job(app_id=1, workdir="ä").save()
    assert json.dumps(script.last.body) == '{"app_id": 1, "workdir": "\\u00e4"}'


def save_large(client):
    one = loaded(client)
    one.data.update(LARGE)
    one.save()


LARGE = {"x": "z" * (1 << 20)}
WRITES = {
    "create": lambda _client: Job(app_id=1, workdir="a", parameters=LARGE).save(),
    "save": save_large,
    "update": lambda client: Job.objects.using(client).filter(id=5).update(data=LARGE),
}


@pytest.mark.parametrize("act", WRITES.values(), ids=WRITES)
def test_a_value_beyond_one_mebibyte_is_named_before_it_is_sent(script, client, act):
    with pytest.raises(errors.TooLarge, match=r"(parameters|data|data__merge) has 1.0 MiB as JSON; a value is at most"):
        act(client)
    assert script.requests == []
