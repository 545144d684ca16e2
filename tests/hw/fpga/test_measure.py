"""What is placed, and what to do where it is too large."""

import pytest

from hw import verilog
from hw.board.top import BoardTop
from hw.fpga import devices, measure
from hw.tiny import params as tiny
from sw.export import bundle, bundles


@pytest.mark.parametrize(("name", "linked"), [("ecp5-25k", False), ("ice40-up5k", True), ("gw2ar-18", True), ("gw1nr-9", True)])
def test_the_host_link_stands_where_pins_are_few(name, linked):
    device = devices.get(name)
    made = measure.classifier(bundles.read(bundle.SHIPPED / "bnn17"), tiny.NAME)
    made.top._MustUse__used = True
    placed = measure.placed_top(made, device)
    placed._MustUse__used = True
    assert isinstance(placed, BoardTop) == linked
    if device.free_pins:
        names = [port["name"] for port in verilog.ports(placed) if port["name"] not in ("clk", "rst")]
        assert len(names) <= len(device.free_pins)
    out = measure.way_out(made, device)
    assert "a larger device has room" in out if linked else "make explore" in out
