"""The images and the Compose file: what is published, who runs as whom, and that nothing starts without its secrets."""

import importlib.util
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from house.repository import ROOT
from storax_core.settings import Settings

BIN = Path(sys.executable).parent
DOCKER = ROOT / "docker"
COMPOSE = [str(BIN / "docker-compose"), "--file", str(DOCKER / "compose.yaml"), "--profile", "*"]
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("STORAX_", "COMPOSE_", "DOCKER_"))}
SERVERS, AGENTS = {"postgres", "redis"}, {"agent-init", "agent"}
TARGETS = ("api", "worker", "agent")

OWN_ADDRESSES = ("database_url", "redis_url", "host", "port")
BY_FILE = {"smtp_password": "smtp_password", "metrics_token": "metrics_token", "seal_key_file": "seal_key"}
READ_BY = {
    "api": "LOG_.*|ADMINS|ALLOW_REGISTRATION|TOKEN_DAYS|POOL_SIZE|MAX_BODY_MB|MEMORY_MB|METRICS_.*",
    "tasks": "LOG_.*|S(WEEP|EAL)_SEC|SEAL_EXPORT|WEBHOOK_.*|SMTP_.*|MAIL_.*",
    "feeder": "LOG_.*",
    "admin": "SEAL_EXPORT",
}


