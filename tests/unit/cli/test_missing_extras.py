"""An installation that lacks an extra names it, whichever of its modules is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None  # an import of it raises ModuleNotFoundError
{main}
"""
SITE = 'name = "s"\nsite_id = 1\nurl = "http://127.0.0.1:1"\n'


def run(main: str, module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-c", WITHOUT.format(main=main), module, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def site(tmp_path: Path) -> str:
    (tmp_path / "site.toml").write_text(SITE)
    return str(tmp_path)


def test_a_command_that_lacks_a_library_names_the_extra(site):
    ran = run("from storax.cli import main\nmain(['site', 'check', sys.argv[2]])", "msgspec", site)
    assert ran.returncode == 1
    assert "The module 'msgspec' is not installed" in ran.stderr
    assert '[agent]"' in ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_agent_that_lacks_a_library_names_the_extra(site):
    ran = run("from storax_agent.__main__ import main\nsys.exit(main(['run', sys.argv[2]]))", "msgspec", site)
    assert ran.returncode == 1
    assert ran.stderr.startswith("storax_agent: The module 'msgspec' is not installed.")
    assert '[agent]"' in ran.stderr


def test_a_module_that_no_extra_brings_is_no_matter_of_extras():
    from storax._installation import missing

    with pytest.raises(ModuleNotFoundError) as caught:
        import no_such_module  # noqa: F401
    assert missing(caught.value) == ("", "")
