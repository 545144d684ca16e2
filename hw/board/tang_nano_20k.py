"""Sipeed's Tang Nano 20K, which amaranth-boards does not have: the pins that popbeat uses, as litex-boards'
``sipeed_tang_nano_20k.py`` names them."""

from amaranth.build import Attrs, Clock, Pins, Resource
from amaranth_boards.resources import LEDResources, UARTResource


class TangNano20kPlatform:
    """Clock, serial line to the USB converter, lamps that a low level lights."""

    resources = (
        Resource("clk27", 0, Pins("4", dir="i"), Clock(27e6), Attrs(IO_TYPE="LVCMOS33")),
        *LEDResources(pins="15 16 17 18 19 20", invert=True, attrs=Attrs(IO_TYPE="LVCMOS33")),
        UARTResource(0, rx="70", tx="69", attrs=Attrs(PULL_MODE="UP", IO_TYPE="LVCMOS33")),
    )
    connectors = ()
