"""Mail to a webhook whose URL is mailto: one message for all events since the last, by the server of the settings.

The standard library speaks SMTP in a thread, which nobody waits for once the attempt is over.
"""

import asyncio
import contextlib
import smtplib
import ssl
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

import anyio
import anyio.to_thread

from storax_core.commands.webhooks.deliveries import MAIL_SCHEME, DueWebhook
from storax_core.resources.webhooks.webhook import MAIL
from storax_core.settings import Settings
from storax_workers.webhooks.sender import LONGEST_PROBLEM, Outcome

MOST = 5_000  # events that are read at once
LISTED = 50  # of a message that are shown by themselves; all are in the numbers
AT_ONCE = 8  # connections to the mail server
ATTEMPT_SEC = 20.0  # for all steps of one attempt
FAILURES = (smtplib.SMTPException, MessageError, OSError, ValueError)
NO_SERVER = "this server sends no mail; its operator sets STORAX_SMTP_HOST and STORAX_SMTP_FROM"
Event = Mapping[str, Any]


def is_mail(url: str) -> bool:
    """Whether a webhook gets mail."""
    return url.startswith(MAIL_SCHEME)


@dataclass
class Digest:
    """What a message says of events, in order, the oldest first: memory for a few, however many there are."""

    kinds: Counter[str] = field(default_factory=Counter)
    listed: list[str] = field(default_factory=list)
    first: int = 0  # positions
    last: int = 0

    def add(self, events: Sequence[Event]) -> None:
        """Add the events that follow."""
        if events:
            self.first, self.last = self.first or events[0]["position"], events[-1]["position"]
        self.kinds.update(map(_kind, events))
        self.listed += map(_line, events[: LISTED - len(self.listed)])


def message_of(hook: DueWebhook, digest: Digest, settings: Settings) -> EmailMessage:
    """Return the message about events. Raises ValueError for a sender that is none."""
    message = EmailMessage()
    message["From"], message["To"] = settings.smtp_from, _address(hook.url)
    numbers = digest.kinds.most_common()
    what = ", ".join(f"{number} {kind}" for kind, number in numbers[:3]) + (" …" if len(numbers) > 3 else "")
    message["Subject"] = f"Storax, {_visible(hook.name)}: {what}"
    message["Date"] = formatdate()
    domain = settings.smtp_from.rpartition("@")[2].rstrip("> ") or "localhost"
    # The same for each attempt with the same events, so that a mail program recognizes a repetition.
    message["Message-ID"] = f"<storax.{hook.id}.{digest.first}.{digest.last}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    more = digest.kinds.total() - len(digest.listed)
    lines = [*(f"{number:>7}  {kind}" for kind, number in numbers), "", *digest.listed]
    lines += [f"and {more} more"] if more else []
    lines += ["", f"The webhook {hook.id}, {_visible(hook.name)}, sends this. Pause or delete it on the page Webhooks."]
    message.set_content("\n".join(lines) + "\n")
    return message


def _address(url: str) -> str:
    return url.removeprefix(MAIL_SCHEME)


def _kind(event: Event) -> str:
    return f"{event['entity']} {event['to_state'] or event['type'].partition('.')[2]}"


def _line(event: Event) -> str:
    moment = event["timestamp"].strftime("%Y-%m-%d %H:%M:%S")
    change = f"{event['from_state'] or 'new'} to {event['to_state']}" if event["to_state"] else event["type"]
    return f"{moment} UTC  {event['entity']} {event['entity_id']}  {change}"


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _refusal(url: str, settings: Settings) -> str:
    """Return why no mail may go to an address; empty where it may. Without domains in the settings all are allowed."""
    if not (settings.smtp_host and settings.smtp_from):
        return NO_SERVER
    if not MAIL.fullmatch(url):  # stored by a release that took it
        return "the URL is not mailto: and one plain address; set another one"
    domain = url.rpartition("@")[2]
    allowed = {name.strip().lower() for name in settings.mail_domains.split(",") if name.strip()}
    if allowed and domain.lower() not in allowed:
        return f"this server sends no mail to {domain}; its operator adds the domain to STORAX_MAIL_DOMAINS"
    return ""


class Mailer:
    """Sends messages by the server of the settings; without one each attempt is refused for good."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = anyio.CapacityLimiter(AT_ONCE)

    async def send(self, hook: DueWebhook, digest: Digest) -> Outcome:
        """Make one attempt; whatever happens is its outcome. Once the server took the message, nothing else counts."""
        if refusal := _refusal(hook.url, self._settings):
            return Outcome(refusal, final=True)
        taken = threading.Event()

        def send() -> None:
            self._send(message, _address(hook.url), taken)

        try:
            message = message_of(hook, digest, self._settings)
            async with asyncio.timeout(ATTEMPT_SEC):
                await anyio.to_thread.run_sync(send, abandon_on_cancel=True, limiter=self._threads)
        except (TimeoutError, *FAILURES) as error:
            return Outcome() if taken.is_set() else _outcome(error)
        return Outcome()

    def _send(self, message: EmailMessage, address: str, taken: threading.Event) -> None:
        settings, timeout = self._settings, self._settings.webhook_timeout_sec
        context = ssl.create_default_context()
        if settings.smtp_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.smtp_host, settings.smtp_port, timeout=timeout, context=context
            )
        else:
            server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=timeout)
        with contextlib.closing(server):
            if settings.smtp_security == "starttls":
                server.starttls(context=context)
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password)
            server.send_message(message, to_addrs=[address])  # not what a parser of its header makes of it
            taken.set()
            server.quit()


def _outcome(error: Exception) -> Outcome:
    """Return why the server did not take a message."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        ((code, answer),) = error.recipients.values()
        return Outcome(_said(code, answer), final=code >= 500)
    if isinstance(error, smtplib.SMTPResponseException):
        return Outcome(_said(error.smtp_code, error.smtp_error))
    if isinstance(error, TimeoutError):
        return Outcome(f"the mail server did not take the message within {ATTEMPT_SEC:g} s")
    return Outcome(f"{type(error).__name__}: {error}"[:LONGEST_PROBLEM])


def _said(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"the mail server answered {code} {_visible(text)}"[:LONGEST_PROBLEM]
