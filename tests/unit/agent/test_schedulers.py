"""The vendors' formats at their edges, the runner of their commands, the choice among them."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storax._runtime.settings import Connection
from storax_agent.schedulers import command, lsf, pbs, registry, slurm
from storax_agent.schedulers.base import Request
from storax_agent.schedulers.cluster import write_template
from storax_agent.schedulers.command import CommandRunner, Ran, run
from storax_agent.schedulers.files import Files
from storax_agent.schedulers.template import NAME, TemplateError, default
from storax_agent.schedulers.vendor import minutes, refusal
from storax_agent.settings.scheduler import SchedulerSettings
from storax_agent.settings.scheduler_kinds import BATCH_SYSTEMS, KINDS
from storax_agent.settings.site import SiteFolder, SiteSettings

SCHEDULER_FILES = Path(registry.__file__).parent


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1-02:00:00", 1560), ("1:00:00", 60), ("30:00", 30), ("10", 10), ("00:00:01", 1), ("2-3", 3060),
     ("UNLIMITED", 0), ("infinite", 0), ("INFINITY", 0), ("", 0), ("-", 0), ("a:b", 0)],
)  # fmt: skip
def test_wall_times_of_all_vendors(text, expected):
    assert minutes(text) == expected


def test_the_settings_accept_every_kind_of_scheduler_and_no_other():
    assert [SchedulerSettings(kind=kind).kind for kind in KINDS] == [*KINDS]
    with pytest.raises(ValueError, match=r"there is no kind of scheduler 'slrum'. Did you mean 'slurm'\?"):
        SchedulerSettings(kind="slrum")


def test_a_scheduler_that_is_declared_by_half_is_refused(tmp_path):
    modules = {path.stem for path in SCHEDULER_FILES.glob("*.py") if "\ndef make(" in path.read_text()}
    scripts = {path.stem for path in SCHEDULER_FILES.glob("templates/*.sh")}
    assert modules == set(KINDS), "a file of schedulers/ with make(), and an entry of SCHEDULERS, for each kind"
    assert scripts == set(BATCH_SYSTEMS), "a job script in schedulers/templates/ for each batch system"
    for kind in BATCH_SYSTEMS:
        settings = SiteSettings(name="s", site_id=1, url="http://x", scheduler={"kind": kind})
        assert registry.scheduler_of(SiteFolder(tmp_path), settings).vendor.kind == kind


def test_a_word_of_slurms_that_is_not_known_is_unknown():
    row = slurm._listed("7|NEW_STATE|2026-11-21T08:00:00|N/A|None|n1|1|debug|1:00:00|a|b")
    assert row.status.state == "unknown"
    assert row.name == "a|b"
    assert slurm._listed("7|RUNNING|2026") is None


def test_accounting_tells_of_cancels_and_of_a_zone():
    text = (
        "7|CANCELLED by 1000|2026-11-21T08:00:00|2026-11-21T08:01:00|0:15|n1\n8.batch|FAILED|a|b|c|d\n9||x|y|0:0|n1\n"
    )
    statuses = slurm._accounted(text, clock=UTC)
    assert statuses["7"].state == "finished"
    assert statuses["7"].end_time == datetime(2026, 11, 21, 8, 1, tzinfo=UTC)
    assert statuses["9"].state == "unknown"
    assert statuses.keys() == {"7", "9"}


def test_pbs_that_fails_without_a_word_of_jobs_has_said_nothing_of_them(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = tmp_path / "qstat"
    for code, expected in ((0, []), (1, None)):
        program.write_text(f"""#!/bin/sh\necho '{{"pbs_version": "23"}}'; exit {code}\n""")
        program.chmod(0o755)
        assert pbs.Pbs(CommandRunner(5)).listed() == expected


def test_times_of_lsf_without_a_year_are_in_the_past():
    at = lsf._time("Dec 31 23:59")
    assert at <= datetime.now(UTC).replace(year=datetime.now(UTC).year + 1)
    assert (at.month, at.day, at.minute) == (12, 31, 59)
    assert lsf._time("Nov 21 08:00:12 2026") == datetime(2026, 11, 21, 8, 0, 12, tzinfo=UTC)
    assert lsf._time("Nov 21 09:00:12 2026 L") is None
    assert lsf._time("-") is None


@pytest.mark.parametrize(
    ("stderr", "again"),
    [
        ("sbatch: error: Batch job submission failed: Invalid partition name specified", False),
        ("qsub: Job exceeds queue and/or server resource limits", False),
        ("sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", True),
        ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", True),
        ("commlib error: got select error (Connection refused)", True),
        ("something that nobody has seen before", True),
        ("", True),
    ],
)
def test_only_a_clear_refusal_is_final(stderr, again):
    assert refusal(Ran(1, "", stderr)).again is again


@pytest.mark.parametrize(
    "code", ["while True: print('x' * 100000)", "import sys\nwhile True: sys.stderr.write('x' * 9999)"]
)
def test_a_command_that_prints_without_end_is_stopped(code, monkeypatch):
    monkeypatch.setattr(command, "MOST_BYTES", 1 << 20)
    ran = run([sys.executable, "-c", code], timeout_sec=30)
    assert ran.code is None
    assert "printed more than 1 MiB" in ran.err


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path):
    ran = run(["sh", "-c", f"sleep 77 & echo $! > {tmp_path}/pid; wait"], timeout_sec=0.5)
    assert ran.code is None
    assert "gave no answer within 0.5 s" in ran.err
    from fakes.processes import alive
    from waiting import eventually

    eventually(lambda: not alive(int((tmp_path / "pid").read_text())))


