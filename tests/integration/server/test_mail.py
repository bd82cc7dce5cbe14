"""Webhooks to mail addresses: one message for many events, tried again or paused like other deliveries, off by default."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from fakes.mail_server import MailServer
from storax_core.settings import Settings
from storax_workers.webhooks import shift, smtp
from waiting import eventually
from world import User, World

ADDRESS = "alice@example.org"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


@pytest.fixture
def user(world: World) -> Iterator[User]:
    """A user whose webhooks are gone after the test, so that no later shift works for them."""
    user = world.user()
    yield user
    user.delete("/webhooks/?all=true")


def webhook(user: User, **fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = user.post("/webhooks/", {"name": "failures", "url": f"mailto:{ADDRESS}", **fields})
    return row


def work(world: World, server: MailServer | None, done: Callable[[], Any], **settings: Any) -> None:
    """Run shifts of deliveries until something is so."""

    def one() -> Any:
        work_once(world, server, **settings)
        return done()

    eventually(one)


def work_once(world: World, server: MailServer | None, **settings: Any) -> None:
    own = {"smtp_host": "127.0.0.1", "smtp_port": server.port} if server else {}
    fixed = {"smtp_from": "Storax <storax@example.org>", "smtp_security": "none", "webhook_retry_sec": 0.001}
    chosen = Settings(**{**fixed, **own, "mail_every_sec": 3600, **settings})
    world.run(shift.run(world.tasks_db, chosen, seconds=0.01), seconds=120)


def state_of(user: User, hook: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = user.get(f"/webhooks/{hook['id']}")
    return row


def cancelled(user: User, app: int, number: int, **tags: str) -> list[int]:
    jobs = user.jobs(app, number, tags=tags)
    user.post("/jobs/cancel", {"filter": {"id": jobs}})
    end = user.events(entity="job")[-1]["position"]
    eventually(lambda: user.world.value("SELECT position FROM feed WHERE name = 'published'") >= end)
    return jobs


def test_many_jobs_of_a_rule_are_one_message_and_the_next_waits(world: World, user: User, server: MailServer) -> None:
    hook = webhook(user, filter={"to_state": "CANCELLED", "tags": {"campaign": "a"}})
    app = user.app()
    jobs = cancelled(user, app, 70, campaign="a")
    cancelled(user, app, 3, campaign="b")
    work(world, server, lambda: server.messages)
    (message,) = server.messages
    assert (server.recipients, message["From"]) == ([ADDRESS], "Storax <storax@example.org>")
    assert message["Subject"] == "Storax, failures: 70 job CANCELLED"
    events = user.events(to_state="CANCELLED", job_id=jobs)
    assert (
        message["Message-ID"] == f"<storax.{hook['id']}.{events[0]['position']}.{events[-1]['position']}@example.org>"
    )
    text = message.get_content()
    assert f"job {jobs[0]}  " in text
    assert text.count(" to CANCELLED") == smtp.LISTED
    assert f"and {70 - smtp.LISTED} more" in text
    cancelled(user, app, 2, campaign="a")
    row = state_of(user, hook)
    assert (row["failures"], row["problem"], row["position"] >= events[-1]["position"]) == (0, None, True)
    user.patch(f"/webhooks/{hook['id']}", {"enabled": True})
    for _ in range(2):
        work_once(world, server)
    assert len(server.messages) == 1, "whatever a user does, the next message waits"
    world.sql("UPDATE webhook SET last_delivery = now() - interval '2 hours'")
    work(world, server, lambda: len(server.messages) == 2)
    assert server.messages[1]["Subject"] == "Storax, failures: 2 job CANCELLED"


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_message_goes_encrypted_to_a_server_that_is_trusted_alone(
    world: World, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str, trusted: bool
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    (authority if trusted else other).cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with MailServer(context, from_the_start=security == "tls") as server:
        hook = webhook(user, filter={"type": "site.created"})
        user.site()
        work(
            world, server, lambda: server.messages or state_of(user, hook)["failures"],
            smtp_security=security, webhook_retry_sec=3600,
        )  # fmt: skip
        assert server.encrypted == len(server.messages) == trusted
    if not trusted:
        assert "CERTIFICATE_VERIFY_FAILED" in state_of(user, hook)["problem"]


def test_events_of_many_reads_are_one_message(
    world: World, user: User, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift, "MOST", 10)
    webhook(user, filter={"to_state": "CANCELLED"})
    cancelled(user, user.app(), 70)
    work(world, server, lambda: server.messages)
    assert server.messages[0]["Subject"] == "Storax, failures: 70 job CANCELLED"
    assert f"and {70 - smtp.LISTED} more" in server.messages[0].get_content()


def test_once_the_server_took_a_message_its_farewell_does_not_matter(
    world: World, user: User, server: MailServer
) -> None:
    server.farewell = "421 too busy to say goodbye"
    hook = webhook(user, filter={"type": "site.created"})
    user.site()
    work(world, server, lambda: state_of(user, hook)["failures"] or state_of(user, hook)["last_delivery"])
    assert (state_of(user, hook)["problem"], len(server.messages)) == (None, 1)


def test_an_address_that_encodes_others_is_refused_and_never_decoded(
    world: World, user: User, server: MailServer
) -> None:
    address = "=?utf-8?q?eve=40evil.test=2Ca?=@example.org"
    row = {"name": "wrong", "url": f"mailto:{address}"}
    user.refused("POST", "/webhooks/", row, status=422, code="invalid")
    hook = webhook(user)
    world.sql("UPDATE webhook SET url = $2 WHERE id = $1", hook["id"], row["url"])
    user.site()
    work(world, server, lambda: not state_of(user, hook)["enabled"], mail_domains="example.org")
    assert "one plain address" in state_of(user, hook)["problem"]
    assert (server.recipients, server.messages) == ([], [])


def test_a_message_that_the_server_defers_is_tried_again_and_a_refused_address_pauses(
    world: World, user: User, server: MailServer
) -> None:
    server.answers.extend(["451 come back", "550 nobody of this name"])
    hook, app = webhook(user, filter={"to_state": "CANCELLED"}), user.app()
    cancelled(user, app, 1)
    work(world, server, lambda: state_of(user, hook)["failures"], webhook_retry_sec=3600)
    assert state_of(user, hook)["problem"] == "the mail server answered 451 come back"
    world.sql("UPDATE webhook SET next_attempt = now()")
    work(world, server, lambda: not state_of(user, hook)["enabled"])
    assert state_of(user, hook)["problem"] == "the mail server answered 550 nobody of this name"
    user.patch(f"/webhooks/{hook['id']}", {"enabled": True})
    work(world, server, lambda: server.messages)
    assert server.messages[0]["Subject"] == "Storax, failures: 1 job CANCELLED", "nothing is dropped"


def test_without_a_mail_server_the_webhook_is_paused_with_the_reason(world: World, user: User) -> None:
    hook = webhook(user)
    user.site()
    work(world, None, lambda: not state_of(user, hook)["enabled"])
    assert state_of(user, hook)["problem"] == smtp.NO_SERVER


def test_mail_goes_to_the_domains_of_the_settings_alone(world: World, user: User, server: MailServer) -> None:
    inside, outside = webhook(user, name="in"), webhook(user, name="out", url="mailto:alice@example.org.evil.test")
    user.site()
    work(world, server, lambda: not state_of(user, outside)["enabled"], mail_domains="example.net, Example.org")
    assert "STORAX_MAIL_DOMAINS" in state_of(user, outside)["problem"]
    work(world, server, lambda: server.messages, mail_domains="example.net, Example.org")
    assert set(server.recipients) == {ADDRESS}
    assert state_of(user, inside)["enabled"]


def test_nothing_is_sent_in_clear_text_where_encryption_is_asked_for(
    world: World, user: User, server: MailServer
) -> None:
    hook = webhook(user)
    user.site()
    work(world, server, lambda: state_of(user, hook)["failures"], webhook_retry_sec=3600, smtp_security="starttls")
    assert "STARTTLS" in state_of(user, hook)["problem"]
    assert (server.recipients, server.messages) == ([], [])


@pytest.mark.parametrize("rest", ["", "alice", "a@b,c@d", "a@b?cc=c@d", "a@b%0aBcc:c@d", "<a@b>", "a b@c", "a@b@c"])
def test_mailto_takes_one_address_alone(user: User, rest: str) -> None:
    row = {"name": "wrong", "url": f"mailto:{rest}"}
    user.refused("POST", "/webhooks/", row, status=422, code="invalid")


def test_a_name_with_any_characters_is_one_line_of_the_subject(world: World, user: User, server: MailServer) -> None:
    name = "Ægir \u202e" + "x" * 90
    webhook(user, name=name, filter={"type": "site.created"})
    user.site()
    work(world, server, lambda: server.messages)
    (message,) = server.messages
    assert message["Subject"] == f"Storax, Ægir ?{'x' * 90}: 1 site created"
    assert "Bcc" not in message
