"""What client and server both define is the same; the client cannot import the server."""

from storax._jobs.parameters import PLACEHOLDER
from storax_core.commands.apps import PLACE


def test_a_command_template_has_the_same_parameters_for_client_and_server() -> None:
    assert PLACEHOLDER.pattern == PLACE.pattern
