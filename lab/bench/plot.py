"""Plots as SVG, written by hand: both axes logarithmic, readable on light and on dark pages, without dependencies."""

import math
from html import escape

WIDTH, HEIGHT = 860, 440
"""Of the picture, in its own units."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 250, 48, 54
"""Room around the lines; the legend is at the right."""

_COLOURS = ("#d1242f", "#0969da", "#1a7f37", "#8250df", "#bf8700", "#0e8a9c", "#c2477f", "#6e7781", "#a0522d")
"""One for each line, told apart on white and on black."""

_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .title { font-size: 15px; font-weight: 600 }
.page { fill: #ffffff } .grid { stroke: #d0d7de } .axis { stroke: #656d76 } .faint { fill: #59636e }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .page { fill: #0d1117 } .grid { stroke: #30363d } .axis { stroke: #8b949e } .faint { fill: #9198a1 }
}"""


def plot(title: str, across: str, up: str, lines: dict, order: tuple) -> str:
    """A picture of these lines: name to a list of (x, y); a line of one point is drawn from side to side.

    The place of a name in `order` is its colour, in every picture; the first one is drawn thicker.
    """
    several = [points for points in lines.values() if len(points) > 1]
    xs = sorted({x for points in several for x, _ in points})
    ys = [y for points in lines.values() for _, y in points]
    low, high = math.floor(math.log10(min(ys)) * 2) / 2, math.ceil(math.log10(max(ys)) * 2) / 2
    place = _Place(math.log10(xs[0]), math.log10(xs[-1]), low, high)
    made = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
            f"<style>{_STYLE}</style>", f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
            f'<text class="title" x="{_LEFT}" y="24">{escape(title)}</text>',
            *place.grid(xs), f'<text x="{place.middle}" y="{HEIGHT - 10}" text-anchor="middle">{escape(across)}</text>',
            f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>']
    ordered = sorted(lines.items(), key=lambda each: -each[1][-1][1])
    labels = _apart([place.y(points[-1][1]) for _, points in ordered])
    for (name, points), label in zip(ordered, labels):
        made += _line(place, order.index(name), name, points, xs, label)
    return "\n".join([*made, "</svg>"]) + "\n"


class _Place:
    """Where values lie in the picture."""

    def __init__(self, left: float, right: float, low: float, high: float):
        """Between these, which are logarithms."""
        self.left, self.right, self.low, self.high = left, right, low, high
        self.middle = (_LEFT + WIDTH - _RIGHT) / 2

    def x(self, value: float) -> float:
        """Across."""
        share = (math.log10(value) - self.left) / ((self.right - self.left) or 1)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        """Up."""
        share = (math.log10(value) - self.low) / ((self.high - self.low) or 1)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    def grid(self, xs: list) -> list:
        """Lines and numbers of both axes."""
        made, right, bottom = [], WIDTH - _RIGHT, HEIGHT - _BOTTOM
        for power in range(math.floor(self.low), math.ceil(self.high) + 1):
            for digit in (1, 2, 5):
                value = digit * 10 ** power
                if self.low - 1e-9 <= math.log10(value) <= self.high + 1e-9:
                    made += [f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{self.y(value)}" y2="{self.y(value)}"/>',
                             f'<text class="faint" x="{_LEFT - 8}" y="{self.y(value) + 4}" text-anchor="end">{value:,.0f}</text>']
        for value in xs:
            made += [f'<line class="grid" x1="{self.x(value)}" x2="{self.x(value)}" y1="{_TOP}" y2="{bottom}"/>',
                     f'<text class="faint" x="{self.x(value)}" y="{bottom + 18}" text-anchor="middle">{value:,}</text>']
        return [*made, f'<path class="axis" fill="none" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>']


def _apart(wanted: list) -> list:
    """Heights for labels, in order from the top, that do not cover one another."""
    step, placed = 17, []
    for height in wanted:
        placed.append(max(height, placed[-1] + step) if placed else height)
    over = placed[-1] - (HEIGHT - _BOTTOM)
    if over > 0:   # from below, push up what has no room
        limit = HEIGHT - _BOTTOM
        for at in range(len(placed) - 1, -1, -1):
            placed[at] = min(placed[at], limit)
            limit = placed[at] - step
    return placed


def _line(place: _Place, number: int, name: str, points: list, xs: list, label: float) -> list:
    """One line with its points and its name."""
    colour = _COLOURS[number % len(_COLOURS)]
    is_flat = len(points) == 1
    drawn = [(xs[0], points[0][1]), (xs[-1], points[0][1])] if is_flat else sorted(points)
    path = "L".join(f"{place.x(x)} {place.y(y)}" for x, y in drawn)
    dash = ' stroke-dasharray="6 4"' if is_flat else ""
    width = 3 if number == 0 else 1.8
    made = [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dash}/>']
    made += [f'<circle cx="{place.x(x)}" cy="{place.y(y)}" r="3" fill="{colour}"/>' for x, y in ([] if is_flat else drawn)]
    end = WIDTH - _RIGHT + 14
    last_x, last_y = drawn[-1]
    made.append(f'<path d="M{place.x(last_x) + 4} {place.y(last_y)}L{end - 3} {label}" stroke="{colour}" stroke-width="0.7"/>')
    return [*made, f'<text x="{end}" y="{label + 4}">{escape(name)}</text>']
