"""Write docs/demo.svg: parts of what a real `storax demo` prints, as a picture of a terminal. Run by `make picture`."""

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "demo.svg"
STORAX = Path(sys.executable).with_name("storax")
WIDTH = 120
# GitHub and PyPI load no font from elsewhere; the viewer's own monospaced font serves.
_FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    """Run the demo and write the picture."""
    done = subprocess.run([STORAX, "demo"], capture_output=True, text=True, check=True)
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text("$ make demo", style="bold"))
    console.print(Text(done.stderr.strip().splitlines()[0], style="dim"))
    for line in _excerpt(done.stdout):
        console.print(line, no_wrap=True, crop=True, overflow="ellipsis")
    svg = console.export_svg(title="storax", theme=MONOKAI, unique_id="demo")
    PICTURE.write_text(_FONT_FACES.sub("", svg), encoding="utf-8")


def _excerpt(output: str) -> list[Text]:
    """Return the counts, the history of one job and the verdict on the log."""
    lines = output.splitlines()
    counts = lines.index("The jobs, as the API counts them")
    verify = next(n for n, line in enumerate(lines) if line.startswith("storax admin verify"))
    verdict = next(line for line in lines if re.fullmatch(r"\d+ events, 0 differences", line))
    chosen = [*lines[counts:verify], lines[verify], lines[verify + 1], "...", verdict]
    return [_styled(line) for line in chosen]


def _styled(line: str) -> Text:
    # The time of day says enough; it leaves room for the messages.
    text = Text(re.sub(r"\d{4}-\d\d-\d\dT([\d:]{8})Z", r"\1", line).replace("TIMESTAMP           ", "TIME    "))
    text.highlight_regex(r"JOB_FINISHED|RUN_DONE|\b0 differences", "green")
    text.highlight_regex(r"RUN_ERROR|FAILED", "red")
    text.highlight_regex(r"RUNNING", "cyan")
    text.highlight_regex(r"RESTART_READY|AWAITING_PARENTS", "yellow")
    text.highlight_regex(r"^[A-Z_ ]+$", "bold")
    return text


if __name__ == "__main__":
    main()
