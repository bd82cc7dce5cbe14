"""What several unit tests share."""

import pytest

from fakes.shell import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path) -> Shell:
    """The command line against a scripted server, with no settings of this machine."""
    for name in ("STORAX_OUTPUT", "STORAX_DEBUG", "STORAX_URL", "STORAX_TOKEN", "STORAX_PROFILE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STORAX_HOME", str(tmp_path / "home"))
    return Shell(capsys)
