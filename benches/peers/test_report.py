"""That what is reported is what was measured: `python3 -m unittest discover benches/peers`."""

import json
import unittest
from xml.etree import ElementTree

import chart
import render
import run
import systems

RESULTS = systems.HERE / "results"


def cell(system, ms, **more):
    """A measured cell of W1 on one thread."""
    figures = {"figures": [[2.0], [1.9], [1.0]], "rounds": [2 * ms, ms, 0.5 * ms], "peak": 9.0, "before": 3.0}
    return {"system": system, "workload": "W1", "threads": 1} | figures | more


class Report(unittest.TestCase):
    """Small results whose report is known, and the results that are kept."""

    def test_the_fastest_mode_counts_and_what_fails_is_said(self):
        cells = [cell("tandem", 2.0), cell("pytorch", 5.0), cell("pytorch-compile", 4.0), cell("jax", 8.0)]
        cells.append({"system": "dfdx", "workload": "W1", "threads": 1, "cannot": "no reason"})
        table = render.times({"cells": cells}, render.Notes())
        row = [column.strip() for column in table[2].strip("|").split("|")]
        libraries = ["2.00", "**4.00**", "8.00", "not run", "not run", "not run", "cannot (1)"]
        self.assertEqual(row, ["W1", "1", *libraries, "0.50", "0.50"])

    def test_other_figures_are_found_out(self):
        cells = [cell("tandem", 2.0), cell("jax", 1.0, figures=[[2.0], [1.901]])]
        cells.append(cell("candle", 1.0, figures=[[2.0001]]))
        run.check(cells)
        self.assertEqual(["off" in cell for cell in cells], [False, True, False])
        self.assertEqual(cells[1]["off"], "step 1: [1.901] instead of [1.9]")

    def test_the_kept_tables_and_picture_are_those_of_the_kept_results(self):
        results = json.loads((RESULTS / "results.json").read_text())
        self.assertEqual((RESULTS / "results.md").read_text(), render.markdown(results))
        self.assertEqual((RESULTS / "results.svg").read_text(), chart.svg(results))
        ElementTree.fromstring(chart.svg(results))
        for name, with_memory in run.DOCUMENTS.items():
            document = (systems.HERE.parent.parent / name).read_text()
            self.assertEqual(document, render.insert(document, render.extract(results, with_memory)), name)


if __name__ == "__main__":
    unittest.main()
