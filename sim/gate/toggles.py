"""Toggles of a netlist's nets on real windows: how two foldings' switching compares, and no energy in joules.

Every net counts once, whatever its length and load; clock and memories' insides are left out. So the figure ranks foldings of one
network on one device family and says nothing else.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.fpga import flow
from hw.verilog import yosys
from sim import compare, verilator
from sim.bulk.runner import COMMON
from sim.gate.cells import source_of
from sw import files
from sw.errors import PopbeatError

PROGRAM = Path(__file__).with_name("toggles.cpp")
NET = re.compile(r"\((\S+) \(T0 .*\(TC (\d+)\)\)")


@dataclass(frozen=True)
class Toggles:
    """``nets`` that were watched, their ``toggles`` a window on average, and ``words``, the beats of the results."""

    nets: int
    toggles: int
    words: np.ndarray


def count(netlist: flow.Netlist, top: str, samples: np.ndarray, beat: int, folder: Path) -> Toggles:
    """Run windows ``int16[n, window]`` back to back through a netlist that takes ``beat`` samples at once."""
    folder.mkdir(parents=True, exist_ok=True)
    # One name a net: what is only another name for it is dropped. And a short one: Verilator stumbles over traced names so long
    # that it hashes them.
    (folder / "netlist.json").write_bytes(netlist.json.read_bytes())
    script = "opt_clean -purge; rename -hide; rename -enumerate -pattern n%"
    yosys(f"read_json netlist.json; {script}; write_verilog -noattr named.v", folder)
    (folder / "netlist.json").unlink()
    source = source_of(flow.Netlist(netlist.json, folder / "named.v", netlist.cells), folder)
    sources = {
        "netlist.v": source.read_text(),
        "toggles.cpp": PROGRAM.read_text(),
        "common.h": COMMON.read_text(),
        "config.h": f"#define POPBEAT_WINDOW {samples.shape[1]}\n#define POPBEAT_BEAT {beat}\n",
    }
    program = verilator.program(sources, top, folder, "-O0", ("--trace-saif", "--trace-depth", "1"))
    windows = files.write_bytes(folder / "windows.i16", np.ascontiguousarray(samples, dtype="<i2").tobytes())
    command = [str(program), str(windows), str(len(samples)), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise PopbeatError(f"the netlist of {top} stopped: {done.stderr.strip() or done.returncode}")
    seen = read(folder / "toggles.saif", top)
    return Toggles(len(seen), round(sum(seen.values()) / len(samples)), np.fromfile(folder / "results.u32", "<u4"))


def read(path: Path, top: str) -> dict[str, int]:
    """Toggles of each net of ``top`` in a SAIF file (bits of a vector by themselves), the clock left out."""
    inside = path.read_text().partition(f"(INSTANCE {top}\n")[2].partition("(INSTANCE")[0]
    counts = {match[1]: int(match[2]) for match in NET.finditer(inside)}
    counts.pop("clk", None)
    if not counts:
        raise PopbeatError(f"{path} holds no net of {top}: Verilator wrote another SAIF than is read here")
    return counts


def check_results(words: np.ndarray, logits: np.ndarray) -> None:
    """Raise unless the packets hold these logits ``int64[n, classes]``."""
    packets = words.reshape(len(logits), -1)
    compare.equal("logits of the netlist", packets[:, 1:].astype(np.int32).astype(np.int64), logits)
