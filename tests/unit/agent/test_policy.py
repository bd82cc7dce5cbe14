"""What a site allows: every field that decides what runs, moves or is deleted is part of an App's digest."""

import pytest

from storax_agent.launch.work import Lease
from storax_agent.prepare.job import Preparer, RefusedError
from storax_agent.settings.policy import DIGESTED, DIGESTED_FILES, Policy, app_digest
from storax_core.resources import APPS

APP = {
    "id": 7, "name": "a", "command_template": "x", "use_shell": False, "source_code": "", "environment": {"E": "1"},
    "parameters": {}, "hooks": [], "python_exe": None, "shell_preamble": "",
}  # fmt: skip
JOB = {"id": 1, "app_id": 7, "workdir": "w", "parameters": {}}
SLOT = {"out": {"direction": "out", "local_path": "result.csv", "recursive": False}}

# Fields of an App that are no part of its digest, and why.
NOT_DIGESTED = {
    "id": "the server's number for it",
    "site_id": "where it is, not what it does",
    "description": "text for people",
    "max_attempts": "how often it runs, not what runs",
    "max_losses": "how often it runs, not what runs",
    "retry_delay_sec": "when it runs again",
    "retry_exit_codes": "when it runs again",
    "retry_on_timeout": "when it runs again",
    "version": "the server's count of changes",
    "creation_date": "a time",
    "last_update": "a time",
}
OTHER = {
    "name": "b", "command_template": "y", "use_shell": True, "source_code": "z", "environment": {"E": "2"},
    "parameters": {"p": {}}, "hooks": ["postprocess"], "python_exe": "/other/python", "shell_preamble": "evil",
    "transfers": SLOT, "cleanup_files": ["*"],
}  # fmt: skip


def item(**fields):
    return {"id": 3, "direction": "out", "local_path": "result.csv", "recursive": False, **fields}


def test_each_field_of_an_app_is_in_the_digest_or_has_a_reason_not_to_be():
    digested = {*DIGESTED, *DIGESTED_FILES}
    assert digested.isdisjoint(NOT_DIGESTED)
    assert digested | NOT_DIGESTED.keys() == set(APPS.visible)
    assert OTHER.keys() == digested


@pytest.mark.parametrize("field", OTHER)
def test_a_change_of_what_runs_moves_or_is_deleted_is_another_app(field):
    assert app_digest({**APP, field: OTHER[field]}) != app_digest(APP)


def test_an_app_without_files_has_the_digest_of_earlier_releases():
    assert app_digest(APP) == "sha256:a7995024a2a0e0095c6a84ac6b3df37fb4e3138fc7a3f6e4e264d79883041f35"
    assert app_digest({**APP, "transfers": {}, "cleanup_files": []}) == app_digest(APP)


def test_where_apps_are_named_only_their_own_slots_are_moved():
    app = {**APP, "transfers": SLOT}
    policy = Policy(allowed_apps=frozenset({app_digest(app)}))
    assert policy.transfer_objection(app, item(), submitter="") == ""
    for forged in ({"direction": "in"}, {"local_path": "other"}, {"recursive": True}):
        assert "no transfer slot" in policy.transfer_objection(app, item(**forged), submitter="")
    assert "not in allowed_apps" in policy.transfer_objection({**app, "transfers": OTHER}, item(), submitter="")
    assert Policy().transfer_objection(APP, item(local_path="any"), submitter="") == ""


def test_a_slot_without_a_path_is_named_as_itself():
    app = {**APP, "transfers": {"table": {}}}
    policy = Policy(allowed_apps=frozenset({app_digest(app)}))
    assert policy.transfer_objection(app, item(direction="in", local_path="table"), submitter="") == ""


def test_a_state_of_a_hook_calls_no_function_where_they_are_off(tmp_path):
    """The server names a job's state, and with it the method to be called."""
    app = {**APP, "source_code": "evil"}
    preparer = Preparer(tmp_path / "results", 1)
    with pytest.raises(RefusedError, match=r"has hooks \(postprocess\), and this site runs no Python functions"):
        preparer.work(Lease(1, 1, 1), {**JOB, "state": "RUN_DONE"}, app)
    assert preparer.work(Lease(1, 1, 1), {**JOB, "state": "PREPROCESSED"}, app).argv == ["x"]


def test_a_submitter_that_the_server_names_in_a_job_is_not_believed(tmp_path):
    preparer = Preparer(tmp_path / "results", 1, policy=Policy(allowed_submitters=frozenset({"ann"})), submitter="bob")
    with pytest.raises(RefusedError, match="bob is not in allowed_submitters"):
        preparer.work(Lease(1, 1, 1), {**JOB, "submitter": "ann"}, APP)


def test_nobody_gets_an_allocation_where_no_app_or_submitter_is_allowed():
    assert "no App may run" in Policy(allowed_apps=frozenset()).allocation_objection("ann")
    assert "bob is not in" in Policy(allowed_submitters=frozenset({"ann"})).allocation_objection("bob")
    assert Policy(allowed_apps=frozenset({"x"})).allocation_objection("bob") == Policy().allocation_objection("") == ""
