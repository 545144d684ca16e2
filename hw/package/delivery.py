"""What ``make verilog`` writes beside a Verilog file: bench with vectors, assertions, waivers, a FuseSoC core."""

from dataclasses import dataclass
from pathlib import Path

from hw.package import bench, templates
from sw import files


@dataclass(frozen=True)
class Packet:
    """A result's packet: so many ``beats``, always (``exact``) or at most; ``placed``: a position is behind the logits."""

    beats: int
    exact: bool = True
    placed: bool = False


@dataclass(frozen=True)
class Top:
    """What a bench and assertions have to know of a generated top: ``verilog`` (its file), ``what`` it is, its ``packet``;
    ``patience``: cycles without a result that are too many for a bench; ``at_once``: samples of a beat of ``s_axis``; ``window``:
    beats of a window, None where samples come without end or the loaded network decides; ``framed``: ``s_axis`` has TLAST."""

    verilog: Path
    what: str
    packet: Packet
    patience: int
    at_once: int = 1
    window: int | None = None
    framed: bool = True

    @property
    def name(self) -> str:
        """The module, and what all files begin with."""
        return self.verilog.stem


def assertions(top: Top) -> str:
    """SystemVerilog assertions that bind themselves to the top."""
    whole = f"place == 16'd{top.packet.beats - 1}"
    ends = f"sample == 16'd{top.window - 1}" if top.window else "1'b1"
    return templates.fill(
        "assertions.sv",
        name=top.name,
        sample_top=16 * top.at_once - 1,
        s_last="\n  input wire s_axis_tlast," if top.framed else "",
        s_beat="{s_axis_tdata, s_axis_tlast}" if top.framed else "s_axis_tdata",
        also=", then the R peak's position" if top.packet.placed else "",
        length=f"m_axis_tlast == ({whole})" if top.packet.exact else f"m_axis_tlast || place < 16'd{top.packet.beats - 1}",
        units="windows" if top.window else "samples",
        ends=ends,
        restarts="(ends || s_axis_tlast)" if top.framed else "ends",
    )


def core(top: Top, vectors: list[Path]) -> str:
    """A FuseSoC core with the targets lint, sim (Icarus) and sim_verilator."""
    listed = "\n".join(f"      - {path.name}: {{file_type: user, copyto: {path.name}}}" for path in vectors)
    return templates.fill("fusesoc.core", name=top.name, version=files.project()["version"], what=top.what, vectors=listed)


def write(top: Top, vectors: bench.Vectors) -> list[Path]:
    """Write all of it into the folder of the Verilog file, every file called after the module. Returns the files."""
    stem = top.verilog.with_suffix("")
    benches = bench.write(stem, vectors, top.at_once, top.patience)
    texts = {
        "_sva.sv": assertions(top),
        "_waivers.vlt": (templates.FOLDER / "waivers.vlt").read_text(),
        ".core": core(top, benches[1:]),
    }
    return [*benches, *(files.write_bytes(stem.with_name(top.name + end), text.encode()) for end, text in texts.items())]
