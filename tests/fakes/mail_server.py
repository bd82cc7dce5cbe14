"""A mail server on loopback: it keeps the messages that it takes, and answers as a test says."""

import contextlib
import socketserver
import ssl
import threading
from collections import deque
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self, cast


class MailServer:
    """SMTP. ``answers`` has what the next recipients are answered; without one they are taken.

    ``farewell`` is the answer to QUIT. With ``tls`` it offers STARTTLS, or with ``from_the_start`` speaks TLS alone.
    ``encrypted`` counts the messages that came encrypted.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, from_the_start: bool = False) -> None:
        self.encrypted = 0
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answers: deque[str] = deque()
        self.farewell = "221 bye"
        mail_server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(ssl.SSLError, ConnectionError):  # a client that does not trust it hangs up
                    self._talk()

            def finish(self) -> None:
                super().finish()
                self.connection.close()  # of TLS it is not the socket that the server closes

            def _encrypt(self) -> None:
                assert tls is not None
                self.connection = tls.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

            def _talk(self) -> None:
                if from_the_start:
                    self._encrypt()
                self._say("220 here")
                while line := self.rfile.readline().decode().strip():
                    verb = line.partition(" ")[0].upper()
                    if verb == "RCPT":
                        mail_server.recipients.append(line.partition("<")[2].partition(">")[0])
                        self._say(mail_server.answers.popleft() if mail_server.answers else "250 taken")
                    elif verb == "EHLO" and tls and not from_the_start:
                        self._say("250-here\r\n250 STARTTLS")
                    elif verb == "STARTTLS" and tls:
                        self._say("220 go on")
                        self._encrypt()
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
                mail_server.encrypted += isinstance(self.connection, ssl.SSLSocket)

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
