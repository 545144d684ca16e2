"""An ECG monitor: samples of an ADC in, an alarm out. The classifier is a part of it like any other Amaranth component."""

from pathlib import Path
from typing import Annotated

import typer
from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw import configurations, verilog
from hw.stream.result import Header
from sw import cli, files
from sw.export import bundle, bundles


class Monitor(wiring.Component):
    """Holds an ADC's sample until the classifier takes it, and looks at the header of every result.

    Ports, beside ``clk`` and ``rst`` (synchronous, active high):
      - ``sample``: 12 bits in two's complement as the ADC gives them, 360 a second; valid in the cycle in which ``strobe`` is high;
      - ``lost``: a sample came while the one before still waited, and replaced it; stays until reset;
      - ``label``: class of the last window, ``labelled``: high for the cycle in which it becomes new;
      - ``alarm``: a window's class was not the first one, normal rhythm; stays until ``clear`` is high;
      - ``no_call``: the last window was a flat line (``label`` is 255; no alarm of its own).

    ``classifier``: a top with the ports of :class:`hw.binary.top.Top`.
    """

    def __init__(self, classifier: wiring.Component):
        self.classifier = classifier
        super().__init__(
            {
                "sample": In(signed(12)),
                "strobe": In(1),
                "clear": In(1),
                "lost": Out(1),
                "label": Out(8),
                "labelled": Out(1),
                "alarm": Out(1),
                "no_call": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.classifier = top = self.classifier
        held, waits = Signal(12), Signal()
        with m.If(top.s_axis_tready):
            m.d.sync += waits.eq(0)
        with m.If(self.strobe):
            m.d.sync += [held.eq(self.sample), waits.eq(1), self.lost.eq(self.lost | (waits & ~top.s_axis_tready))]
        # A window is as many samples as the network takes: TLAST need not say so.
        m.d.comb += [top.s_axis_tdata.eq(Cat(held, held[-1].replicate(4))), top.s_axis_tvalid.eq(waits), top.s_axis_tlast.eq(0)]
        # The first word of a packet is the header; the logits are not looked at here.
        first, header = Signal(init=1), Header(top.m_axis_tdata)
        m.d.comb += top.m_axis_tready.eq(1)
        m.d.sync += self.labelled.eq(0)
        with m.If(self.clear):
            m.d.sync += self.alarm.eq(0)
        with m.If(top.m_axis_tvalid):
            m.d.sync += first.eq(top.m_axis_tlast)
            with m.If(first):
                m.d.sync += [self.label.eq(header.label), self.no_call.eq(header.no_call), self.labelled.eq(1)]
                with m.If((header.label != 0) & ~header.no_call):
                    m.d.sync += self.alarm.eq(1)
        return m


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model of windows on the binary datapath: bnn17 or bnn5")] = "bnn17",
    config: Annotated[str, typer.Option(help="Configuration with one sample a clock")] = "full",
    out: Annotated[str, typer.Option(help="Verilog file to write")] = "build/examples/monitor.v",
) -> None:
    """Write the monitor's Verilog, the module ``monitor``."""
    packed = bundles.read(bundle.locate(model, ""))
    classifier = configurations.top(configurations.parameters(packed, configurations.get(config)))
    text = verilog.convert(Monitor(classifier), "monitor")
    cli.say(str(files.write_bytes(Path(out), text.encode())))


if __name__ == "__main__":
    cli.run(app)
