"""Reading and writing messages of every version that this release knows."""

from collections.abc import Iterable

from storax_agent.launch.protocol import first_version, messages
from storax_agent.launch.protocol.messages import VERSION, VERSIONS, Message, Record, Reply, Request


def common_version(theirs: Iterable[int]) -> int | None:
    """The highest version that both sides know; None where there is none."""
    return max(set(theirs) & set(VERSIONS), default=None)


def encode(message: Message, version: int = VERSION) -> bytes:
    """One line, with its end. Raises ``ProtocolError`` for a message that this version has not."""
    return first_version.encode(message) if version == 1 else messages.encode(message)


def read_request(line: bytes) -> Request:
    """What an agent says. Raises ``ProtocolError``."""
    return messages.decode_request(line) or first_version.decode_request(line)


def read_reply(line: bytes) -> Reply:
    """What a spawner says. Raises ``ProtocolError``."""
    return messages.decode_reply(line) or first_version.decode_reply(line)


def read_record(line: bytes) -> Record:
    """One line of a journal. Raises ``ProtocolError``."""
    return messages.decode_record(line) or first_version.decode_record(line)
