"""A real sshd on a loopback port of its own, with keys made for the test and nothing of the machine's settings."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from needs import program, require
from waiting import eventually

PROGRAMS = ("rsync", "ssh", "ssh-keygen", "sshd")
ORDINARY = "storaxtest"
ORDINARY_ID = 64_999
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
"""


class Sshd:
    """``base`` is the folder that its locations show; ``ordinary`` runs it as an ordinary user, where tests are root.

    That user is in an /etc which only this sshd sees, in a mount namespace of its own. A mount on /etc/passwd alone would
    go when somebody adds a user to the machine, for that replaces the file.
    """

    def __init__(self, *, ordinary: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="storax-sshd-"))
        self.folder.chmod(0o755)
        self.base = self.folder / "base of it"
        self.other_user = ordinary and os.getuid() == 0
        self.user = ORDINARY if self.other_user else pwd.getpwuid(os.getuid()).pw_name
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        require("ssh", *PROGRAMS)
        self.base.mkdir()
        for name in ("host_key", "key", "other_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)], check=True, timeout=60
            )
        self.sound()
        self.know(self.folder / "host_key.pub")
        (self.folder / "sshd_config").write_text(CONFIG.format(port=self.port, folder=self.folder))
        if self.other_user:
            self._make_etc()
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, ORDINARY_ID, ORDINARY_ID)
            for name in ("key", "other_key"):
                os.chown(self.folder / name, 0, 0)
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Run it; returns when it answers."""
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        argv = [str(program("sshd")), "-D", "-E", str(self.folder / "log"), "-f", str(self.folder / "sshd_config")]
        if self.other_user:
            become = f"mount --bind {self.folder}/etc /etc && exec setpriv --reuid {ORDINARY_ID} "
            become += f'--regid {ORDINARY_ID} --clear-groups "$@"'
            argv = ["unshare", "--mount", "sh", "-c", become, "sh", *argv]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        eventually(lambda: self._answers() or self._process.poll() is not None)
        assert self._process.poll() is None, f"sshd ended: {self._process.stdout.read()!r} {self.log}"

    def _make_etc(self) -> None:
        etc = self.folder / "etc"
        etc.mkdir()
        for name in ("group", "nsswitch.conf", "ld.so.cache", "localtime"):
            if Path("/etc", name).exists():
                shutil.copy(Path("/etc", name), etc)
        known = f"{ORDINARY}:x:{ORDINARY_ID}:{ORDINARY_ID}::{self.folder}:/bin/sh\n"
        (etc / "passwd").write_text(known + Path("/etc/passwd").read_text())

    def stop(self) -> None:
        """End it, with the connections it serves."""
        if self._process is not None:
            children = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(self._process.pid)], capture_output=True, text=True
            )
            self._process.terminate()
            for pid in children.stdout.split():
                subprocess.run(["kill", "-9", pid], capture_output=True, check=False)
            self._process.communicate(timeout=60)
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def log(self) -> str:
        """What it logged."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def logins(self) -> int:
        """How often somebody logged in."""
        return self.log.count("Accepted publickey")

    def faulty(self, deed: str) -> None:
        """From now on the host's disk does ``deed``, a shell command, after the first thing that is asked of it."""
        script, mark = self.folder / "faulty.sh", self.folder / "faulty.done"
        mark.unlink(missing_ok=True)
        script.write_text(
            f'sh -c "$SSH_ORIGINAL_COMMAND"; code=$?\ntest -e {mark} || {deed}\ntouch {mark}\nexit $code\n'
        )
        self._allow(f'command="sh {script}" ')

    def sound(self) -> None:
        """The host is as it should be."""
        self._allow("")

    def _allow(self, option: str) -> None:
        (self.folder / "authorized_keys").write_text(option + (self.folder / "key.pub").read_text())

    def know(self, key: Path, *, port: int | None = None) -> None:
        """Write the known_hosts file with this host key."""
        kind, text = key.read_text().split()[:2]
        ports = (self.port, port or self.port)
        (self.folder / "known_hosts").write_text("".join(f"[127.0.0.1]:{p} {kind} {text}\n" for p in set(ports)))

    def location(self, *, key: str = "key", port: int | None = None) -> dict[str, str]:
        """The table for ``site.toml``."""
        path = str(self.base).replace(" ", "%20")
        return {
            "url": f"ssh://{self.user}@127.0.0.1:{port or self.port}{path}",
            "identity_file": str(self.folder / key),
            "known_hosts": str(self.folder / "known_hosts"),
        }
