"""The results as one picture: how long every library takes, as a multiple of the fastest one besides Tandem."""

import math
from xml.sax.saxutils import escape

import render

NAMES = dict(
    W1="W1 perceptron",
    W2="W2 LeNet",
    W3="W3 small VGG",
    W4="W4 one convolution",
    W5="W5 two, coupled",
    W6="W6 recurrent net",
    W7="W7 tiny perceptron",
    W8="W8 scalar chain",
)
# A shape within ±1, and a colour on a light and on a dark page.
MARKS = {
    "Tandem": ("M-1,0 a1,1 0 1,0 2,0 a1,1 0 1,0 -2,0z", "#c2410c", "#fb923c"),
    "PyTorch": ("M-.9,-.9h1.8v1.8h-1.8z", "#27548a", "#7fb2e6"),
    "JAX": ("M0,-1.25L1.25,0L0,1.25L-1.25,0z", "#15803d", "#6fcf8e"),
    "candle": ("M0,-1.15L1.15,.9H-1.15z", "#7c3aed", "#b79cf7"),
    "burn flex": ("M0,1.15L1.15,-.9H-1.15z", "#a16207", "#e0b64a"),
    "burn ndarray": ("M-.35,-1.2h.7v.85h.85v.7h-.85v.85h-.7v-.85h-.85v-.7h.85z", "#8a6d3b", "#c2a878"),
    "dfdx": ("M-1.1,-.7L-.7,-1.1L0,-.4L.7,-1.1L1.1,-.7L.4,0L1.1,.7L.7,1.1L0,.4L-.7,1.1L-1.1,.7L-.4,0z", "#5c6066", "#a2a7ae"),
}
WIDTH, LEFT, RIGHT, TOP = 820, 306, 796, 122
LANE, GAP = 21, 12
STYLE = (
    "text{{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:{text}}}"
    ".title{{font-size:19px;font-weight:600}}.strong{{font-weight:600}}.note{{fill:{note}}}.page{{fill:{page}}}"
    ".grid{{stroke:{grid}}}.one{{stroke:{note};stroke-width:1.5px}}path{{stroke:{page};stroke-width:.15px}}{marks}"
)


def svg(results):
    """The picture, with a light and a dark look."""
    cells, parts, y = render.best(results), [], TOP
    lanes = [row for row in render.rows(results) if multiples(cells, row)]
    every = [multiple for row in lanes for _, _, multiple in multiples(cells, row)]
    low, high = min(0.8, 0.9 * min(every, default=1)), max(10, 1.1 * max(every, default=1))
    at = lambda multiple: LEFT + (RIGHT - LEFT) * math.log(multiple / low) / math.log(high / low)
    for i, row in enumerate(lanes):
        y += GAP if i and lanes[i - 1][0] != row[0] else 0
        parts += lane(cells, row, y, at, named=i == 0 or lanes[i - 1][0] != row[0])
        y += LANE
    height = y + 74
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
            ' role="img" style="max-width: 100%; height: auto"><title>Tandem beside other libraries</title>',
            f"<style>{look(1)}@media (prefers-color-scheme: dark){{{look(2)}}}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            text(20, 36, "A training step in Tandem and in other libraries", "title"),
            text(20, 58, "Time of a step as a multiple of the fastest library besides Tandem, single precision on the processor."),
            *legend(),
            text(20, TOP - 14, "threads, and Tandem's ms a step", "note"),
            *axis(at, low, high, y),
            *parts,
            *footing(results, y),
            "</svg>\n",
        ]
    )


def multiples(cells, row):
    """Library, milliseconds, and multiple of the fastest peer; Tandem last, so that it is drawn on top."""
    peer = render.fastest_peer(cells, row)
    found = [(name, cells.get((*row, name), {}).get("ms")) for name in reversed(render.LIBRARIES)]
    return [(name, time, time / peer) for name, time in found if time and peer]


def lane(cells, row, y, at, named):
    """A workload on a number of threads: what it is, and a mark for each library."""
    parts = [text(20, y + 4, NAMES[row[0]], "strong")] if named else []
    own = cells.get((*row, "Tandem"), {}).get("ms")
    threads = "1 thread" if row[1] == 1 else f"{row[1]} threads"
    parts.append(text(158, y + 4, f"{threads} · {render.milliseconds(own)} ms" if own else threads, "note"))
    parts.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y}" y2="{y}"/>')
    for name, time, multiple in multiples(cells, row):
        said = f"{name}: {render.milliseconds(time)} ms, {multiple:.2f} times the fastest peer"
        parts.append(mark(name, at(multiple), y, said))
    return parts


def mark(name, x, y, said):
    """The mark of a library; a pointer that rests on it is told more."""
    size = 6.5 if name == "Tandem" else 5
    shape = MARKS[name][0]
    title = f"<title>{escape(said)}</title>"
    return f'<path class="{slug(name)}" transform="translate({x:.1f} {y}) scale({size})" d="{shape}">{title}</path>'


def legend():
    """All marks with their names."""
    parts, x = [], 28
    for name in render.LIBRARIES:
        parts += [mark(name, x, 80, name), text(x + 11, 84, name)]
        x += 38 + 7.2 * len(name)
    return parts


def axis(at, low, high, bottom):
    """Grid lines and what they stand for, above and below."""
    parts = []
    for power in range(-2, 5):
        for tick in (10**power, 3 * 10**power):
            if low <= tick <= high:
                kind, x = ("one" if tick == 1 else "grid"), at(tick)
                parts.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 10}" y2="{bottom - 8}"/>')
                parts += [text(f"{x:.1f}", at_y, f"{tick:g}×", "note", "middle") for at_y in (TOP - 14, bottom + 8)]
    return parts


def footing(results, y):
    """How to read it, what is not drawn, and what it was measured on."""
    cannot = {}
    for (workload, _, name), cell in render.best(results).items():
        if "cannot" in cell and workload not in cannot.setdefault(name, []):
            cannot[name].append(workload)
    absent = "; ".join(f"{name} in {', '.join(workloads)}" for name, workloads in cannot.items())
    machine = results["machine"]
    return [
        text(20, y + 32, f"Left of 1×: faster than every other library. {f'Not drawn: {absent}.' if absent else ''}", "note"),
        text(20, y + 52, f"{results['date']}, {machine['processor']}, {machine['cores']} cores, {machine['vectors']}.", "note"),
    ]


def text(x, y, content, kind="", anchor="start"):
    """A line of text."""
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(content)}</text>'


def slug(name):
    """A library as the name of a class."""
    return name.lower().replace(" ", "-")


def look(page):
    """The style sheet for a light page, 1, or a dark one, 2."""
    marks = "".join(f".{slug(name)}{{fill:{mark[page]}}}" for name, mark in MARKS.items())
    light = dict(text="#1c1e21", note="#5c6066", page="#fff", grid="#e3e4e6")
    dark = dict(text="#e8e9eb", note="#a2a7ae", page="#16181d", grid="#32363d")
    return STYLE.format(marks=marks, **(light if page == 1 else dark))
