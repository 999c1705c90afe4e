"""Results as tables in Markdown. The picture of the same is in `chart.py`."""

import math
import statistics

import systems

WORKLOADS = {
    "W1": "perceptron 784-256-128-10, batch 64",
    "W2": "LeNet, batch 64",
    "W3": "four convolutions and two linear layers, batch 32 of 3×32×32",
    "W4": "one convolution 64→64, 3×3, 16 images of 56×56",
    "W5": "two perceptrons as W1, coupled by 0.01 ‖wA − wB‖²",
    "W6": "tanh RNN, 64 steps with shared weights, batch 32",
    "W7": "perceptron 2-16-16-1, batch 1",
    "W8": "scalar chain, 100,000 × (multiply, add), shared w and b",
}
LIBRARIES = tuple(dict.fromkeys(system.product for system in systems.SYSTEMS))
LIBRARY = {system.name: system.product for system in systems.SYSTEMS}
VARIANT = {system.name: system.variant for system in systems.SYSTEMS}


def milliseconds(value):
    """Three digits, and no more than whole numbers above."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def best(results):
    """The cell that counts for each workload, threads and library: that of its fastest mode."""
    found = {}
    for cell in results["cells"]:
        if "rounds" in cell:
            cell = cell | {"ms": statistics.median(cell["rounds"]), "quietest": min(cell["rounds"])}
        key = cell["workload"], cell["threads"], LIBRARY[cell["system"]]
        if key not in found or cell.get("ms", math.inf) < found[key].get("ms", math.inf):
            found[key] = cell
    return found


def rows(results):
    """Workloads and threads in order."""
    return list(dict.fromkeys((cell["workload"], cell["threads"]) for cell in results["cells"]))


def fastest_peer(cells, row, key="ms"):
    """The milliseconds of the fastest other library, if there is one."""
    times = [cells[*row, name].get(key) for name in LIBRARIES[1:] if (*row, name) in cells]
    return min((time for time in times if time), default=None)


def ratio(cells, row, key):
    """Tandem's milliseconds as a multiple of the fastest other library's."""
    own, peer = cells.get((*row, "Tandem"), {}).get(key), fastest_peer(cells, row, key)
    return f"{own / peer:.2f}" if own and peer else "–"


class Notes:
    """What is said below a table, each thing once."""

    def __init__(self):
        self.texts = []

    def mark(self, text):
        """The number of a note."""
        if text not in self.texts:
            self.texts.append(text)
        return f"({self.texts.index(text) + 1})"

    def lines(self):
        """The notes in order."""
        return [f"{i}. {text[0].upper()}{text[1:]}." for i, text in enumerate(self.texts, 1)]


def table(head, body):
    """A table in Markdown; columns after the first two are numbers."""
    rule = ["---", "---:"] + ["---:"] * (len(head) - 2)
    return ["| " + " | ".join(line) + " |" for line in [head, rule, *body]]


def times(results, notes):
    """Milliseconds of every library, and Tandem's against the fastest of the others."""
    cells, body = best(results), []
    for row in rows(results):
        line, peer = [row[0], str(row[1])], fastest_peer(cells, row)
        for name in LIBRARIES:
            line.append(time_of(cells.get((*row, name)), name, peer, notes))
        body.append([*line, ratio(cells, row, "ms"), ratio(cells, row, "quietest")])
    return table(["ms a step", "threads", *LIBRARIES, "Tandem / fastest peer", "in quietest rounds"], body)


def time_of(cell, name, peer, notes):
    """What stands in the table for a cell."""
    if cell is None:
        return "not run"
    note = lambda kind: notes.mark(cell[kind])
    if "cannot" in cell:
        return f"cannot {note('cannot')}"
    said = milliseconds(cell["ms"])
    said = f"**{said}**" if cell["ms"] == peer and name != "Tandem" else said
    said += f" {note('note')}" if "note" in cell else ""
    return f"{said} wrong {note('wrong' if 'wrong' in cell else 'off')}" if "off" in cell else said


def memory(results):
    """Peak resident memory of the fastest mode, and what there was before the workload was built."""
    cells, body = best(results), []
    for row in rows(results):
        line = [row[0], str(row[1])]
        for name in LIBRARIES:
            cell = cells.get((*row, name), {})
            line.append(f"{cell['peak']:.0f} ({cell['before']:.0f})" if "peak" in cell else "–")
        body.append(line)
    return table(["peak MiB", "threads", *LIBRARIES], body)


def modes(results):
    """The libraries that were measured in several modes, mode by mode."""
    kept = [name for name in LIBRARY if sum(LIBRARY[name] == other for other in LIBRARY.values()) > 1]
    times = {(c["workload"], c["threads"], c["system"]): c.get("rounds") for c in results["cells"]}
    kept = [name for name in kept if any(key[2] == name for key in times)]
    body = []
    for row in rows(results):
        rounds = [times.get((*row, name)) for name in kept]
        line = [statistics.median(of_mode) if of_mode else None for of_mode in rounds]
        if sum(time is not None for time in line) > 1:
            body.append([row[0], str(row[1]), *(milliseconds(time) if time else "–" for time in line)])
    return table(["ms a step", "threads", *(f"{LIBRARY[name]} {VARIANT[name]}" for name in kept)], body)


def conditions(results):
    """When, on what and how it was measured, in lines."""
    machine, settings = results["machine"], results["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['vectors']}"
    rounds = "one round" if settings["rounds"] == 1 else f"the median of {settings['rounds']} rounds' medians"
    checked = sum("checked" in cell for cell in results["cells"])
    off = sum("off" in cell for cell in results["cells"])
    busy = f"**Other programs ran beside it: a load of {machine['load']:g}. On two threads most of all it shows.**"
    return [
        f"Measured on {results['date']} on {where}, with",
        f"{versions}.",
        f"Each figure is {rounds} of {settings['seconds']} s; of several modes of a library the fastest counts.",
        "The last column compares the lowest medians: where it says something else, the machine was busy.",
        f"{checked - off} of {checked} cells compute Tandem's figures, to a relative "
        f"{settings['tolerance']['W1']:g} (W8: {settings['tolerance']['W8']:g}).",
        *([busy] if machine["load"] > machine["cores"] else []),
    ]


def markdown(results):
    """Everything in tables."""
    notes = Notes()
    main = times(results, notes)
    return "\n".join(
        [
            "# Tandem beside other libraries",
            "",
            *conditions(results),
            "",
            *main,
            "",
            *notes.lines(),
            "",
            *(f"- {name}: {text}." for name, text in WORKLOADS.items()),
            "",
            "## Memory",
            "",
            "The height of the steps; in brackets what the process held before the workload was built.",
            "",
            *memory(results),
            "",
            "## Modes",
            "",
            *modes(results),
            "",
        ]
    )


def extract(results, with_memory):
    """What other documents show of it."""
    notes = Notes()
    main = [*conditions(results), "", *times(results, notes), ""]
    numbered = notes.lines()
    return "\n".join([*main, *numbered, *(["", *memory(results)] if with_memory else [])])


BEGIN, END = "<!-- from benches/peers/results -->", "<!-- to here -->"


def insert(document, text):
    """The document with this text between the two marks."""
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"
