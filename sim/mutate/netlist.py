"""Mutants of a top's generated Verilog, by yosys: listed, and all put into one netlist, where the input ``mutsel`` chooses one.

Yosys draws cells, ports and bits evenly over the design, and for each a mode: a constant 0 or 1 in a bit's place, the bit inverted,
or inverted where another bit of the port is 0 or 1 (``cnot0``, ``cnot1``). Clocks stay as they are.
"""

import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from hw import verilog
from sw import files
from sw.errors import PopbeatError

PORT = "mutsel"
# Processes become cells, each memory is one cell whose contents stay, and bits that nobody uses go: a fault there is none.
READ = "setattr -set keep 1 w:tap_*; proc; opt_expr; opt_clean; opt_dff; memory_collect; wreduce; splitcells; opt_clean"
SPARE = "mutate_spare"
SPARE_CELL = f"""
  wire \\{SPARE}_unread
  cell $not \\{SPARE}
    parameter \\A_SIGNED 0
    parameter \\A_WIDTH 1
    parameter \\Y_WIDTH 1
    connect \\A \\rst
    connect \\Y \\{SPARE}_unread
  end
"""


@dataclass(frozen=True)
class Mutant:
    """A fault: ``mode`` at bit ``portbit`` of a ``port`` of a ``cell`` in a ``module``, with the other bit ``ctrlbit`` of a
    ``cnot`` (else -1); ``source``: where the cell stands in the Verilog. ``number``: the value of ``mutsel``, from 1 on."""

    number: int
    mode: str
    module: str
    cell: str
    port: str
    portbit: int
    ctrlbit: int = -1
    source: str = ""

    @property
    def command(self) -> str:
        """Yosys's command for it."""
        place = f"-module {self.module} -cell {self.cell} -port {self.port} -portbit {self.portbit}"
        return f"mutate -mode {self.mode} {place}" + f" -ctrlbit {self.ctrlbit}" * (self.ctrlbit >= 0)

    @property
    def key(self) -> str:
        """What it is, without its number."""
        return " ".join(map(str, (self.mode, self.module, self.cell, self.port, self.portbit, self.ctrlbit)))


@dataclass(frozen=True)
class Netlist:
    """All mutants in one Verilog ``text``; the numbers of two canaries among them, ``fatal``, which every bench must notice, and
    ``spare``, which changes a wire that nobody reads; ``original``: the netlist without mutants, as RTLIL."""

    text: str
    mutants: tuple[Mutant, ...]
    fatal: int
    spare: int
    original: str


def _parsed(line: str, number: int) -> Mutant:
    fields = dict(re.findall(r" -(mode|module|cell|port|portbit|ctrlbit|src) (\S+)", line))
    source = re.sub(r"^[^:]*:", "", fields.get("src", ""))
    place = fields["module"], fields["cell"], fields["port"], int(fields["portbit"])
    return Mutant(number, fields["mode"], *place, int(fields.get("ctrlbit", -1)), source)


def listed(text: str, name: str, count: int, seed: int, folder: Path) -> list[Mutant]:
    """``count`` mutants of the module ``name`` and what is below it; leaves ``top.il``, the netlist, in ``folder``."""
    (folder / "top.v").write_text(text)
    verilog.yosys(
        f"read_verilog top.v; hierarchy -top {name}; {READ}; write_rtlil top.il; mutate -list {count} -seed {seed} -o list.txt",
        folder,
    )
    lines = [line for line in (folder / "list.txt").read_text().splitlines() if line.startswith("mutate ")]
    drawn = [_parsed(line, number) for number, line in enumerate(lines, start=1)]
    if len({mutant.key for mutant in drawn}) != count:
        raise PopbeatError(f"{name} has {len(drawn)} different mutants, not {count}; ask for fewer")
    return drawn


def make(text: str, name: str, count: int, seed: int) -> Netlist:
    """The netlist of the top ``name`` with ``count`` mutants and both canaries."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        mutants = listed(text, name, count, seed, folder)
        original = (folder / "top.il").read_text()
        fatal = Mutant(count + 1, "const0", name, "sink", "o__valid", 0)
        spare = Mutant(count + 2, "inv", name, SPARE, "Y", 0)
        bits = spare.number.bit_length()
        script = "".join(f"{one.command} -ctrl {PORT} {bits} {one.number}\n" for one in (*mutants, fatal, spare))
        (folder / "apply.ys").write_text(script)
        start = original.index(f"\nmodule \\{name}\n")
        end = original.index("\nend\n", start)
        (folder / "spare.il").write_text(original[:end] + SPARE_CELL + original[end + 1 :])
        verilog.yosys("read_rtlil spare.il; script apply.ys; write_verilog -noattr mutated.v", folder)
        made = (folder / "mutated.v").read_text()
    return Netlist(made[made.index("module ") :], tuple(mutants), fatal.number, spare.number, original)


def stored(text: str, name: str, count: int, seed: int, folder: Path) -> Netlist:
    """The same, kept in ``folder`` and made once."""
    mark = files.sha256(repr((verilog.digest(text), name, count, seed, Path(__file__).read_text())).encode())
    path = folder / "netlist.json"
    if not files.is_marked(path, mark):
        made = make(text, name, count, seed)
        files.write_bytes(folder / "mutated.v", made.text.encode())
        files.write_bytes(folder / "original.il", made.original.encode())
        told = {"mark": mark, "fatal": made.fatal, "spare": made.spare, "mutants": [asdict(one) for one in made.mutants]}
        files.write_json(path, told)
    told = files.read_json(path)
    mutants = tuple(Mutant(**one) for one in told["mutants"])
    texts = (folder / "mutated.v").read_text(), (folder / "original.il").read_text()
    return Netlist(texts[0], mutants, told["fatal"], told["spare"], texts[1])
