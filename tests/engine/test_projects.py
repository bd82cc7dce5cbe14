"""Projects and the engine's process: one engine, no open door, nothing lost by setting a project again."""

import json
import os
import socket
import stat
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import storax
from storax import Client, EventLog, ProjectRecord, errors
from storax._engine import protocol, session
from storax._engine.folder import EngineFolder, Running
from storax._runtime.processes import identify
from storax.data import DataFrame
from waiting import HANG_SEC
from world import World


def python(home, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env=home.environment, capture_output=True, text=True, timeout=HANG_SEC
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- what the reference does, mended (G) ---------------------------------------------------------------------------


def test_g1_without_a_project_every_call_says_what_to_do_and_which_projects_there_are(project):
    session.leave()
    for call in (
        lambda: DataFrame.from_dict({"a": [1]}, name="x"),
        lambda: storax.data.load_data_frame("x"),
        lambda: storax.project.data_frames,
        lambda: storax.project.name,
    ):
        with pytest.raises(errors.NoProject, match=rf"set_project\(NAME\).*{project}"):
            call()


def test_g2_a_new_project_is_made_and_is_an_event(project):
    row = ProjectRecord.objects.get(name=project)
    assert [e.type for e in EventLog.objects.filter(entity="project", entity_id=row.id)] == ["project.created"]
    assert storax.project.name == project


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../evil", "a/b", "a\\b", "a\0b", "a..b", ".hidden", "x" * 101, "a ", "-a"]
)
def test_g2_a_name_that_could_leave_the_folder_is_refused_and_leaves_nothing(home, project, name):
    before = sorted(p.name for p in home.folder.projects.parent.rglob("*"))
    with pytest.raises(errors.InvalidInput, match="cannot be a project's name"):
        storax.engine.set_project(name)
    assert sorted(p.name for p in home.folder.projects.parent.rglob("*")) == before
    if "\0" not in name:
        assert ProjectRecord.objects.filter(name=name).count() == 0


def test_g2_a_name_must_be_text(home):
    with pytest.raises(TypeError, match="'name' must be of type str"):
        storax.engine.set_project(3)  # type: ignore[arg-type]


def test_g3_an_existing_project_is_connected_to(project):
    DataFrame.from_dict({"a": [1]}, name="x")
    session.leave()
    storax.engine.set_project(project)
    assert storax.project.data_frames.in_memory == ["x"]


def test_g4_projects_are_listed_and_stray_folders_are_not(home, project):
    (home.folder.projects / "stray").mkdir(exist_ok=True)
    assert project in storax.engine.list_projects()
    assert project in storax.engine.list_running_projects()
    assert "stray" not in storax.engine.list_projects()


def test_g5_a_deleted_project_is_gone_everywhere_and_its_history_stays(home, project):
    DataFrame.from_dict({"a": [1]}, name="x").save()
    row = ProjectRecord.objects.get(name=project)
    assert storax.engine.delete_project(project) is True
    assert project not in storax.engine.list_projects()
    assert not (home.folder.projects / project).exists()
    assert not ProjectRecord.objects.filter(name=project).exists()
    assert (
        EventLog.objects.filter(entity="project", entity_id=row.id).order_by("position").last().type
        == "project.deleted"
    )
    assert storax.engine.delete_project(project) is False
    with pytest.raises(errors.NoProject):
        storax.project.data_frames  # noqa: B018


def test_g6_switch_suspend_and_restart(project):
    DataFrame.from_dict({"a": [1]}, name="saved").save()
    DataFrame.from_dict({"a": [1]}, name="unsaved")
    storax.project.restart()
    assert storax.data.list_data_frames() == {"in_memory": [], "on_disk": ["saved"]}
    storax.project.switch(f"{project} other")
    assert storax.data.list_data_frames() == {"in_memory": [], "on_disk": []}
    storax.project.suspend()
    assert f"{project} other" not in storax.engine.list_running_projects()
    storax.engine.delete_project(f"{project} other")


