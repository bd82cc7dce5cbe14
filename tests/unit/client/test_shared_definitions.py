"""The client's copies of the server's definitions say the same; the client cannot import the server."""

from typing import get_args

from storax._jobs import parameters, states
from storax_core.commands import acquire, apps
from storax_core.lifecycle.states import HOOKS, JOB_DONE, JOB_RUNNABLE, JOB_TAKEABLE


def test_hooks_run_in_the_states_of_the_server() -> None:
    assert {str(state): method for state, method in HOOKS.items()} == states.HOOKS


def test_a_site_may_lease_jobs_in_the_states_of_the_server() -> None:
    assert set(get_args(states.Runnable)) == set(JOB_TAKEABLE) == set(get_args(acquire.Runnable))
    assert states.STARTABLE == JOB_RUNNABLE


def test_the_states_that_end_a_job_are_those_of_the_server() -> None:
    assert set(states.FINAL) == set(JOB_DONE)


def test_a_command_template_has_the_same_parameters_for_client_and_server() -> None:
    assert parameters.PLACEHOLDER.pattern == apps.PLACE.pattern
