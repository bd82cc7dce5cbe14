"""A mail server on loopback: it keeps the messages that it takes, and answers as a test says."""

import socketserver
import threading
from collections import deque
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self, cast


class MailServer:
    """SMTP without encryption. ``answers`` has what the next recipients are answered; without one they are taken.

    ``farewell`` is the answer to QUIT.
    """

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answers: deque[str] = deque()
        self.farewell = "221 bye"
        mail_server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 here")
                while line := self.rfile.readline().decode().strip():
                    verb = line.partition(" ")[0].upper()
                    if verb == "RCPT":
                        mail_server.recipients.append(line.partition("<")[2].partition(">")[0])
                        self._say(mail_server.answers.popleft() if mail_server.answers else "250 taken")
                    elif verb == "DATA":
                        self._say("354 go on")
                        self._read_message()
                        self._say("250 kept")
                    else:
                        self._say(mail_server.farewell if verb == "QUIT" else "250 fine")
                    if verb == "QUIT":
                        return

            def _read_message(self) -> None:
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                message = message_from_bytes(b"".join(lines), policy=policy.default)
                mail_server.messages.append(cast("EmailMessage", message))

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
