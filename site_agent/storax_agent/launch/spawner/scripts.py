"""Why the kernel does not start a script that is there: what its first line says."""

from pathlib import Path

HEAD_BYTES = 256  # what the kernel reads of it
BOM = b"\xef\xbb\xbf"
NO_INTERPRETER = "a script needs a #! line"


def flaw_of(program: str) -> str:
    """Say what keeps a file from being run as a script, and the way out; empty where nothing does."""
    try:
        with Path(program).open("rb") as file:
            return flaw_in(file.read(HEAD_BYTES))
    except OSError:
        return ""


def flaw_in(head: bytes) -> str:
    """Say the same of a script by its beginning."""
    if head.startswith(BOM):
        return "the file begins with a byte order mark; save it without, so that it begins with #!"
    if not head.startswith(b"#!"):
        return "" if head.startswith(b"\x7fELF") else NO_INTERPRETER if head else "the file is empty"
    line = head.partition(b"\n")[0][2:]
    if line.endswith(b"\r"):
        return "its lines have DOS ends (CR LF), so no interpreter has the name in its #! line; run dos2unix on it"
    interpreter = (line.split() or [b""])[0].decode(errors="replace")
    if not Path(interpreter).exists():
        return f"its interpreter {interpreter!r} (#! line) does not exist on this machine"
    return ""
