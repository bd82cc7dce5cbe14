"""One run of the program rsync over ssh: its arguments, its progress and the reading of its complaints."""

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from storax_agent.settings.locations import SshLocation
from storax_agent.transfers.base import TransferError, Watch
from storax_agent.transfers.stage import PARTIAL

CONNECT_SEC = 15
END_SEC = 3.0
TELL_SEC = 1.0
MAX_WORDS = 64 << 10
OWN_VARIABLES = ("RSYNC_",)  # RSYNC_RSH, RSYNC_PARTIAL_DIR, ...
NUMBER = re.compile(rb"([0-9][0-9,]*)\s+[0-9]+%")
ODD = re.compile(rb"[\x00-\x1f\x7f]|\\(?=#[0-7]{3})")
ERRNO = re.compile(r"\((\d+)\)$")
# A missing file, a forbidden or full place is no fault of the host: ENOENT, EACCES, EPERM, ENOTDIR, EISDIR, ENOSPC,
# EROFS, ENAMETOOLONG, ELOOP, EDQUOT.
OWN_ERRNO = {2, 13, 1, 20, 21, 28, 30, 36, 40, 122}
HOPELESS = (
    ("Permission denied (", "the host refuses the key; look at user and identity_file"),
    ("Host key verification failed", "the host's key is unknown or another than before; look at known_hosts"),
    ("command not found", "the host has no rsync"),
    ("rsync: not found", "the host has no rsync"),
    ("Load key", "the identity_file cannot be read as a key"),
)


@dataclass(frozen=True)
class Done:
    """How a run ended: rsync's exit code, the lines on its stderr, those on its stdout."""

    code: int
    complaints: list[str]
    output: list[str]

    @property
    def hopeless(self) -> str:
        """Why no run can reach the host, as long as nobody mends something; else empty."""
        text = "\n".join(self.complaints)
        return next((f"{why} (ssh says: {self.last})" for mark, why in HOPELESS if mark in text), "")

    @property
    def last(self) -> str:
        """What was wrong, in the words of ssh or rsync."""
        spoken = [line for line in self.complaints if not line.startswith(("rsync error:", "Warning:"))]
        by_ssh = [line for line in spoken if not line.startswith("rsync:")]
        return (by_ssh[-1:] or spoken or self.complaints or [f"rsync ended with exit code {self.code}"])[0][:500]

    def about(self, root: str, inner: str) -> str:
        """The complaint about one path below ``root``, or an empty text."""
        name = escaped(inner)
        full = f"{root.rstrip('/')}/{name}"
        folder, _, last = full.rpartition("/")
        marks = (f'"{full}"', f'"{full}/', f'"{name}"', f'"{name}/', f'"{folder}/.{last}.', f"ERROR: {name} failed")
        return next((line for line in self.complaints if any(mark in line for mark in marks)), "")

    def is_own(self, complaint: str) -> bool:
        """Whether such a complaint is of one file, and not of its host."""
        number = ERRNO.search(complaint.strip())
        return "vanished" in complaint or (number is not None and int(number[1]) in OWN_ERRNO)


def escaped(name: str) -> str:
    """A name as rsync prints it: control characters as ``\\#012``, all else as it is."""
    raw = ODD.sub(lambda odd: b"\\#%03o" % odd.group()[0], os.fsencode(name))
    return raw.decode(errors="replace")


