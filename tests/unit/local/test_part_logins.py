"""Which login each part of `storax up` gets, at the embedded servers and at those of the user."""

import json
from urllib.parse import urlsplit

import pytest

from storax.local.doctor import _database_login
from storax.local.logins import PARTS, logins
from storax.local.platform import Platform
from storax.local.servers import postgres, valkey
from storax.local.state import Stack
from storax_core.database import roles

OWN = "postgresql://owner:x@db/storax"


@pytest.fixture
def stack() -> Stack:
    return Stack(ports={"postgres": 1, "valkey": 2})


def user_of(url: str) -> str | None:
    return urlsplit(url).username


def test_the_roles_of_the_stack_are_those_that_the_server_knows() -> None:
    assert set(postgres.ROLES) == set(roles.NAMES)
    assert postgres.OWNER == roles.OWNER
    assert set(valkey.USERS) == set(postgres.LOGINS) == set(PARTS)


def test_each_part_has_a_login_of_its_own_at_the_embedded_servers(stack: Stack) -> None:
    own = logins(stack, {})
    assert {part: user_of(url) for part, url in own.postgres.items()} == {part: f"storax_{part}" for part in PARTS}
    assert {part: user_of(url) for part, url in own.redis.items()} == {part: f"storax_{part}" for part in PARTS}
    assert (user_of(own.owner), user_of(own.administrator)) == ("storax_owner", "storax")
    passwords = [
        urlsplit(url).password for url in (*own.postgres.values(), *own.redis.values(), own.owner, own.administrator)
    ]
    assert len(set(passwords)) == len(passwords)
    assert logins(stack, {}) == own, "passwords are made once"


def test_only_the_migration_gets_the_superuser_and_the_passwords(stack: Stack) -> None:
    parts = Platform(stack, logins(stack, {}), port=3, servers=()).parts()
    environments = {part.name: dict(part.environment()) for part in parts}
    assert json.loads(environments["migrate"]["STORAX_ROLE_PASSWORDS"]).keys() == set(roles.NAMES)
    for name in PARTS:
        text = json.dumps(environments[name])
        others = [
            secret for key, secret in stack.secrets.items() if key not in (f"storax_{name}", f"valkey_storax_{name}")
        ]
        assert not [secret for secret in others if secret in text], name


def test_a_server_of_the_user_has_one_login_or_one_for_each_part(stack: Stack) -> None:
    one = logins(stack, {"STORAX_DATABASE_URL": OWN})
    assert (set(one.postgres.values()), one.owner, one.administrator) == ({OWN}, OWN, "")
    assert one.of_migration() == {"STORAX_DATABASE_URL": OWN}
    assert {user_of(url) for url in one.redis.values()} == set(valkey.USERS.values())
    api, cache = "postgresql://storax_api:y@db/storax", "redis://storax_tasks:z@cache/0"
    named = {"STORAX_DATABASE_URL": OWN, "STORAX_REDIS_URL": "redis://cache/0"}
    some = logins(stack, named | {"STORAX_API_DATABASE_URL": api, "STORAX_TASKS_REDIS_URL": cache})
    assert some.postgres == {"api": api, "feeder": OWN, "tasks": OWN}
    assert some.redis == {"api": "redis://cache/0", "feeder": "redis://cache/0", "tasks": cache}


def test_what_the_user_named_for_one_part_is_not_in_the_environment_of_another(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAX_TASKS_DATABASE_URL", "postgresql://storax_tasks:y@db/storax")
    for part in Platform(stack, logins(stack, {"STORAX_DATABASE_URL": OWN}), port=3, servers=()).parts():
        assert part.environment()["STORAX_TASKS_DATABASE_URL"] == ""


def test_doctor_reports_an_api_whose_login_may_too_much() -> None:
    (bad,) = _database_login(200, {"excess": "storax is a superuser"})
    assert (bad.ok, bad.found) == (False, "storax is a superuser")
    assert "storax admin roles" in bad.fix
    (good,) = _database_login(200, {"excess": ""})
    assert good.ok
    assert list(_database_login(200, {})) == [], "a server of the last release does not say"
