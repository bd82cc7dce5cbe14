"""Users, passwords and tokens as an operator makes them: by the API's rules, told in the log, secrets nowhere."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest

from storax_core.admin.users import bootstrap, set_password
from storax_core.commands import users
from storax_core.database.connections import writing
from storax_core.errors import Conflict, Invalid, NotFound, Unauthorized
from waiting import eventually
from world import ANYBODY, World

OLD, NEW = "an old password", "a new password"


def admin(world: World, *arguments: str, typed: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-m", "storax_core.admin", *arguments]
    environment = os.environ | {"STORAX_DATABASE_URL": world.database_url, **env}
    return subprocess.run(argv, input=typed, env=environment, capture_output=True, timeout=60, check=False)


def login(world: World, name: str, password: str) -> int:
    return ANYBODY.post(f"{world.url}/api/v1/auth/login", json={"username": name, "password": password}).status_code


def test_a_password_set_by_the_operator_opens_and_the_old_one_no_longer(world: World) -> None:
    user = world.user("ann", password=OLD)
    done = admin(world, "set-password", "--user", "ann", typed=NEW.encode() + b"\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (login(world, "ann", OLD), login(world, "ann", NEW)) == (401, 200)
    assert user.get("/auth/me")["username"] == "ann", "a token is a key of its own"


def test_a_user_who_had_only_a_token_gets_a_password_from_a_variable(world: World) -> None:
    world.user("bob")
    done = admin(world, "set-password", "--user", "bob", "--password-env", "PW", PW=NEW)
    assert done.returncode == 0, done.stderr
    assert login(world, "bob", NEW) == 200


def test_the_log_tells_that_it_was_set_and_by_whom_and_holds_no_secret(world: World) -> None:
    user = world.user("cyd", password=OLD)
    asyncio.run(set_password(world.database_url, "cyd", NEW))
    (event,) = user.events(type="user.password_changed")
    assert (event["actor"], event["data"]) == ("system:admin", {"note": {"tokens_revoked": 0}})
    hashed = world.sql("SELECT password_hash FROM user_account WHERE username = 'cyd'")[0][0]
    log_text = world.sql("SELECT string_agg(data::text, ' ') FROM event_log WHERE entity = 'user'")[0][0]
    assert NEW not in log_text
    assert hashed not in log_text


def test_tokens_go_with_a_leaked_password_where_that_is_asked(world: World) -> None:
    user, other = world.user("dan", password=OLD), world.user()
    assert login(world, "dan", OLD) == 200
    assert asyncio.run(set_password(world.database_url, "dan", NEW, revoke_tokens=True)) == 2
    eventually(lambda: user.ask("GET", "/auth/me").status_code == 401)
    assert other.get("/auth/me")
    kinds = world.sql("SELECT type FROM event_log WHERE owner_id = $1 ORDER BY position", user.id)
    assert [k[0] for k in kinds][-3:] == ["user.password_changed", "token.deleted", "token.deleted"]


def test_a_login_under_way_does_not_outlive_the_old_password(world: World) -> None:
    world.user("eve", password=OLD)

    async def late() -> None:
        async with world.db.worker() as conn:
            seen = await users.find_user(conn, "eve")
        await set_password(world.database_url, "eve", NEW, revoke_tokens=True)
        async with world.db.worker() as conn, writing(conn):
            await users.log_in(conn, seen, 1)

    with pytest.raises(Unauthorized, match="changed at this moment"):
        world.run(late())


def test_bootstrap_never_changes_a_password_by_the_way(world: World) -> None:
    world.user("fay", password=OLD)
    with pytest.raises(Conflict, match="not changed") as refusal:
        asyncio.run(bootstrap(world.database_url, "fay", NEW, 1))
    assert "set-password" in refusal.value.hint
    assert login(world, "fay", OLD) == 200
    done = admin(world, "bootstrap", "--user", "fay", "--password-env", "PW", PW=NEW)
    assert (done.returncode, done.stdout) == (5, b"")


def test_bootstrap_gives_a_new_user_the_password(world: World) -> None:
    asyncio.run(bootstrap(world.database_url, "gus", NEW, 1))
    assert login(world, "gus", NEW) == 200


@pytest.mark.parametrize(
    ("name", "password", "days", "reason"),
    [
        ("", None, 1, "the user's name"),
        ("x\x01y", None, 1, "printable"),
        ("x\x00", None, 1, "NUL"),
        (" x", None, 1, "blank"),
        ("x" * 101, None, 1, "100 characters"),
        ("x", "short", 1, "the password: .* 12 characters"),
        ("x", "", 1, "12 characters"),
        ("x", "a long password\udcff", 1, "the password"),
        ("x", None, -5, "days"),
        ("x", None, 0, "days"),
        ("x", None, 99_999_999, "days: .* 3650"),
    ],
)
def test_bootstrap_refuses_what_the_api_would(world: World, name: str, password: Any, days: int, reason: str) -> None:
    with pytest.raises(Invalid, match=reason) as refusal:
        asyncio.run(bootstrap(world.database_url, name, password, days))
    assert not password or password not in str(refusal.value)
    assert world.sql("SELECT count(*) FROM user_account WHERE username = $1", name.replace("\x00", ""))[0][0] == 0


@pytest.mark.parametrize(
    ("arguments", "typed", "status", "message"),
    [
        (("bootstrap", "--user", "x", "--password-env", "NOPE"), b"", 2, b"the variable NOPE"),
        (("set-password", "--user", "x", "--password-env", "NOPE"), b"", 2, b"the variable NOPE"),
        (("set-password", "--user", "x"), b"", 2, b"12 characters"),
        (("set-password", "--user", "x"), b"eleven char\n", 2, b"12 characters"),
        (("set-password", "--user", "nobody-there"), NEW.encode(), 3, b"no user 'nobody-there'"),
    ],
)
def test_what_is_wrong_is_one_clear_line(
    world: World, arguments: tuple[str, ...], typed: bytes, status: int, message: bytes
) -> None:
    done = admin(world, *arguments, typed=typed)
    assert (done.returncode, done.stdout) == (status, b"")
    assert done.stderr.count(b"\n") == 1
    assert message in done.stderr


def test_an_unknown_user_is_named(world: World) -> None:
    with pytest.raises(NotFound):
        asyncio.run(set_password(world.database_url, "hal", NEW))


def test_no_password_is_an_argument(world: World) -> None:
    for command in ("bootstrap", "set-password"):
        assert b"--password " not in admin(world, command, "--help").stdout
