"""Charts as inline SVG, without styles or scripts of their own: the style sheet has the colours.

The shapes fill any width. All text stands beside them as HTML, so that it stays readable on a phone.
"""

from collections.abc import Iterator, Mapping, Sequence

from storax.report.markup import Html, html_of, moment
from storax.report.series import GROUPS, Bins

WIDTH, HEIGHT = 1000, 300  # units of the picture


def stacked_areas(series: Mapping[str, Sequence[int]], bins: Bins, *, title: str) -> Html:
    """Return a chart of values that hold until the next part, stacked in the order of the legend.

    Args:
        series: For each group its value in each part.
        bins: The parts.
        title: What the chart shows, for those who cannot see it.
    """
    top = round_top(max(map(sum, zip(*series.values(), strict=True)), default=0))
    shapes = (f'<path class="{group}" d="{_area(lower, upper, top)}"/>' for group, lower, upper in _stacked(series))
    return _figure(shapes, series, bins, top, title)


def stacked_bars(series: Mapping[str, Sequence[int]], bins: Bins, *, title: str) -> Html:
    """Return a chart with one bar for each part, stacked in the order of the legend; the arguments are as above."""
    top = round_top(max(map(sum, zip(*series.values(), strict=True)), default=0))
    width = WIDTH / bins.number
    shapes = (
        f'<rect class="{group}" x="{place * width + width * 0.1:.2f}" y="{_y(high, top)}"'
        f' width="{width * 0.8:.2f}" height="{(high - low) / top * HEIGHT:.2f}"/>'
        for group, lower, upper in _stacked(series)
        for place, (low, high) in enumerate(zip(lower, upper, strict=True))
        if high > low
    )
    return _figure(shapes, series, bins, top, title)


def round_top(value: int) -> int:
    """Return the end of an axis: the next even number of the form 2, 4, 10, 20, 40, 100, ..."""
    size = 1
    while True:
        for top in (2 * size, 4 * size, 10 * size):
            if value <= top:
                return top
        size *= 10


def _stacked(series: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, list[int], list[int]]]:
    """Yield the groups with their lower and upper edges, from the bottom to the top."""
    lower: list[int] = []
    for group in _ordered(series):
        values = series[group]
        lower = lower or [0] * len(values)
        upper = [low + value for low, value in zip(lower, values, strict=True)]
        yield group, lower, upper
        lower = upper


def _ordered(series: Mapping[str, Sequence[int]]) -> list[str]:
    return [group for group in GROUPS if group in series]


def _y(value: int, top: int) -> str:
    return f"{HEIGHT - value / top * HEIGHT:.2f}"


def _area(lower: Sequence[int], upper: Sequence[int], top: int) -> str:
    """Return the outline of an area with steps: along its upper edge, and back along the lower one."""
    width = WIDTH / len(upper)
    there = (f"V{_y(value, top)}H{(place + 1) * width:.2f}" for place, value in enumerate(upper))
    back = (f"V{_y(lower[place], top)}H{place * width:.2f}" for place in range(len(lower) - 1, -1, -1))
    return f"M0,{_y(upper[0], top)}{''.join(there)}{''.join(back)}Z"


def _figure(shapes: Iterator[str], series: Mapping[str, Sequence[int]], bins: Bins, top: int, title: str) -> Html:
    lines = "".join(f'<line x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>' for y in (0, HEIGHT // 2, HEIGHT))
    legend = "".join(
        f'<li><i class="{group}"></i>{html_of(GROUPS[group])}</li>' for group in reversed(_ordered(series))
    )
    times = (bins.begin, bins.begin + (bins.end - bins.begin) / 2, bins.end)
    return Html(
        f'<figure>\n<div class="plot"><div class="y"><span>{html_of(top)}</span><span>{html_of(top // 2)}</span>'
        f'<span>0</span></div>\n<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{html_of(title)}">\n<g class="grid">{lines}</g>\n{chr(10).join(shapes)}\n</svg>\n</div>\n'
        f'<div class="x">{"".join(f"<span>{html_of(moment(time))}</span>" for time in times)}</div>\n'
        f'<ul class="legend">{legend}</ul>\n</figure>'
    )
