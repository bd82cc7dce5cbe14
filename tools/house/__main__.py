"""``python -m tools.house``: print the measures of this code base; exit code 1 where one is broken.

Broken means: beyond its limit and beyond what ``allowed.toml`` still allows, or allowed without need.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.house import allowed, append_path, imports, names, sizes
from tools.house.check import Check, Excess
from tools.house.sources import Source, hand_written, measured

WIDEST = 5


def all_checks(sources: Sequence[Source]) -> list[Check]:
    """Measure everything."""
    return [
        *imports.checks(),
        *sizes.checks(sources),
        *append_path.checks(measured(sources)),
        *names.checks(sources),
    ]


def summary(sources: Sequence[Source]) -> Iterator[str]:
    """Return the measures themselves as lines of text."""
    median, p95 = sizes.percentiles(sources)
    folders = sizes.modules_per_folder(sources).most_common(WIDEST)
    yield f"Packages and tools: {len(sources)} files, {sum(source.lines for source in sources)} lines."
    yield (
        f"Lines of a function: median {median:.0f} (limit {sizes.MAX_MEDIAN}), 95th percentile {p95:.0f} "
        f"(limit {sizes.MAX_P95}), longest {max(sizes.function_lengths(sources))} (limit {sizes.MAX_FUNCTION})."
    )
    kept = imports.contracts()
    yield f"Import contracts: {sum(kept.values())} of {len(kept)} kept."
    yield f"Widest folders (limit {sizes.MAX_MODULES} modules): {', '.join(f'{name} {n}' for name, n in folders)}."


def report(checks: Sequence[Check], limits: allowed.Allowed) -> Iterator[str]:
    """Return the result of each check as lines of text, then the entries that nobody needs any more."""
    for check in checks:
        broken = allowed.beyond(check, limits)
        result = "BROKEN " if broken else "allowed" if check.excesses else "kept   "
        yield f"{result} {check.title}: {len(check.excesses)}"
        yield from (_line(excess, broken) for excess in sorted(check.excesses, key=lambda e: -e.count))
    for entry in allowed.stale(checks, limits):
        yield f"BROKEN  allowed.toml has an entry that nothing needs: remove it ({entry})"


def _line(excess: Excess, broken: Sequence[Excess]) -> str:
    mark = " <- too much" if excess in broken else ""
    return f"        {excess.count:4} {excess.name}{f' ({excess.place})' if excess.place else ''}{mark}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the measures, or every private word with its place, or shrink the list of what is allowed."""
    parser = argparse.ArgumentParser(prog="python -m tools.house", description=__doc__)
    parser.add_argument("--words", action="store_true", help="print every place that a private word names")
    parser.add_argument("--shrink", action="store_true", help="remove from allowed.toml what is no longer needed")
    parser.add_argument("--allowed", type=Path, default=allowed.FILE, help="the list of what is allowed")
    options = parser.parse_args(argv)
    sources = hand_written()
    if options.words:
        sys.stdout.writelines(f"{use.place}\n" for use in names.uses(sources))
        return 0
    checks, limits = all_checks(sources), allowed.load(options.allowed)
    if options.shrink:
        options.allowed.write_text(allowed.shrink(checks, limits), encoding="utf-8")
        limits = allowed.load(options.allowed)
    lines = [*summary(measured(sources)), *report(checks, limits)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if any(line.startswith("BROKEN") for line in lines) else 0


if __name__ == "__main__":
    raise SystemExit(main())