def test_g6_a_project_goes_through_a_file(project, tmp_path):
    DataFrame.from_dict({"a": [1.5, None]}, name="x/ü", roles={"numerical": ["a"]}).save()
    file = storax.project.save(tmp_path / "bundle.storax")
    with pytest.raises(FileExistsError):
        storax.project.save(file)
    with pytest.raises(errors.Conflict, match=project):
        storax.project.load(file)
    storax.project.load(file, name=f"{project} copy")
    loaded = storax.data.load_data_frame("x/ü")
    assert (loaded.to_dict(), loaded.roles) == ({"a": [1.5, None]}, {"numerical": ["a"]})
    storax.project.delete()
    with pytest.raises(errors.NoFile):
        storax.project.load(tmp_path / "nothing.storax")
    (tmp_path / "junk").write_text("junk")
    with pytest.raises(errors.InvalidInput, match="no saved project"):
        storax.project.load(tmp_path / "junk")
    for content in ("{}", "[]", '{"name": 5}', '{"name": "../up"}'):
        with zipfile.ZipFile(tmp_path / "strange", "w") as strange:
            strange.writestr("project.json", content)
        with pytest.raises(errors.InvalidInput, match=r"is no saved project|cannot be a project's name"):
            storax.project.load(tmp_path / "strange")


def test_g7_a_new_session_has_no_project_until_it_sets_one(home, project):
    DataFrame.from_dict({"a": [1]}, name="x")
    code = "import storax\ntry: storax.data.list_data_frames()\nexcept storax.errors.NoProject: print('none')"
    assert python(home, code).strip() == "none"


def test_g8_both_projects_stay_as_they_are_through_a_switch(project):
    DataFrame.from_dict({"a": [1]}, name="x")
    storax.engine.set_project(f"{project}b")
    storax.engine.set_project(project)
    assert storax.project.data_frames.in_memory == ["x"]
    storax.engine.delete_project(f"{project}b")


def test_g35_after_a_kill_the_next_call_says_so_and_set_project_recovers(own_home):
    storax.engine.set_project("p")
    DataFrame.from_dict({"a": [1, 2]}, name="saved").save()
    DataFrame.from_dict({"a": [1]}, name="lost")
    own_home.kill()
    assert not storax.engine.is_alive()
    with pytest.raises(errors.EngineDown, match=r"set_project\('p'\)"):
        storax.data.load_data_frame("saved")
    storax.engine.set_project("p")
    assert storax.data.list_data_frames() == {"in_memory": [], "on_disk": ["saved"]}
    assert storax.data.load_data_frame("saved").to_dict() == {"a": [1, 2]}


# ---- traps (T) -----------------------------------------------------------------------------------------------------


