"""The client's copy of a server's definition says the same; the client cannot import the server."""

from storax._jobs import parameters
from storax_core.commands import apps


def test_a_command_template_has_the_same_parameters_for_client_and_server() -> None:
    assert parameters.PLACEHOLDER.pattern == apps.PLACE.pattern