def test_a_command_that_is_not_there_or_was_killed_raises_nothing(tmp_path):
    assert "cannot be run" in run([str(tmp_path / "no")], timeout_sec=1).err
    assert run(["sh", "-c", "kill -9 $$"], timeout_sec=5).code == -9
    assert run(["printf", r"\377\376 a\n"], timeout_sec=5).out.endswith(" a\n")
    assert not run(["printf", "half a line"], timeout_sec=5).ok


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x y z",
        "1 2",
        "0 99999999999999999999 1",
        "\0",
        "version=2 exit_code=0 began=1",
        "version=3 exit_code=0 began=1 ended=2",
    ],
)
def test_an_exit_file_that_makes_no_sense_says_nothing(tmp_path, text):
    files = Files(tmp_path / "a")
    (files.folder / "7.exit").write_text(text)
    assert files.exit("7") is None
    assert files.exit("../../etc/passwd") is None


@pytest.mark.parametrize("text", ["3 100 200", "version=2 exit_code=3 began=100 ended=200"])
def test_the_exit_of_a_script_is_read_also_as_the_release_before_wrote_it(tmp_path, text):
    files = Files(tmp_path / "a")
    (files.folder / "7.exit").write_text(f"{text}\n")
    status = files.exit("7")
    assert (status.state, status.info) == ("finished", {"exit_code": 3})
    assert (status.start_time.timestamp(), status.end_time.timestamp()) == (100, 200)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    def make(*names, code=0):
        for name in names:
            (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
            (tmp_path / name).chmod(0o755)

    return make


def test_the_scheduler_that_answers_is_found(programs):
    assert registry.detect() == "local"
    programs("qsub", "qstat", "qdel", "pbsnodes")
    assert registry.detect() == "pbs"
    programs("qconf")
    assert registry.detect() == "sge"
    programs("sbatch", "squeue", "scancel", "sinfo", code=1)
    assert registry.detect() == "sge"  # Slurm is installed, and not up
    programs("sinfo")
    assert registry.detect() == "slurm"


def test_a_template_that_its_owner_changed_is_left_alone(tmp_path):
    assert write_template(tmp_path, "pbs")
    assert write_template(tmp_path, "slurm")
    own = tmp_path / NAME
    assert own.read_text() == default("slurm")
    own.write_text(own.read_text() + "# mine\n")
    assert not write_template(tmp_path, "pbs")
    assert own.read_text().endswith("# mine\n")


def test_the_kind_is_written_into_its_table_and_nothing_else_changes(tmp_path):
    folder = SiteFolder(tmp_path / "site")
    folder.make()
    folder.write(
        {"name": "s", "site_id": 3, "slots": 2}, connection=Connection(url="http://x", token="t", source="argument url")
    )
    folder.choose_scheduler("pbs")
    assert folder.load().scheduler.kind == "pbs"
    text = folder.settings_file.read_text().replace('kind = "pbs"', 'default_queue = "q"\nkind = "pbs"')
    folder.settings_file.write_text(text + '\n[scheduler.queues.q]\nmax_nodes = 3\n\n[policy]\nallowed_apps = ["x"]\n')
    folder.choose_scheduler("slurm")
    settings = folder.load()
    assert (settings.scheduler.kind, settings.scheduler.default_queue) == ("slurm", "q")
    assert settings.scheduler.queues["q"].max_nodes == 3
    assert settings.policy.allowed_apps == ["x"]
    assert folder.settings_file.read_text().count("kind =") == 1
    assert folder.settings_file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("template", "flaw"),
    [
        ("#!/no/such/shell\n{{ run }}\n", "its interpreter '/no/such/shell'"),
        ("\ufeff#!/bin/bash\n{{ run }}\n", "byte order mark"),
        ("{{ run }}\n", "a script needs a #! line"),
    ],
)
def test_a_job_template_that_no_shell_would_run_is_named_before_it_is_submitted(tmp_path, template, flaw):
    cluster = slurm.make(folder := SiteFolder(tmp_path), SiteSettings(name="s", site_id=1, url="http://h"))
    (folder.path / NAME).write_text(template, encoding="utf-8")
    with pytest.raises(TemplateError, match=flaw):
        cluster.script(Request(1, 1, 60, "", "", "serial", {}))


def test_a_job_template_with_dos_line_ends_becomes_a_script_that_runs(tmp_path):
    cluster = slurm.make(folder := SiteFolder(tmp_path), SiteSettings(name="s", site_id=1, url="http://h"))
    (folder.path / NAME).write_bytes(b"#!/bin/bash\r\n#SBATCH --nodes={{ num_nodes }}\r\n{{ run }}\r\n")
    script = cluster.script(Request(1, 1, 60, "", "", "serial", {}))
    assert script.startswith("#!/bin/bash\n#SBATCH --nodes=1\n")
    assert "\r" not in script
