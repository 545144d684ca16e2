"""The post-processing's clip, written for the clock's sake, proved equal to rounding and saturation by yosys' SAT solver."""

import pytest
from amaranth.hdl import Module, Mux, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.mac.clip import clipped
from hw.stream.rounding import halve_round, saturate
from sw.errors import PopbeatError
from sw.export.array.program import LOGIT_BITS, LOGITS, TOTAL_BITS, UNSIGNED
from tests.hw.mac.proofs import prove


class Clip(wiring.Component):
    """The post-processing's clip alone, or rounding and saturation after each other."""

    value: In(signed(TOTAL_BITS + 1))
    kind: In(2)
    result: Out(signed(LOGIT_BITS))

    def __init__(self, plain: bool, logits: int = LOGITS):
        self.plain, self.logits = plain, logits
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        rounded = halve_round(self.value)
        low = Mux(rounded < 0, 0, Mux(rounded > 255, 255, rounded[:8]))
        other = Mux(self.kind == UNSIGNED, low, saturate(rounded, 8))
        plain = Mux(self.kind == self.logits, saturate(rounded, LOGIT_BITS), other)
        m.d.comb += self.result.eq(plain if self.plain else clipped(self.value, self.kind))
        return m


def test_the_clip_is_rounding_and_saturation(tmp_path):
    prove(tmp_path, Clip(plain=True), Clip(plain=False))
    with pytest.raises(PopbeatError, match="proof did fail"):
        prove(tmp_path, Clip(plain=True, logits=UNSIGNED), Clip(plain=False))
