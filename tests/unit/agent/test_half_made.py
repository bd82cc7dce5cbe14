"""What cannot be made whole leaves nothing open: the agent lives for months, and tries again and again."""

import socket
import sqlite3
import subprocess

import pytest

from storax_agent.launch.protocol.messages import ProtocolError
from storax_agent.launch.spawner.agent_link import connect, listen
from storax_agent.mainloop import outbox
from storax_agent.mainloop.outbox import Outbox, OutboxVersionError
from storax_agent.settings.locations import S3Location
from storax_agent.transfers.base import Item, Watch
from storax_agent.transfers.separate_process import service
from storax_agent.transfers.separate_process.service import HelperService


@pytest.fixture
def opened(monkeypatch):
    """The Unix sockets that are opened."""
    sockets = []

    class Noted(socket.socket):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            if self.family == socket.AF_UNIX:
                sockets.append(self)

    monkeypatch.setattr(socket, "socket", Noted)
    return sockets


def still_open(sockets):
    return [one for one in sockets if one.fileno() != -1]


@pytest.fixture
def transfers(tmp_path):
    place = S3Location(url="s3://bucket")
    return HelperService(place, data=tmp_path, scratch=tmp_path, environment={"AWS_SECRET_ACCESS_KEY": "canary"})


ITEM = Item(1, "in", "there", "a", "w", "a", recursive=False)


def test_a_helper_whose_process_cannot_be_started_leaves_no_socket_open(transfers, opened, monkeypatch):
    def refuse(*_, **__):
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(BlockingIOError):
        transfers.submit([ITEM], Watch())
    assert len(opened) == 2
    assert not still_open(opened)


def test_a_helper_whose_reply_is_no_message_is_ended(transfers, monkeypatch):
    class Babbling:
        ended = False

        def perform(self, *_):
            raise ProtocolError("b'hello' is no message of a transfer helper")

        def close(self):
            self.ended = True
            return ""

    helper = Babbling()
    monkeypatch.setattr(service, "Helper", lambda *_: helper)
    with pytest.raises(ProtocolError):
        transfers.submit([ITEM], Watch())
    assert helper.ended


@pytest.mark.parametrize("make", [connect, listen])
def test_a_launcher_without_its_folder_leaves_no_socket_open(make, tmp_path, opened):
    with pytest.raises(FileNotFoundError):
        make(tmp_path / "gone")
    (tmp_path / "launcher.sock").mkdir()
    with pytest.raises(OSError):  # a folder lies where the socket should
        make(tmp_path)
    assert opened
    assert not still_open(opened)


@pytest.mark.parametrize("content", [b"no database at all, but a text" * 100, None])
def test_an_outbox_that_is_refused_is_closed(content, tmp_path, monkeypatch):
    path, connections, connect_to = tmp_path / "outbox.sqlite", [], sqlite3.connect

    def connect_and_note(*arguments, **named):
        connections.append(connect_to(*arguments, **named))
        return connections[-1]

    if content is None:
        db = connect_to(path)
        db.execute("PRAGMA user_version = 99")
        db.close()
    else:
        path.write_bytes(content)
    monkeypatch.setattr(outbox.sqlite3, "connect", connect_and_note)
    with pytest.raises(sqlite3.DatabaseError if content else OutboxVersionError):
        Outbox(path)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connections[0].execute("SELECT 1")
