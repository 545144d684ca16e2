"""What goes into a bitstream: pins, and networks that fit."""

import re
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from hw.board import bitstream, boards
from hw.fpga import devices, measure
from hw.mac.params import ArrayParams
from hw.mac.top import MacTop
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.front.normaliser import NormaliserSpec


def test_every_port_of_a_boards_top_has_a_pin():
    """Of one with an array, too."""
    array = MacTop(ArrayParams(groups=2, windows=False, images=False), NormaliserSpec())
    board = boards.get("ulx3s-85f")
    text = bitstream.board_verilog(measure.Classifier("any", "any", None, array, None), board, bitstream.make_pll(board, 75))
    ports = re.search(rf"^module {bitstream.NAME}\((.*?)\);", text, re.MULTILINE | re.DOTALL)[1]
    assert set(re.split(r",\s*", ports)) == set(board.pins())


def test_gowin_boards_run_at_their_own_clock():
    packed = bundles.read(bundle.SHIPPED / "bnn17")
    for name in ("tangnano20k", "tangnano9k"):
        board = boards.get(name)
        made = unbuilt("bnn17", bitstream.default_config(packed, board))
        assert made.config == "tiny" and bitstream.default_mhz(made, board) == board.clock_mhz == 27
        assert bitstream.make_pll(board, 27) is None
        with pytest.raises(PopbeatError, match=f"on {name} a classifier runs at the board's 27 MHz; leave MHZ out"):
            bitstream.make_pll(board, 54)


def unbuilt(model: str, config: str) -> measure.Classifier:
    """A shipped network's classifier, of which nothing is generated: Amaranth does not warn then."""
    made = measure.classifier(bundles.read(bundle.SHIPPED / model), config)
    made.top._MustUse__used = True
    return made


def test_what_the_host_link_can_not_carry_is_not_placed_behind_it():
    """A packet's words, and samples that come in pairs: also where the device's pins alone want the link."""
    made = unbuilt("bnn17", "full")
    for classes in (62, 63):
        of = SimpleNamespace(model="many", classes=("one",) * classes, network=made.bundle.network)
        with pytest.raises(PopbeatError, match="fewer than 64 words; those of many have 64") if classes > 62 else nullcontext():
            bitstream.check_link(replace(made, bundle=of))
    with pytest.raises(PopbeatError, match="'double' takes two"):
        measure.placed_top(unbuilt("bnn17", "double"), devices.get("gw2ar-18"))


def test_one_bitstream_holds_the_three_networks():
    """Array and normaliser are the same, so the Verilog is; what is loaded tells them apart. And a bitstream is not even begun
    where the array is too large for the device."""
    made = [unbuilt(name, "mac128l") for name in ("alq17", "lamscn17", "gasf5")]
    assert len({(one.top.params, one.top.spec) for one in made}) == 1
    for one in made:
        bitstream.check_link(one)
        measure.check_device(one, boards.get("ulx3s-85f").device)
        assert bitstream.default_mhz(one, boards.get("ulx3s-85f")) == 75
    said = r"alone take 114 of 56 block RAMs \(204 %\); .*"
    for one, instead in zip(made, ("CONFIG=mac128 or mac64 or mac32", "DEVICE=ecp5-85k", "DEVICE=ecp5-85k"), strict=True):
        with pytest.raises(PopbeatError, match=said + instead):
            measure.check_device(one, boards.get("ulx3s-25f").device)
    measure.check_device(unbuilt("alq17", "mac128"), boards.get("ulx3s-25f").device)
    for name, why in (("lamscn17", "18000 bytes.* in a memory of 32768 bytes"), ("gasf5", "mac64 has no front")):
        with pytest.raises(PopbeatError, match=f"{name} does not fit the array mac64: .*{why}.*; arrays that hold it: mac128l"):
            unbuilt(name, "mac64")
