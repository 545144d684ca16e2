"""A faster clock from a board's oscillator."""

from dataclasses import dataclass

from amaranth.hdl import Instance, Signal

from sw.errors import PopbeatError

# Of the ECP5's oscillator, in MHz (Lattice FPGA-DS-02012, section 3.19).
VCO_MHZ = (400, 800)


@dataclass(frozen=True)
class Pll:
    """ECP5's EHXPLLL: ``from_mhz`` to ``to_mhz``, a whole multiple of it."""

    from_mhz: int
    to_mhz: int

    def __post_init__(self):
        if self.to_mhz % self.from_mhz or not 10 <= self.to_mhz <= VCO_MHZ[1] // 2:
            raise PopbeatError(
                f"a clock of {self.to_mhz} MHz can't be had; take a multiple of the board's {self.from_mhz} MHz, up to 400"
            )

    @property
    def divider(self) -> int:
        """From the oscillator to the output."""
        return (sum(VCO_MHZ) // 2) // self.to_mhz

    def instance(self, clock: Signal, out: Signal, locked: Signal) -> Instance:
        """The block; its output is what it feeds back."""
        return Instance(
            "EHXPLLL",
            p_CLKI_DIV=1,
            p_CLKFB_DIV=self.to_mhz // self.from_mhz,
            p_CLKOP_DIV=self.divider,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_CPHASE=self.divider - 1,
            p_FEEDBK_PATH="CLKOP",
            p_PLLRST_ENA="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            a_FREQUENCY_PIN_CLKI=str(self.from_mhz),
            a_FREQUENCY_PIN_CLKOP=str(self.to_mhz),
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            i_CLKI=clock,
            i_CLKFB=out,
            i_RST=0,
            i_STDBY=0,
            o_CLKOP=out,
            o_LOCK=locked,
        )