class Rsync:
    """Runs rsync for one location, in ``environment`` without the variables that change what rsync does."""

    def __init__(self, place: SshLocation, environment: Mapping[str, str]) -> None:
        self._place = place
        kept = {name: value for name, value in environment.items() if not name.startswith(OWN_VARIABLES)}
        self._environment = {**kept, "LC_ALL": "C.UTF-8"}
        parts = urlsplit(place.url)
        self.root = unquote(parts.path) or "."
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        self._remote = f"{parts.username}@{host}" if parts.username else f"{host}"
        self._port = parts.port

    def copy(self, stage: Path, names: Sequence[str], *, inward: bool, recursive: bool, watch: Watch,
             progress: Callable[[int], None]) -> Done:  # fmt: skip
        """Copy ``names`` between the location and the stage's tree; what is there with the right content stays."""
        flags = ["--info=progress2", "--outbuf=L", f"--partial-dir={PARTIAL}"]
        return self._run(stage, names, flags, inward=inward, recursive=recursive, watch=watch, progress=progress)

    def compare(self, stage: Path, names: Sequence[str], *, inward: bool, recursive: bool, watch: Watch) -> Done:
        """Read both sides again; ``output`` names what differs."""
        flags = ["--dry-run", "--out-format=%i %n"]
        done = self._run(stage, names, flags, inward=inward, recursive=recursive, watch=watch, progress=lambda _n: None)
        return Done(done.code, done.complaints, [line[12:] for line in done.output if line[:1] in ("<", ">", "c")])

    def forget(self, stage: Path, inner: str) -> None:
        """Remove what broke off beside the place of ``inner`` at the location: it may be what fills the disk there."""
        (empty := stage / "empty").mkdir(exist_ok=True)
        folder = f"{self.root.rstrip('/')}/{inner}".rpartition("/")[0]
        argv = [
            _program(), "-s", "-r", "--delete", f"--include=/{PARTIAL}/***", "--exclude=*", "-e", self._shell(),
            f"--timeout={self._place.timeout_sec}", f"{empty}/", f"{self._remote}:{folder}/",
        ]  # fmt: skip
        subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, env=self._environment, check=False)

    def probe(self) -> str:
        """The location's folder, listed by itself.

        Raises:
            TransferError: it cannot be reached, or is not there.
        """
        argv = [_program(), "-s", "--dirs", "--list-only", "-e", self._shell(), f"{self._remote}:{self.root}/."]
        answer = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, env=self._environment,
            timeout=2 * CONNECT_SEC, check=False,
        )  # fmt: skip
        done = Done(answer.returncode, answer.stderr.splitlines(), [])
        if done.code:
            raise TransferError(f"{self._place.url}: {done.hopeless or done.last}")
        return self._place.url

    def _run(self, stage: Path, names: Sequence[str], flags: Sequence[str], *, inward: bool, recursive: bool,
             watch: Watch, progress: Callable[[int], None]) -> Done:  # fmt: skip
        listed = stage / "names"
        listed.write_bytes(b"\0".join(map(os.fsencode, names)) + b"\0")
        here, there = f"{stage / 'tree'}/", f"{self._remote}:{self.root.rstrip('/')}/"
        argv = [
            _program(), "-s", "--from0", f"--files-from={listed}", "--no-implied-dirs", "-E", "-c", "-t", "-O", "-8",
            f"--timeout={self._place.timeout_sec}", *flags, *(["-r", "-l"] if recursive else []), "-e", self._shell(),
            *((there, here) if inward else (here, there)),
        ]  # fmt: skip
        # Not a file of the stage: the disk may be what it complains of.
        with os.fdopen(os.memfd_create("complaints"), "wb+") as complaints:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, env=self._environment,
                process_group=0,
            )  # fmt: skip
            output = _follow(process, watch, progress)
            complaints.seek(0)
            lines = complaints.read(MAX_WORDS).decode(errors="replace").splitlines()
        return Done(process.returncode, [line for line in lines if line.strip()], output)

    def _shell(self) -> str:
        """The ssh command. It asks nobody, and talks to no host whose key is not known."""
        argv = ["ssh", "-oBatchMode=yes", "-oStrictHostKeyChecking=yes", f"-oConnectTimeout={CONNECT_SEC}"]
        argv += ["-oServerAliveInterval=15", "-oServerAliveCountMax=3", "-oClearAllForwardings=yes"]
        if self._port:
            argv.append(f"-p{self._port}")
        if self._place.identity_file:
            argv += ["-oIdentitiesOnly=yes", "-i", str(self._place.identity_file)]
        if self._place.known_hosts:
            argv.append(f'-oUserKnownHostsFile="{self._place.known_hosts}"')
        return shlex.join(argv)


def _program() -> str:
    program = shutil.which("rsync")
    if program is None or shutil.which("ssh") is None:
        raise TransferError(f"this site has no {'ssh' if program else 'rsync'} on its PATH; install it")
    return program


def _follow(process: subprocess.Popen[bytes], watch: Watch, progress: Callable[[int], None]) -> list[str]:
    """Read what it prints until it ends; end it when nobody wants it any more. It ends by itself with the agent, as
    nobody reads its progress then."""
    assert process.stdout is not None  # noqa: S101 - asked for above
    pipe, printed, reported_at = process.stdout.fileno(), b"", time.monotonic()
    while True:
        if watch.stop.is_set():
            _end(process)
        if not select.select([pipe], [], [], 0.2)[0]:
            continue
        block = os.read(pipe, 1 << 16)
        if not block:
            break
        printed = (printed + block)[-(16 << 20) :]
        if time.monotonic() - reported_at > TELL_SEC and (numbers := NUMBER.findall(printed[-400:])):
            reported_at = time.monotonic()
            progress(int(numbers[-1].replace(b",", b"")))
    process.wait()
    process.stdout.close()
    return printed.decode(errors="replace").replace("\r", "\n").split("\n")


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM lets rsync keep what it has of a file; then SIGKILL for all it started."""
    with suppress(ProcessLookupError):
        process.terminate()
        try:
            process.wait(END_SEC)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
