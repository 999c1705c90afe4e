"""The systems that are compared: how each is made and started, and what it cannot do."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE / "target"
WORKLOADS = tuple(f"W{i}" for i in range(1, 9))
NATIVE = {"RUSTFLAGS": "-C target-cpu=native"}
# Otherwise glibc gives fresh activations back to the kernel at every step, and takes them anew.
KEEP_PAGES = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296"}


@dataclass
class System:
    """A library in one of its modes."""

    name: str
    product: str
    program: tuple  # The command before WORKLOAD THREADS SECONDS VARIANT.
    variant: str = "-"
    environment: dict = field(default_factory=dict)
    workloads: tuple = WORKLOADS  # In which this mode differs from the library's first one.
    cannot: dict = field(default_factory=dict)  # Workload to reason.
    notes: dict = field(default_factory=dict)  # Workload to what a reader has to know.
    wrong: dict = field(default_factory=dict)  # Workload to why its figures are known to be others.
    optional: bool = False

    def command(self, workload, threads, seconds):
        """The command line of a cell; one thread is bound to the last core."""
        bound = ["taskset", "-c", str(max(os.sched_getaffinity(0)))] if threads == 1 else []
        return [*bound, *map(str, self.program), workload, str(threads), str(seconds), self.variant]

    def variables(self, threads):
        """The environment of a cell."""
        counts = ("OMP", "MKL", "RAYON", "MATMUL")
        own = {f"{name}_NUM_THREADS": str(threads) for name in counts}
        if self.product == "JAX":
            own["JAX_PLATFORMS"] = "cpu"
            if threads == 1:
                own["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        return os.environ | own | self.environment


def _python(library, script):
    return TARGET / f"venv-{library}" / "bin" / "python", HERE / script


_PYTORCH = _python("pytorch", "with_pytorch.py")
_JAX = _python("jax", "with_jax.py")
_BURN = (TARGET / "peer" / "with-burn",)
_PRODUCT = {"W4": "its sweep begins with ones: the cotangent comes in as a product, one more pass over the output"}
_QUARTER = "the gradient of its max pooling is a quarter of what it has to be; the work is the same"
_UNWRITTEN = "it could; the program here is not written for it"
_NIGHTLY = "its convolutions need nightly Rust"

SYSTEMS = (
    System("tandem", "Tandem", (TARGET / "release" / "with-tandem",)),
    System("pytorch", "PyTorch", _PYTORCH, "eager", KEEP_PAGES),
    System("pytorch-channels-last", "PyTorch", _PYTORCH, "channels-last", KEEP_PAGES, ("W2", "W3", "W4")),
    System("pytorch-compile", "PyTorch", _PYTORCH, "compile", KEEP_PAGES, WORKLOADS[:7], optional=True),
    System("jax", "JAX", _JAX, "unrolled", notes={"W8": "a compiled loop, without a tape"}),
    System("jax-scan", "JAX", _JAX, "scan", workloads=("W6",)),
    System(
        "candle",
        "candle",
        (TARGET / "peer" / "with-candle",),
        notes=_PRODUCT | {"W8": "on a stack of 4 GiB; on the usual one its sweep overflows"},
        wrong=dict.fromkeys(("W2", "W3"), _QUARTER),
    ),
    System("burn-flex", "burn flex", _BURN, "flex", notes=_PRODUCT),
    System("burn-ndarray", "burn ndarray", _BURN, "ndarray", notes=_PRODUCT),
    System(
        "dfdx",
        "dfdx",
        (TARGET / "peer" / "with-dfdx",),
        cannot=dict.fromkeys(("W2", "W3", "W4"), _NIGHTLY) | dict.fromkeys(("W5", "W6"), _UNWRITTEN),
    ),
)


def prepare(systems):
    """Makes what the systems run on: virtual environments and programs."""
    names = {system.product for system in systems}
    if "PyTorch" in names:
        _environment("pytorch", "torch==2.15.0", "numpy")
    if "JAX" in names:
        _environment("jax", "jax==0.10.2")
    if "Tandem" in names:
        _cargo("with-tandem", "--release")
    wide = ["--features", "avx512"] if "avx512f" in Path("/proc/cpuinfo").read_text() else []
    for package, own in {"with-candle": wide, "with-burn": wide, "with-dfdx": []}.items():
        if any(package in str(system.program[0]) for system in systems):
            _cargo(package, "--profile", "peer", *own, variables=NATIVE)


def _environment(library, *packages):
    directory = TARGET / f"venv-{library}"
    if not directory.exists():
        subprocess.run(["python3", "-m", "venv", directory], check=True)
    python = directory / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages], check=True)


def _cargo(package, *arguments, variables=None):
    # Flags of the caller would reach Tandem's build, which is to be the default one.
    clean = {name: value for name, value in os.environ.items() if name != "RUSTFLAGS"}
    command = ["cargo", "build", "--locked", "-p", package, *arguments, "--target-dir", str(TARGET)]
    subprocess.run(command, cwd=HERE, env=clean | (variables or {}), check=True)


def versions():
    """What is compared, by name."""
    found = {"rustc": _output("rustc", "--version").split()[1]}
    found["Tandem"] = _output("git", "-C", str(HERE), "rev-parse", "--short", "HEAD")
    for name, library in (("torch", "pytorch"), ("jax", "jax")):
        python = TARGET / f"venv-{library}" / "bin" / "python"
        if python.exists():
            code = f"import importlib.metadata as m; print(m.version('{name}'))"
            found[name] = _output(str(python), "-c", code)
    lock = (HERE / "Cargo.lock").read_text()
    for name in ("candle-core", "burn", "dfdx"):
        found[name] = lock.split(f'name = "{name}"\nversion = "')[1].split('"')[0]
    return found


def _output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
