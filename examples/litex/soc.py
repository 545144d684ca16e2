"""A LiteX SoC with the classifier: its generated Verilog as an ``Instance``, samples and results as stream endpoints, results and
status in CSRs. It has no CPU: a host reads the CSRs over AXI4-Lite; put in a CPU by LiteX's own options."""

from pathlib import Path
from typing import Annotated

import typer
from litex.build.generic_platform import Pins, Subsignal
from litex.build.io import CRG
from litex.build.sim import SimPlatform
from litex.gen import LiteXModule
from litex.soc.integration.export import get_csr_json
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import stream
from litex.soc.interconnect.axi import AXILiteInterface
from litex.soc.interconnect.csr import CSR, CSRField, CSRStatus
from migen import ClockSignal, If, Instance, ResetSignal, Signal

from hw import configurations, generate
from sw import cli, files
from sw.export import bundle, bundles

DEPTH = 64  # words of results that wait at most
CLOCK_HZ = 50_000_000


class Classifier(LiteXModule):
    """The module ``name`` of popbeat's Verilog file ``verilog``. ``sink``: raw samples (``data``, 16 bits, the sample in the lower
    12); ``source``: words of results (``data``, 32 bits; ``last`` with a packet's last one)."""

    def __init__(self, platform, verilog: Path, name: str):
        self.sink = sink = stream.Endpoint([("data", 16)])
        self.source = source = stream.Endpoint([("data", 32)])
        self.specials += Instance(
            name,
            i_clk=ClockSignal("sys"),
            i_rst=ResetSignal("sys"),
            i_s_axis_tdata=sink.data,
            i_s_axis_tvalid=sink.valid,
            i_s_axis_tlast=sink.last,
            o_s_axis_tready=sink.ready,
            o_m_axis_tdata=source.data,
            o_m_axis_tvalid=source.valid,
            o_m_axis_tlast=source.last,
            i_m_axis_tready=source.ready,
        )
        platform.add_source(str(verilog))


class Ecg(LiteXModule):
    """The classifier with a queue of results in CSRs. ``sink``: raw samples, as of :class:`Classifier`.

    CSRs: ``label``, the header of the last window; ``windows``, how many there were; ``level``, words of results that wait;
    ``result``, the next of them, and whether it ends its packet; a write to ``next`` takes it.
    """

    def __init__(self, platform, verilog: Path, name: str, depth: int = DEPTH):
        self.classifier = classifier = Classifier(platform, verilog, name)
        self.queue = queue = stream.SyncFIFO([("data", 32)], depth, buffered=True)
        self.sink = classifier.sink
        self.label = CSRStatus(
            fields=[
                CSRField("number", size=16, description="Number of the last window."),
                CSRField("label", size=8, description="Its class; 255: no call."),
                CSRField("no_call", size=1, description="It was a flat line."),
            ]
        )
        self.windows = CSRStatus(32, description="Windows since reset, modulo 2^32.")
        self.level = CSRStatus(
            fields=[
                CSRField("words", size=16, description="Words of results that wait."),
                CSRField("last", size=1, description="The next of them ends its packet."),
            ]
        )
        self.result = CSRStatus(32, description="The next word that waits.")
        self.next = CSR()
        self.comb += [
            classifier.source.connect(queue.sink),
            self.level.fields.words.eq(queue.level),
            self.level.fields.last.eq(queue.source.valid & queue.source.last),
            self.result.status.eq(queue.source.data),
            queue.source.ready.eq(self.next.re),
        ]
        first, header = Signal(reset=1), Signal(25)
        self.comb += [
            self.label.fields.number.eq(header[:16]),
            self.label.fields.label.eq(header[16:24]),
            self.label.fields.no_call.eq(header[24]),
        ]
        self.sync += If(
            classifier.source.valid & classifier.source.ready,
            first.eq(classifier.source.last),
            If(first, header.eq(classifier.source.data), self.windows.status.eq(self.windows.status + 1)),
        )


class EcgSoC(SoCMini):
    """Pads: ``sys_clk``, ``sys_rst``; ``ecg_*``, raw samples as AXI4-Stream; ``bus_*``, the host's AXI4-Lite, 32 bits."""

    def __init__(self, verilog: Path, name: str):
        host = AXILiteInterface(data_width=32, address_width=32)
        pads = [("sys_clk", 0, Pins(1)), ("sys_rst", 0, Pins(1)), *host.get_ios("bus")]
        ecg = ("tdata", 16), ("tvalid", 1), ("tready", 1), ("tlast", 1)
        pads.append(("ecg", 0, *(Subsignal(part, Pins(width)) for part, width in ecg)))
        platform = SimPlatform("SIM", pads)
        self.crg = CRG(platform.request("sys_clk"), platform.request("sys_rst"))
        SoCMini.__init__(self, platform, CLOCK_HZ, bus_standard="axi-lite")
        self.bus.add_master("host", master=host)
        self.comb += host.connect_to_pads(platform.request("bus"), mode="slave")
        self.ecg = Ecg(platform, verilog, name)
        samples, sink = platform.request("ecg"), self.ecg.sink
        self.comb += [
            sink.data.eq(samples.tdata),
            sink.valid.eq(samples.tvalid),
            sink.last.eq(samples.tlast),
            samples.tready.eq(sink.ready),
        ]


def write(design: generate.Design, folder: Path) -> Path:
    """Write the SoC around a generated classifier, ``soc.v``, and the addresses of its CSRs, ``csr.json``, into ``folder``; returns
    the former. The classifier's own Verilog stays where it is."""
    soc = EcgSoC(design.verilog, design.name)
    soc.finalize()
    text = str(soc.platform.get_verilog(soc, name="soc"))
    files.write_bytes(folder / "csr.json", get_csr_json(soc.csr_regions, soc.constants, soc.mem_regions).encode())
    return files.write_bytes(folder / "soc.v", text.encode())


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model of windows on the binary datapath: bnn17 or bnn5")] = "bnn17",
    config: Annotated[str, typer.Option(help="Configuration with one sample a clock")] = "full",
    out: Annotated[str, typer.Option(help="Folder to write to")] = "build/examples/litex",
) -> None:
    """Write the classifier's Verilog, the SoC's, and the addresses of its CSRs."""
    packed = bundles.read(bundle.locate(model, ""))
    design = generate.generate(packed, configurations.get(config), Path(out))
    cli.say(f"{design.verilog}\n{write(design, Path(out))}")


if __name__ == "__main__":
    cli.run(app)
