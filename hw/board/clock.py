"""A faster clock from a board's oscillator."""

from dataclasses import dataclass

from amaranth.hdl import Const, Instance, Signal

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


# Of the iCE40's oscillator, in MHz (Lattice FPGA-DS-02008, section 4.12).
ICE40_VCO_MHZ = (533, 1066)


@dataclass(frozen=True)
class Ice40Pll:
    """iCE40's PLL: ``from_mhz`` to ``to_mhz``. ``pad``: the clock comes in at the PLL's own pin, which then leads nowhere else."""

    from_mhz: int
    to_mhz: int
    pad: bool

    def __post_init__(self):
        _ = self.factors

    @property
    def factors(self) -> tuple[int, int]:
        """Multiplier, and the power of two that divides; the reference is not divided."""
        for power in range(6, 0, -1):
            vco = self.to_mhz << power
            if vco % self.from_mhz == 0 and ICE40_VCO_MHZ[0] <= vco <= ICE40_VCO_MHZ[1] and vco // self.from_mhz <= 128:
                return vco // self.from_mhz, power
        raise PopbeatError(f"a clock of {self.to_mhz} MHz can't be had from the board's {self.from_mhz} MHz; take 24")

    def instance(self, clock: Signal, out: Signal, locked: Signal) -> Instance:
        """The block."""
        multiplier, power = self.factors
        source = {"i_PACKAGEPIN" if self.pad else "i_REFERENCECLK": clock}
        return Instance(
            "SB_PLL40_PAD" if self.pad else "SB_PLL40_CORE",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(0, 4),
            p_DIVF=Const(multiplier - 1, 7),
            p_DIVQ=Const(power, 3),
            p_FILTER_RANGE=Const(1, 3),  # for a reference of 10 to 17 MHz
            **source,
            i_RESETB=Const(1, 1),
            i_BYPASS=Const(0, 1),
            o_PLLOUTGLOBAL=out,
            o_LOCK=locked,
        )
