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
    "dfdx": (
        "M-1.1,-.7l.4,-.4l.7,.7l.7,-.7l.4,.4l-.7,.7l.7,.7l-.4,.4l-.7,-.7l-.7,.7l-.4,-.4l.7,-.7z",
        "#5c6066",
        "#a2a7ae",
    ),
}
WIDTH, LEFT, RIGHT, TOP = 840, 312, 700, 124
LANE, GAP = 21, 12
# Multiples from here on stand side by side at the right, without a scale.
CAP = 100
STYLE = (
    "text{{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:{text}}}"
    ".title{{font-size:19px;font-weight:600}}.strong{{font-weight:600}}.note{{fill:{note}}}.page{{fill:{page}}}"
    ".grid{{stroke:{grid}}}.one{{stroke:{note};stroke-width:1.5px}}path{{stroke:{page};stroke-width:.15px}}{marks}"
)


def svg(results):
    """The picture, with a light and a dark look."""
    cells, parts, y = render.best(results), [], TOP
    lanes = [row for row in render.rows(results) if multiples(cells, row)]
    low = min([0.7, *(0.9 * multiple for row in lanes for _, _, multiple in multiples(cells, row))])
    at = lambda multiple: LEFT + (RIGHT - LEFT) * math.log(multiple / low) / math.log(CAP / low)
    for i, row in enumerate(lanes):
        y += GAP if i and lanes[i - 1][0] != row[0] else 0
        parts += lane(cells, row, y, at, named=i == 0 or lanes[i - 1][0] != row[0])
        y += LANE
    height = y + 74
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img" style="max-width: 100%; height: auto">',
            "<title>Tandem beside other libraries</title>",
            f"<style>{look(1)}@media (prefers-color-scheme: dark){{{look(2)}}}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            text(20, 36, "A training step in Tandem and in other libraries", "title"),
            text(20, 58, "Time as a multiple of the fastest library besides Tandem; single precision, no GPU."),
            *legend(),
            text(20, TOP - 16, "Workload", "note"),
            text(184, TOP - 16, "Tandem's step", "note"),
            *axis(at, low, y),
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
    parts.append(text(184, y + 4, f"{threads} · {duration(own)}" if own else threads, "note"))
    parts.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y}" y2="{y}"/>')
    beyond = sorted(multiple for _, _, multiple in multiples(cells, row) if multiple >= CAP)
    for name, time, multiple in multiples(cells, row):
        said = f"{name}: {duration(time)}, {multiple:.2f} times the fastest besides Tandem"
        x = at(multiple) if multiple < CAP else RIGHT + 20 + 17 * beyond.index(multiple)
        parts.append(mark(name, x, y, said))
    return parts


def duration(time):
    """Milliseconds with a fitting unit."""
    return f"{render.milliseconds(time)} ms" if time >= 0.1 else f"{render.milliseconds(1e3 * time)} µs"


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
        parts += [mark(name, x, 81, name), text(x + 11, 85, name)]
        x += 38 + 7.2 * len(name)
    return parts


def axis(at, low, bottom):
    """Grid lines and what they stand for, above and below."""
    parts = []
    for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, CAP):
        if tick >= low:
            kind, x = ("one" if tick == 1 else "grid"), f"{at(tick):.1f}"
            parts.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="{TOP - 10}" y2="{bottom - 8}"/>')
            parts += [text(x, y, f"{tick:g}×", "note", "middle") for y in (TOP - 16, bottom + 8)]
    return [*parts, *(text(RIGHT + 24, y, "more, in order", "note") for y in (TOP - 16, bottom + 8))]


def footing(results, y):
    """How to read it, what has to be known of it, and what it was measured on."""
    cells, absent, notes = render.best(results), {}, ["Left of 1×: faster than every other library."]
    for (workload, threads, name), cell in cells.items():
        if "cannot" in cell and workload not in absent.setdefault(name, []):
            absent[name].append(workload)
        said = f"{name} in {workload}: {cell.get('note')}."
        if "note" in cell and cell.get("ms") == render.fastest_peer(cells, (workload, threads)) and said not in notes:
            notes.append(said)
    missing = [f"Not drawn: {name} in {', '.join(workloads)}." for name, workloads in absent.items()]
    machine = results["machine"]
    made = f"Measured on {results['date']} on {machine['processor']}, {machine['cores']} cores, {machine['vectors']}."
    lines = [" ".join(notes), " ".join([*missing, made])]
    return [text(20, y + 32 + 19 * i, line, "note") for i, line in enumerate(lines)]


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