def run(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, env=CLEAN | env, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def services():
    done = run(*COMPOSE, "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["services"]


@pytest.fixture(scope="module")
def stages():
    """The instructions of each stage of the Dockerfile, continuation lines joined."""
    instructions: dict[str, list[str]] = {}
    text = re.sub(r"\\\n\s*", "", (DOCKER / "Dockerfile").read_text())
    for line in filter(None, (row.strip() for row in text.splitlines() if not row.startswith("#"))):
        if line.startswith("FROM "):
            instructions[line.split(" AS ")[1]] = []
        if instructions:
            next(reversed(instructions.values())).append(line)
    return instructions


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, DOCKER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestComposeFile:
    def test_compose_itself_accepts_it(self):
        done = run(*COMPOSE, "config", "--quiet")
        assert (done.returncode, done.stderr) == (0, "")

    def test_compose_would_refuse_a_mistake(self, tmp_path):
        wrong = tmp_path / "compose.yaml"
        wrong.write_text((DOCKER / "compose.yaml").read_text().replace("service_healthy", "service_happy"))
        assert run(str(BIN / "docker-compose"), "--file", str(wrong), "config", "--quiet").returncode != 0

    def test_only_the_api_is_published_and_only_to_this_machine(self, services):
        published = {name: s["ports"] for name, s in services.items() if s.get("ports")}
        assert list(published) == ["api"]
        assert [(p["host_ip"], p["published"], p["target"]) for p in published["api"]] == [("127.0.0.1", "8360", 8360)]

    def test_postgres_and_redis_are_on_a_network_without_a_way_out(self, services):
        whole = json.loads(run(*COMPOSE, "config", "--format", "json").stdout)
        assert whole["networks"]["inside"]["internal"] is True
        assert {name: list(services[name]["networks"]) for name in SERVERS} == {n: ["inside"] for n in SERVERS}

    def test_an_agent_reaches_neither_the_servers_nor_their_secrets(self, services):
        for name in AGENTS:
            assert list(services[name]["networks"]) == ["outside"]
        mounted = {name: {v["source"] for v in services[name]["volumes"]} for name in AGENTS}
        assert mounted == {"agent-init": {"site", "agent-secrets"}, "agent": {"site"}}, "jobs read what the agent reads"
        assert services["agent"]["environment"]["STORAX_TOKEN_FILE"] == "/site/site/token"

    def test_each_service_reads_only_its_own_login(self, services):
        """The passwords of all are in one volume, which only the service that makes them mounts."""
        mounted = {
            name: {v["source"] for v in s.get("volumes", []) if re.search("secrets|login", v["source"])}
            for name, s in services.items()
        }
        makers = mounted.pop("secrets")
        assert mounted == {
            "postgres": {"postgres-login"}, "redis": {"redis-login"}, "migrate": {"migrate-login"}, "api": {"api-login"},
            "feeder": {"feeder-login"}, "tasks": {"tasks-login"}, "admin": {"owner-login"},
            "agent-token": {"owner-login", "agent-secrets"}, "agent-init": {"agent-secrets"}, "agent": set(),
        }  # fmt: skip
        assert makers == {"secrets"} | {v for volumes in mounted.values() for v in volumes if v.endswith("-login")}
        for name, s in services.items():
            writable = {v["source"] for v in s.get("volumes", []) if not v.get("read_only")}
            assert name == "secrets" or not any(v.endswith("login") for v in writable), name

    def test_every_container_is_an_ordinary_user_with_no_right_to_more(self, services):
        for name, s in services.items():
            assert s["user"] not in ("", "0", "root", "0:0"), name
            assert s["read_only"] is True, name
            assert s["cap_drop"] == ["ALL"], name
            assert "cap_add" not in s, name
            assert s["security_opt"] == ["no-new-privileges:true"], name
            assert not s.get("privileged"), name

    def test_every_image_that_is_pulled_is_pinned_by_digest(self, services, stages):
        built = {name for name, s in services.items() if s.get("build")}
        pulled = {s["image"] for name, s in services.items() if name not in built}
        pulled |= set(re.findall(r"^ARG BASE=(\S+)", (DOCKER / "Dockerfile").read_text(), re.MULTILINE))
        assert len(pulled) == 3
        assert [image for image in pulled if not re.fullmatch(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}", image)] == []

    def test_no_secret_stands_in_it(self, services):
        for name, s in services.items():
            for variable, value in s.get("environment", {}).items():
                if re.search("PASSWORD|TOKEN(?!_DAYS)|SECRET|KEY|_URL", variable):
                    assert variable.endswith("_FILE") or value == "http://api:8360", f"{name}: {variable}"

    def test_every_setting_reaches_the_processes_that_read_it_and_is_the_default_unless_chosen(self):
        """Those of the addresses are the file's own. Secrets come by files alone."""
        names = {f"STORAX_{name.upper()}" for name in Settings.model_fields.keys() - {*OWN_ADDRESSES, *BY_FILE}}
        for chosen in ({}, dict.fromkeys(names, "7")):
            whole = json.loads(run(*COMPOSE, "config", "--format", "json", **chosen).stdout)
            passed = {n: s.get("environment", {}) for n, s in whole["services"].items()}
            for part, read in READ_BY.items():
                expected = {name: chosen.get(name) for name in names if re.fullmatch(f"STORAX_({read})", name)}
                if "STORAX_SEAL_EXPORT" in expected:
                    expected["STORAX_SEAL_EXPORT"] = chosen.get("STORAX_SEAL_EXPORT", "/seals/seals.ndjson")
                assert {n: v for n, v in passed[part].items() if n in names} == expected, part
            assert {name for one in passed.values() for name in one} >= names
            assert whole["secrets"].keys() == {name.replace("_", "-") for name in BY_FILE.values()}

    @pytest.mark.parametrize("setting", ["smtp_password", "metrics_token", "seal_key_file"])
    def test_a_secret_of_the_operator_is_mounted_where_it_is_read_and_nowhere_else(self, services, setting):
        name, secret = BY_FILE[setting].upper(), BY_FILE[setting].replace("_", "-")
        readers = {"smtp_password": {"tasks"}, "metrics_token": {"api"}, "seal_key_file": {"tasks", "admin"}}[setting]
        whole = json.loads(run(*COMPOSE, "config", "--format", "json", **{f"STORAX_{name}_FILE": "/a/file"}).stdout)
        assert whole["secrets"][secret]["file"] == "/a/file"
        for part, service in whole["services"].items():
            assert (secret in {s["source"] for s in service.get("secrets", [])}) == (part in readers), part
            value = service.get("environment", {}).get(f"STORAX_{name}_FILE")
            assert value == (f"/run/secrets/{secret}" if part in readers else None), part
            if part in readers:
                assert services[part]["environment"][f"STORAX_{name}_FILE"] == "", "off by default"

    def test_seals_are_kept_outside_the_database(self, services):
        mounted = {name: {v["source"]: v["target"] for v in s.get("volumes", [])} for name, s in services.items()}
        assert {name for name, volumes in mounted.items() if volumes.get("seals") == "/seals"} == {"tasks", "admin"}

    def test_each_part_waits_for_what_it_needs(self, services):
        def needs(name):
            return {n: d["condition"] for n, d in services[name].get("depends_on", {}).items()}

        done, healthy = "service_completed_successfully", "service_healthy"
        assert needs("secrets") == {}
        assert needs("postgres") == needs("redis") == {"secrets": done}
        assert needs("migrate") == {"postgres": healthy}
        for name in ("api", "feeder", "tasks"):
            assert needs(name) == {"migrate": done, "postgres": healthy, "redis": healthy}
        assert needs("agent") == {"agent-init": done, "api": healthy}

    def test_everything_that_stays_has_a_health_check_in_exec_form(self, services):
        staying = {name: s for name, s in services.items() if s["restart"] == "unless-stopped"}
        assert staying.keys() == {"postgres", "redis", "api", "feeder", "tasks", "agent"}
        for name, s in staying.items():
            assert s["healthcheck"]["test"][0] == "CMD", name

    def test_postgres_data_are_in_a_named_volume(self, services):
        kept = {(v["source"], v["target"]) for v in services["postgres"]["volumes"] if v["type"] == "volume"}
        assert ("postgres", "/var/lib/postgresql/data") in kept
        assert all(v["type"] == "volume" for s in services.values() for v in s.get("volumes", []))

    def test_every_command_names_an_existing_module(self, services, stages):
        commands = [s.get(key) for s in services.values() for key in ("command", "entrypoint")]
        commands += [json.loads(line[4:]) for lines in stages.values() for line in lines if line.startswith("CMD ")]
        modules = {argv[argv.index("-m") + 1] for argv in filter(None, commands) if "-m" in argv}
        assert modules == {"storax_api", "storax_workers", "storax_core.admin", "storax_agent"}
        assert all(importlib.util.find_spec(f"{name}.__main__") for name in modules)


class TestImages:
    def test_hadolint_accepts_the_dockerfile(self):
        done = run(str(BIN / "hadolint"), str(DOCKER / "Dockerfile"))
        assert (done.returncode, done.stdout + done.stderr) == (0, "")

    def test_hadolint_rejects_a_bad_dockerfile(self, tmp_path):
        (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /tmp && apt-get install curl\n")
        assert run(str(BIN / "hadolint"), str(tmp_path / "Dockerfile")).returncode != 0

    def test_the_base_image_can_be_chosen(self, stages):
        assert "ARG BASE=python:3.12-slim" in (DOCKER / "Dockerfile").read_text()
        bases = {line.split()[1] for lines in stages.values() for line in lines if line.startswith("FROM ")}
        assert bases - set(stages) == {"${BASE}"}

    @pytest.mark.parametrize("target", TARGETS)
    def test_a_target_runs_as_an_ordinary_user_and_has_a_health_check(self, stages, target):
        lines, stage = [], target
        while stage in stages:
            lines = stages[stage] + lines
            stage = stages[stage][0].split()[1]
        assert [line for line in lines if line.startswith("USER ")][-1] == "USER 10001:10001"
        assert any(re.search(r'^HEALTHCHECK .*CMD \["python", ', line) for line in lines)
        assert any(line.startswith('ENTRYPOINT ["python3", "/opt/docker/entry.py"]') for line in lines)
        assert not [line for line in lines if re.search(r"apt-get|build-essential|gcc|pip install", line)]

    def test_nothing_is_compiled(self, stages):
        for stage in ("server-environment", "agent-environment"):
            assert any("PIP_ONLY_BINARY=:all:" in line for line in stages[stage])

    def test_the_build_sees_only_what_it_needs(self):
        lines = [n for n in (ROOT / ".dockerignore").read_text().splitlines() if n and not n.startswith("#")]
        assert lines[0] == "*"
        wanted = {"pyproject.toml", "README.md", "LICENSE", "alembic/", "docker/*.py"}
        assert {n[1:] for n in lines if n.startswith("!")} == wanted | {
            f"{r}/" for r in ("core", "api", "workers", "site_agent", "client")
        }

    def test_every_script_of_an_image_is_copied_into_it(self, stages):
        copied = set(
            re.findall(r"docker/(\w+\.py)", " ".join(line for s in stages.values() for line in s if "COPY" in line))
        )
        assert copied == {p.name for p in DOCKER.glob("*.py")}


def texts(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its path there."""
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


class TestSecrets:
    SERVICES = ("api", "feeder", "migrate", "owner", "postgres", "redis", "tasks")

    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "secrets").mkdir()
        (tmp_path / "logins").mkdir()
        return tmp_path

    def make(self, folder):
        return script("make_secrets").make(folder / "secrets", folder / "logins")

    def test_they_are_random_and_made_once(self, folder, tmp_path_factory):
        argv = [sys.executable, str(DOCKER / "make_secrets.py"), str(folder / "secrets"), str(folder / "logins")]
        assert run(*argv).returncode == 0
        before = texts(folder)
        assert run(*argv).stdout == "all secrets are there\n"
        assert texts(folder) == before
        assert {name.split("/")[1] for name in before if name.startswith("logins/")} == set(self.SERVICES)
        passwords = [text for name, text in before.items() if name.endswith("_password")]
        assert len(set(passwords)) == len(passwords) == 9
        assert all(len(password) >= 40 for password in passwords)
        other = tmp_path_factory.mktemp("other")
        (other / "secrets").mkdir()
        (other / "logins").mkdir()
        self.make(other)
        assert not set(before.values()) & set(texts(other).values())

    def test_a_service_logs_in_as_itself_and_sees_no_other_password(self, folder):
        self.make(folder)
        passwords = {n.removesuffix("_password"): t for n, t in texts(folder / "secrets").items()}
        for part in ("api", "feeder", "tasks"):
            login = texts(folder / "logins" / part)
            assert login["database_url"].startswith(f"postgresql://storax_{part}:")
            assert login["redis_url"].startswith(f"redis://storax_{part}:")
            seen = {name for name, password in passwords.items() if password in "".join(login.values())}
            assert seen == {f"storax_{part}", f"redis_{part}"}
        assert texts(folder / "logins" / "owner")["database_url"].startswith("postgresql://storax_owner:")
        conf = texts(folder / "logins" / "redis")["redis.conf"]
        assert not [name for name, password in passwords.items() if password in conf], "Redis gets hashes alone"
        assert "user default off" in conf

    def test_a_lost_file_is_made_again_from_the_password_that_is_there(self, folder):
        self.make(folder)
        before = texts(folder)
        (folder / "logins" / "api" / "database_url").unlink()
        (folder / "logins" / "redis" / "redis.conf").unlink()
        assert sorted(self.make(folder)) == ["api/database_url", "redis/redis.conf"]
        assert texts(folder) == before

    def test_a_volume_of_the_last_release_keeps_the_password_of_postgres_and_loses_what_all_could_read(self, folder):
        for name in ("postgres_password", "redis_password", "database_url", "redis_url", "redis.conf"):
            (folder / "secrets" / name).write_text(f"old {name}\n")
        self.make(folder)
        now = texts(folder)
        assert now["logins/postgres/password"] == "old postgres_password"
        assert "storax:old postgres_password@" in now["logins/migrate/administrator_url"]
        assert {n for n in texts(folder / "secrets") if not n.endswith("_password")} == set()
        assert not any("redis_password" in text or name.endswith("/redis_password") for name, text in now.items())

    def test_secret_files_are_read_only(self, folder):
        self.make(folder)
        modes = {str(p.relative_to(folder)): stat.S_IMODE(p.stat().st_mode) for p in folder.rglob("*") if p.is_file()}
        foreign = {name for name, mode in modes.items() if mode == 0o444}
        assert foreign == {"logins/postgres/password", "logins/redis/redis.conf"}
        assert set(modes.values()) == {0o400, 0o444}


class TestEntryPoint:
    def start(self, *argv, **env):
        return run(sys.executable, str(DOCKER / "entry.py"), *(argv or ("true",)), **env)

    NEEDS = {"STORAX_NEEDS": "STORAX_DATABASE_URL"}

    def test_a_server_without_secrets_does_not_start(self):
        done = self.start(**self.NEEDS)
        assert done.returncode == 78
        way_out = "Set it, or STORAX_DATABASE_URL_FILE to the file that holds it."
        assert done.stderr == f"storax: STORAX_DATABASE_URL is not set. {way_out}\n"

    def test_an_empty_or_missing_file_is_no_secret(self, tmp_path):
        place = tmp_path / "database_url"
        assert "cannot be read" in self.start(**self.NEEDS, STORAX_DATABASE_URL_FILE=str(place)).stderr
        place.write_text("\n")
        done = self.start(**self.NEEDS, STORAX_DATABASE_URL_FILE=str(place))
        assert (done.returncode, "is empty" in done.stderr) == (78, True)

    @pytest.mark.parametrize("password", ["postgres", "storax", "changeme", "Password"])
    def test_a_password_that_anybody_would_try_is_refused(self, password):
        done = self.start(**self.NEEDS, STORAX_DATABASE_URL=f"postgresql://storax:{password}@db/storax")
        assert (done.returncode, password in done.stderr.split()) == (78, False)

    def test_a_setting_that_names_a_file_is_left_as_it_is(self, tmp_path):
        """The key is of any bytes, and the process reads it itself."""
        key = tmp_path / "seal.key"
        key.write_bytes(b"\xff\x00")
        code = "import os; print(os.environ['STORAX_SEAL_KEY_FILE'], os.environ.get('STORAX_SEAL_KEY'))"
        done = self.start(sys.executable, "-c", code, STORAX_SEAL_KEY_FILE=str(key))
        assert (done.stdout, done.stderr) == (f"{key} None\n", "")

    def test_a_file_that_nobody_named_is_not_read(self):
        code = "import os; print(os.environ.get('STORAX_SMTP_PASSWORD'))"
        done = self.start(sys.executable, "-c", code, STORAX_SMTP_PASSWORD_FILE="")
        assert (done.stdout, done.stderr) == ("None\n", "")

    def test_the_command_gets_what_the_file_says(self, tmp_path):
        place = tmp_path / "database_url"
        place.write_text("postgresql://storax:x9v2Kq81@db/storax\n")
        code = "import os; print(os.environ['STORAX_DATABASE_URL'])"
        done = self.start(sys.executable, "-c", code, **self.NEEDS, STORAX_DATABASE_URL_FILE=str(place))
        assert done.stdout == "postgresql://storax:x9v2Kq81@db/storax\n"


class TestHealthChecks:
    NOWHERE = {
        "STORAX_PORT": "1",
        "STORAX_URL": "http://127.0.0.1:1",
        "STORAX_TOKEN": "stx_none",
        "STORAX_DATABASE_URL": "postgresql://storax:none@127.0.0.1:1/storax",
        "STORAX_REDIS_URL": "redis://127.0.0.1:1/0",
    }

    @pytest.mark.parametrize("part", ["api", "feeder", "tasks", "agent"])
    def test_a_part_without_its_server_is_unhealthy(self, part):
        done = run(sys.executable, str(DOCKER / "health.py"), part, **self.NOWHERE)
        assert done.returncode == 1
        assert done.stderr.startswith(f"{part}: ")
        assert "Traceback" not in done.stderr