def test_t1_the_door_is_a_socket_of_its_owner_alone_and_asks_for_a_secret(home, project):
    running = home.folder.read()
    assert stat.S_IMODE(Path(running.socket).stat().st_mode) == 0o600
    assert stat.S_IMODE((home.folder.path / "engine.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.folder.path.stat().st_mode) == 0o700
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(running.socket)
        door.sendall(b"POST /v1/do/list_projects HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
        assert b" 401 " in door.recv(4096)
    proc = Path(f"/proc/{running.process.pid}")
    listening = (proc / "net" / "tcp").read_text()
    mine = {str(fd.readlink()) for fd in (proc / "fd").iterdir()}
    inodes = {line.split()[9] for line in listening.splitlines()[1:] if line.split()[3] == "0A"}
    assert not {f"socket:[{inode}]" for inode in inodes} & mine, "the engine listens on a port"


def test_t2_setting_a_project_again_starts_no_process_and_loses_nothing(home, project):
    DataFrame.from_dict({"a": [1]}, name="x")
    before = home.pid
    for _ in range(5):
        storax.engine.set_project(project)
    assert home.pid == before
    assert storax.project.data_frames.in_memory == ["x"]


def test_t2_scripts_that_begin_at_once_share_one_engine(own_home):
    code = "import storax; storax.engine.set_project('p'); print(storax._engine.session._current[0][1].process.pid)"
    with ThreadPoolExecutor(4) as pool:
        pids = set(pool.map(lambda _: python(own_home, code).strip(), range(4)))
    assert len(pids) == 1


def test_t2_shutdown_leaves_no_process_and_no_socket(own_home):
    storax.engine.launch()
    assert storax.engine.is_alive()
    running = own_home.folder.read()
    storax.engine.shutdown()
    assert not running.process.alive()
    assert not Path(running.socket).exists()
    assert not storax.engine.is_alive()
    storax.engine.shutdown()


def test_t3_two_clients_see_one_project(home, project):
    DataFrame.from_dict({"a": [1, 2]}, name="x")
    code = f"""
import storax
storax.engine.set_project({project!r})
df = storax.data.load_data_frame("x")
df.add(df["a"] * 2, "b")
print(storax.project.data_frames.in_memory)
"""
    assert python(home, code).strip() == "['x']"
    assert storax.data.load_data_frame("x").to_dict() == {"a": [1, 2], "b": [2, 4]}


def test_t8_a_caller_who_hangs_up_has_its_command_cancelled(home, project):
    df = DataFrame.from_dict({"a": list(range(2_000_000))}, name="x")
    running = home.folder.read()
    node = df["a"]._node
    for _ in range(40):
        node = {"op": "power", "args": [{"op": "sin", "args": [node]}, {"value": 1.000001}]}
    body = {"project": project, "frame": "x", "name": "b", "expression": node}
    connection = protocol.Connection(running.socket)
    connection.request(
        "POST", "/v1/do/add", protocol.dumps_command(body), {"authorization": f"Bearer {running.secret}"}
    )
    connection.close()
    assert df.refresh().colnames == ["a"]
    df.add(1, "c")  # waits for the one before, which must not have come to its end
    assert df.colnames == ["a", "c"]


# ---- its own ways --------------------------------------------------------------------------------------------------


@pytest.mark.slow("two engines start")
def test_an_engine_for_another_server_is_not_taken(own_home):
    storax.engine.launch()
    with Client("http://127.0.0.1:9", "t"), pytest.raises(errors.EngineDown, match="storax engine stop"):
        storax.engine.set_project("p")


def test_a_server_that_is_away_leaves_everything_as_it_was(own_home, platform, user):
    session.leave()
    with World(platform.database_url, platform.redis_url, feeder=False) as away, Client(away.url, user.token):
        storax.engine.set_project("away")
        df = DataFrame.from_dict({"a": [1]}, name="x")
        df.save()
    for change in (lambda: df.add(1, "b"), df.delete):
        with pytest.raises(errors.ServerDown, match="storax up"):
            change()
    assert df.refresh().colnames == ["a"]
    assert df.to_dict() == {"a": [1]}
    assert storax.data.list_data_frames() == {"in_memory": ["x"], "on_disk": ["x"]}
    assert [file.name for file in (own_home.folder.projects / "away" / "data").iterdir()] == ["x.parquet"]


def test_a_second_engine_in_the_folder_ends_at_once(home, project):
    argv = [sys.executable, "-m", "storax_engine", "serve", str(home.folder.path)]
    done = subprocess.run(argv, env=home.environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (os.EX_TEMPFAIL, f"Another engine serves {home.folder.path}.")


def test_a_project_that_another_engine_has_open_is_refused(home, project, tmp_path):
    other = EngineFolder(tmp_path / "engine")
    other.prepare()
    other.projects.rmdir()
    other.projects.symlink_to(home.folder.projects)
    code = f"import storax; storax.engine.set_project({project!r})"
    env = {**home.environment, "STORAX_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert f"Another engine has the project '{project}' open." in done.stderr
    subprocess.run([sys.executable, "-c", "import storax; storax.engine.shutdown()"], env=env, check=True)


def test_the_command_line_starts_shows_and_stops_it(own_home):
    def run(*arguments: str) -> tuple[int, str]:
        argv = [sys.executable, "-c", "from storax.cli import main; main()", "engine", *arguments]
        done = subprocess.run(argv, env=own_home.environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    assert run("status")[0] == 1
    assert run("start")[0] == 0
    storax.engine.set_project("p")
    code, text = run("status")
    assert code == 0
    assert "p (open)" in text
    assert run("stop") == (0, "Stopped.\n")
    assert run("stop") == (0, "No engine was running.\n")


def test_an_engine_of_another_protocol_is_named_with_the_way_out(home, project):
    other = replace(home.folder.read(), protocol=2)
    with pytest.raises(errors.EngineDown, match="speaks version 2 of its protocol") as caught:
        protocol.command(other, "hello", {})
    assert "storax engine stop" in caught.value.hint


def test_a_client_of_another_protocol_is_refused_and_one_of_the_first_release_is_not(home, project):
    running = home.folder.read()
    for headers, status in (({}, 200), ({"storax-protocol": "1"}, 200), ({"storax-protocol": "2"}, 400)):
        connection = protocol.Connection(running.socket)
        connection.request("POST", "/v1/do/hello", b"{}", {"authorization": f"Bearer {running.secret}", **headers})
        response = connection.getresponse()
        assert response.status == status
        assert (b"version 1 of its protocol" in response.read()) == (status == 400)
        connection.close()


def test_what_an_engine_of_the_first_release_wrote_down_is_read(tmp_path):
    folder = EngineFolder(tmp_path)
    folder.write(Running(identify(os.getpid()), "socket", "secret", "url", "0.1.0"))
    content = json.loads((tmp_path / "engine.json").read_text())
    assert content.pop("protocol") == 1
    (tmp_path / "engine.json").write_text(json.dumps(content))
    assert folder.read().protocol == 1
