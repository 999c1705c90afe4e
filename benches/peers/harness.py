"""What the programs in Python share: the numbers from which all systems start, the clock and the report.

The same as the crate `harness` for Rust: a program is started as `program WORKLOAD THREADS SECONDS [VARIANT]`
and prints one line of JSON.
"""

import gc
import json
import math
import time

import numpy as np

COMPARED = (0, 1, 10)
PATIENCE = 20.0


def number(s, i):
    """Numbers `i` of stream `s`: uniform in [-1, 1), and exact in float32."""
    with np.errstate(over="ignore"):
        z = (np.uint64((s << 32) + 1) + i) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0


def inputs(shape, s, factor=1.0):
    """An array with the first numbers of a stream, times a factor."""
    array = np.empty(math.prod(shape), np.float32)
    # In pieces, so that the wide integers in between do not count as the library's memory.
    for begin in range(0, array.size, 1 << 16):
        i = np.arange(begin, min(begin + (1 << 16), array.size), dtype=np.uint64)
        array[begin : begin + (1 << 16)] = number(s, i) * factor
    return array.reshape(shape)


def weight(shape, s):
    """A weight whose last axis is the outputs: a stream times the root of 3 / fan-in."""
    return inputs(shape, s, math.sqrt(3.0 / math.prod(shape[:-1])))


def labels(n):
    """Classes for `n` examples."""
    return (7 * np.arange(n) + 3) % 10


def memory(key):
    """A line of this process's status, in mebibytes."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key))


def run(seconds, before, step):
    """Repeats the step and prints the report; `before` is the memory before the workload was built."""
    gc.collect()
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")  # Makes the kernel forget the peak so far.
    figures, start, i = [], time.perf_counter(), 0
    while True:
        elapsed = time.perf_counter() - start
        if i > 0 and (elapsed > PATIENCE or (i > COMPARED[-1] and elapsed > seconds / 4)):
            break
        found = step()
        if i in COMPARED:
            figures.append([float(figure) for figure in found])
        i += 1
    times, start = [], time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds or len(times) < 10:
        if seconds == 0 or elapsed > PATIENCE:
            break
        begin = time.perf_counter()
        step()
        times.append((time.perf_counter() - begin) * 1e3)
    times.sort()
    at = lambda share: times[int(len(times) * share)] if times else None
    report = {"figures": figures, "ms": at(0.5), "p10": at(0.1), "p90": at(0.9), "steps": len(times)}
    print(json.dumps(report | {"before": round(before, 2), "peak": round(memory("VmHWM"), 2)}))
