"""What can be upset in a top: its flip-flops and memories, found in its generated Verilog."""

import re
from dataclasses import dataclass

from sw.errors import PopbeatError

FLIP_FLOPS, CONSTANTS, LOGIC, SAMPLES, NETWORK, ACTIVATIONS, OTHERS = (
    "flip-flops",
    "constants in memory",
    "constants in logic",
    "sample ring",
    "network loaded",
    "activations",
    "other memories",
)
FIXED = (CONSTANTS, LOGIC)  # which nothing rights but a new configuration
KINDS = (FLIP_FLOPS, *FIXED, SAMPLES, NETWORK, ACTIVATIONS, OTHERS)
# Memories of the array by the instance or the name that holds them.
LOADED = re.compile(r"(alphas|channels|passes|program|tables|weights)_memory")
MODULE = re.compile(r"^module (\w+)\(.*?^endmodule", re.S | re.M)
REGISTER = re.compile(r"^ +reg (?:signed )?(?:\[(\d+):0\] )?(\w+)(?: = [^;]+| \[(\d+):0\])?;", re.M)
ASSIGNED = re.compile(r"^ +(?:if \(.*\) |else |else if \(.*\) )*(\w+)(?:\[.*\])? <= ", re.M)


@dataclass(frozen=True)
class Cell:
    """A register of ``bits`` bits, or a memory of ``depth`` such words, in the Verilog's ``module``."""

    module: str
    name: str
    bits: int
    depth: int
    kind: str

    @property
    def size(self) -> int:
        """Bits that can flip."""
        return self.bits * self.depth


def found(verilog: str) -> list[Cell]:
    """All flip-flops and memories of a design. A memory that is never written holds constants; one without a name, which the
    Verilog's writer made of a choice between them, is logic on an FPGA."""
    out = []
    for module in MODULE.finditer(verilog):
        text = module.group()
        written = set(ASSIGNED.findall(text))
        for bits, name, last in REGISTER.findall(text):
            depth = int(last) + 1 if last else 1
            if last or name in written:
                out.append(Cell(module.group(1), name, int(bits or 0) + 1, depth, _kind(module.group(1), name, last, written)))
    if not out:
        raise PopbeatError("the Verilog has neither flip-flops nor memories")
    return out


def _kind(module: str, name: str, last: str, written: set[str]) -> str:
    if not last:
        return FLIP_FLOPS
    if name not in written:
        return LOGIC if name.startswith("_") else CONSTANTS
    if name == "samples" and module.endswith("normaliser"):
        return SAMPLES
    if LOADED.search(module) or LOADED.match(name):
        return NETWORK
    return ACTIVATIONS if "array__memory" in module else OTHERS
