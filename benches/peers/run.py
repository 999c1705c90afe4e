#!/usr/bin/env python3
"""Tandem beside other libraries: prepares them, measures them in turn, checks that they compute the same, reports.

    python3 benches/peers/run.py                  # everything; the results stand in benches/peers/results
    python3 benches/peers/run.py --quick          # one short round
    python3 benches/peers/run.py --check-only     # only whether all systems compute the same
    python3 benches/peers/run.py --render         # tables and picture anew from results.json

Python's standard library is all it needs.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import chart
import render
import systems

PATIENCE = 150
# A cell that takes longer than this is measured in the first round alone.
SLOW = 30
# By how much figures may differ from Tandem's, relatively. The chain adds 100,000 products; a library that
# multiplies and adds in one rounding gets another last digit each time.
TOLERANCE = {workload: 1e-4 for workload in systems.WORKLOADS} | {"W8": 2e-3}

# The documents that show the kept results, and whether the table of memory too.
DOCUMENTS = {"README.md": True, "ARCHITECTURE.md": False}


def main():
    """Does what the command line says; the exit code says whether all figures agree that are known to."""
    options = parse()
    if options.render:
        return write(json.loads((options.out / "results.json").read_text()), options.out)
    chosen = [system for system in systems.SYSTEMS if system.name in options.systems]
    systems.prepare(chosen)
    cells = [
        {"system": system.name, "workload": workload, "threads": threads}
        for workload in options.workloads
        for threads in options.threads
        for system in chosen
        if workload in system.workloads
    ]
    by_name = {system.name: system for system in chosen}
    results = {"date": datetime.date.today().isoformat(), "machine": machine(), "versions": systems.versions()}
    for done in range(1, options.rounds + 1):
        for number, cell in enumerate(cells, 1):
            measure(cell, by_name[cell["system"]], options.seconds)
            print(f"round {done}, {number} of {len(cells)}: {said(cell)}", file=sys.stderr, flush=True)
        check(cells)
        # After each round, so that what was measured outlives an interruption.
        if not options.check_only:
            settings = {"rounds": done, "seconds": options.seconds, "tolerance": TOLERANCE}
            results["machine"]["load"] = max(results["machine"].get("load", 0.0), round(os.getloadavg()[2], 1))
            write(results | {"settings": settings, "cells": cells}, options.out)
    off = [cell for cell in cells if cell.get("off")]
    for cell in off:
        print(f"DISAGREES WITH TANDEM: {said(cell)}: {cell['off']}; {cell.get('wrong', 'WHY IS NOT KNOWN')}")
    print(f"{len(off)} of {len(cells)} cells disagree with Tandem's figures")
    return 1 if any("wrong" not in cell for cell in off) else 0


def parse():
    """The command line, with what follows from it."""
    names = [system.name for system in systems.SYSTEMS]
    usual = [system.name for system in systems.SYSTEMS if not system.optional]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", choices=names, default=usual, metavar="NAME", help=", ".join(names))
    parser.add_argument("--workloads", nargs="+", choices=systems.WORKLOADS, default=systems.WORKLOADS, metavar="W")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--rounds", type=int, default=3, help="how often every cell is measured, all in turn")
    parser.add_argument("--seconds", type=float, default=0.7, help="for each cell in each round, after the warm-up")
    parser.add_argument("--quick", action="store_true", help="one round of a fifth of a second")
    parser.add_argument("--check-only", action="store_true", help="compare the figures, measure nothing")
    parser.add_argument("--render", action="store_true", help="tables and picture from results.json")
    parser.add_argument("--out", type=Path, help="folder of the results; a part of the cells does not go to results/")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.2
    if options.check_only:
        options.rounds, options.seconds = 1, 0.0
    whole = set(options.workloads) == set(systems.WORKLOADS) and {1, 2} <= set(options.threads)
    part = options.quick or not whole or not set(usual) <= set(options.systems)
    options.out = options.out or (systems.TARGET if part else systems.HERE) / "results"
    if not options.render and "tandem" not in options.systems:
        options.systems = ["tandem", *options.systems]
    return options


def measure(cell, system, seconds):
    """Runs a cell in a process of its own and adds what it reports."""
    workload = cell["workload"]
    if "cannot" in cell or cell.get("slow"):
        return
    if workload in system.cannot:
        cell["cannot"] = system.cannot[workload]
        return
    for kind, texts in (("note", system.notes), ("wrong", system.wrong)):
        if workload in texts:
            cell[kind] = texts[workload]
    begin = datetime.datetime.now()
    command, variables = system.command(workload, cell["threads"], seconds), system.variables(cell["threads"])
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        cell["cannot"] = f"not done within {PATIENCE} s"
        return
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        cell["cannot"] = f"ends with {done.returncode}: {lines[-1]}"
        return
    report = json.loads(done.stdout.splitlines()[-1])
    cell["figures"] = report["figures"]
    if report["ms"] is not None:
        cell.setdefault("rounds", []).append(report["ms"])
    # Memory is the same in every round but for chance; the largest counts.
    cell["peak"] = max(report["peak"], cell.get("peak", 0.0))
    cell["before"] = report["before"]
    cell["slow"] = (datetime.datetime.now() - begin).total_seconds() > SLOW


def check(cells):
    """Notes in every cell how it differs from Tandem's, if it does by too much."""
    tandem = {(c["workload"], c["threads"]): c["figures"] for c in cells if c["system"] == "tandem"}
    for cell in cells:
        if "figures" not in cell:
            continue
        expected, tolerance = tandem[cell["workload"], cell["threads"]], TOLERANCE[cell["workload"]]
        cell["checked"] = [0, 1, 10][: len(cell["figures"])]
        for at, wanted, found in zip(cell["checked"], expected, cell["figures"]):
            if len(wanted) != len(found) or not all(abs(w - f) <= tolerance * abs(w) for w, f in zip(wanted, found)):
                cell["off"] = f"step {at}: {found} instead of {wanted}"


def machine():
    """What it was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    flags = next((line for line in lines if line.startswith("flags")), "")
    widest = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    return {"processor": name, "vectors": widest, "cores": len(os.sched_getaffinity(0))}


def said(cell):
    """A cell in a line."""
    name = f"{cell['workload']} {cell['threads']} {cell['system']}"
    if "cannot" in cell:
        return f"{name}: cannot: {cell['cannot']}"
    return f"{name}: {render.milliseconds(cell['rounds'][-1])} ms" if cell.get("rounds") else name


def write(results, out):
    """Writes the results and what is drawn from them."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "results.md").write_text(render.markdown(results))
    (out / "results.svg").write_text(chart.svg(results))
    if out.resolve() == systems.HERE / "results":
        for name, with_memory in DOCUMENTS.items():
            document = systems.HERE.parent.parent / name
            document.write_text(render.insert(document.read_text(), render.extract(results, with_memory)))
    print(f"written to {out}")


if __name__ == "__main__":
    sys.exit(main())
