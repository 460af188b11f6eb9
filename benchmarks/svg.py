"""Pictures as SVG to be put into a page, whose style names the colours: curves over a logarithmic axis, and bars.

Rule 1: numbers in, text out. Rule 2: a scale of values begins at 0, so that what looks flat is flat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 30, 40
BAR, LABEL = 26, 220
Points = Sequence[tuple[float, float]]


def curves(title: str, axis: str, lines: Mapping[str, Points], target: float | None = None) -> str:
    """One line for each name; x is logarithmic and must be above 0."""
    across = sorted({x for points in lines.values() for x, _ in points})
    most = ceiling(max([y for points in lines.values() for _, y in points] + [target or 0.0]))

    def left(x: float) -> float:
        span = math.log(across[-1] / across[0]) or 1.0
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(x / across[0]) / span

    def top(y: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / most

    parts = [_text(LEFT, 16, title, "title")]
    for step in range(5):
        y = most * step / 4
        parts.append(_across("grid", top(y)))
        parts.append(_text(LEFT - 6, top(y) + 4, short(y), "tick end"))
    parts += [_text(left(x), HEIGHT - BOTTOM + 16, short(x), "tick middle") for x in across]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, axis, "tick middle"))
    if target is not None:
        parts.append(_across("target", top(target)))
    for place, (name, points) in enumerate(lines.items()):
        placed = [(left(x), top(y), y) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in placed)
        parts.append(f'<polyline class="line s{place % 5}" points="{path}"/>')
        parts += [
            f'<circle class="dot s{place % 5}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{escape(name)}: {short(value)}'
            "</title></circle>"
            for x, y, value in placed
        ]
        if len(lines) > 1:
            parts.append(_text(WIDTH - RIGHT, TOP + 14 * place, name, f"tick end name s{place % 5}"))
    return _svg(title, HEIGHT, parts)


def bars(title: str, values: Sequence[tuple[str, float]], target: float | None = None) -> str:
    """One bar for each name, its number behind it."""
    most = max([value for _, value in values] + [target or 0.0]) or 1.0
    room = WIDTH - LABEL - 70
    parts = [_text(0, 16, title, "title")]
    for place, (name, value) in enumerate(values):
        at, length = TOP + BAR * place, room * value / most
        parts.append(_text(LABEL - 8, at + 15, name, "tick end"))
        parts.append(f'<rect class="bar s0" x="{LABEL}" y="{at + 3}" width="{length:.1f}" height="{BAR - 8}" rx="2"/>')
        parts.append(_text(LABEL + length + 6, at + 15, short(value), "tick"))
    height = TOP + BAR * len(values) + 4
    if target is not None:
        x = LABEL + room * target / most
        parts.append(f'<line class="target" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{height - 4}"/>')
    return _svg(title, height, parts)


def ceiling(value: float) -> float:
    """The next number that divides well by four: 1, 1.2, 1.6, 2, 4, 6, 8 or 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * power >= value * 0.9999)


def short(value: float) -> str:
    """A number in as few characters as it takes: 1.5 k, 10 M."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _across(kind: str, y: float) -> str:
    return f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    box = f'viewBox="0 0 {WIDTH} {height}" xmlns="http://www.w3.org/2000/svg"'
    return f'<svg role="img" aria-label="{escape(title)}" {box}>{"".join(parts)}</svg>'
