"""What a whole top offers: AXI4-Stream and AXI4-Lite outputs, and frames on a host's line, stay until they are taken, whatever goes
on behind them."""

from collections.abc import Callable

from amaranth.hdl import Cat
from amaranth.lib import wiring

from hw.axilite import registers
from hw.axilite.top import AxiLiteTop, classifier
from hw.link import host
from hw.qrs.top import QrsTop
from hw.stream import skid
from sim.prove.faults import Fault
from sim.prove.scene import Property, Scene
from sim.prove.scoreboard import stays
from sw.export import bundle, bundles
from sw.qrs.detector import PARAMS

# Its output register taken for free while the consumer is not ready: under a second sample the first is gone.
SPOILED = Fault(skid, "with m.If(self.o.ready | ~valid):", "with m.If(self.o.ready | ~valid | self.i.valid):")


def wrapped(model: str, config: str):
    """The classifier of a shipped bundle in a configuration."""
    return classifier(bundles.read(bundle.locate(model, None)), config)


def _inputs(top: wiring.Component) -> list:
    return [value for _, member, value in top.signature.flatten(top) if member.flow == wiring.In]


def packets_stay(make: Callable[[], wiring.Component]) -> Callable[[Scene], None]:
    """``m_axis`` of a top of which only the last buffer is kept."""

    def build(scene: Scene) -> None:
        top = make()
        scene.add(top, keep=("sink",))
        scene.drive(*_inputs(top))
        last = [top.m_axis_tlast] if hasattr(top, "m_axis_tlast") else []
        stays(scene, top.m_axis_tvalid, top.m_axis_tready, Cat(top.m_axis_tdata, *last))

    return build


def answers_stay(make: Callable[[], wiring.Component]) -> Callable[[Scene], None]:
    """R and B of a top with registers, of which only these are kept."""

    def build(scene: Scene) -> None:
        top = make()
        scene.add(top, keep=("registers",))
        scene.drive(*_inputs(top))
        stays(scene, top.s_axil_rvalid, top.s_axil_rready, Cat(top.s_axil_rdata, top.s_axil_rresp), "r")
        stays(scene, top.s_axil_bvalid, top.s_axil_bready, top.s_axil_bresp, "b")

    return build


def frames_stay(scene: Scene) -> None:
    """The host link among parts that do anything: what it gives its sender of a frame."""
    link = host.HostLink(divisor=4)
    inside = scene.add(link, keep=())
    scene.drive(*_inputs(link))
    valid, head, answers = inside["head__valid"], inside["head__payload"], inside.state("ANSWER", "fsm_state:1")
    # Between two frames there is a cycle without one.
    scene.claim(~valid | ~scene.before(valid, "was_valid") | (head == scene.before(head, "head_before")))
    byte = inside["i__payload:2"]  # of the sender: what an answer says
    scene.claim(~answers | ~scene.before(answers, "were_answers") | (byte == scene.before(byte, "byte_before")))
    # A packet that is sent is whole, and no further one comes into its place.
    scene.claim(~inside.state("RESULT", "fsm_state:1") | ~link.results.ready)


def _with_registers(model: str, config: str) -> AxiLiteTop:
    inner = wrapped(model, config)
    return AxiLiteTop(inner.top, inner.words)


# Every kind of top, as it is shipped.
SHIPPED = (
    ("bnn17", "full"),
    ("bnn17", "half"),
    ("bnn17", "double"),
    ("bnn17", "tiny"),
    ("bnnbeat5", "full"),
    ("bnnbeat5", "record"),
    ("alq17", "mac128"),
    ("alq17", "mac32"),
    ("lamscn17", "mac128l"),
    ("gasf5", "record"),
)
REGISTERS = (("bnn17", "full"), ("alq17", "mac32"), ("gasf5", "record"))

PROPERTIES = (
    *(
        Property(
            f"top {model} {config}: stays",
            f"m_axis of the top of {model}, {config}: what is offered stays, unchanged, until it is taken",
            packets_stay(lambda model=model, config=config: wrapped(model, config).top),
            (SPOILED,),
            depth=4,
            quick=(model, config) == ("bnn17", "tiny"),
        )
        for model, config in SHIPPED
    ),
    Property(
        "top of the QRS detector: stays",
        "m_axis of the QRS detector alone: what is offered stays, unchanged, until it is taken",
        packets_stay(lambda: QrsTop(PARAMS)),
        (SPOILED,),
        depth=4,
    ),
    *(
        Property(
            f"top {model} {config} with registers: stays",
            f"AXI4-Lite of the top of {model}, {config}: answers of both kinds stay, unchanged, until they are taken",
            answers_stay(lambda model=model, config=config: _with_registers(model, config)),
            (
                Fault(registers, "with m.Elif(~self.s_axil_rvalid):", "with m.Elif(~self.s_axil_rvalid | self.s_axil_awvalid):"),
                Fault(registers, "with m.If(self.s_axil_bvalid & self.s_axil_bready):", "with m.If(self.s_axil_bvalid):"),
            ),
            depth=6,
        )
        for model, config in REGISTERS
    ),
    Property(
        "host link: frames stay",
        "A frame that the host link has begun to send ends as it began: no restart, refusal or later answer changes its head, or "
        "what an answer says",
        frames_stay,
        (
            Fault(host, "sender.head.payload.eq(sent),", "sender.head.payload.eq(answer),"),
            Fault(host, "sender.i.payload.eq(sent_code),", "sender.i.payload.eq(code),"),
            Fault(host, "with m.If(self.restart & ~sending):", "with m.If(self.restart):"),
        ),
        depth=4,
        reach=40,
        quick=True,
    ),
)
