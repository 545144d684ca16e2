"""Networks of both fronts, one after another: in one simulated top over its stream, and in a board over its serial line."""

from dataclasses import replace

import numpy as np
import pytest

from hw import verilog
from hw.board.host import Host, Result
from hw.mac import design
from hw.mac.top import MacTop
from sim import canary, compare, networks
from sim.benches import runner
from sim.bulk import board
from sw import files
from sw.errors import PopbeatError
from sw.export.array.program import image, pack, sections
from sw.export.front.normaliser import NormaliserSpec
from tests.arrays import PARAMS, WINDOW, network


@pytest.fixture(scope="module")
def loads():
    """Networks of both fronts in the order of their loads, with raw windows and beats."""
    rng = np.random.default_rng(1)
    windows, beats = (rng.integers(-2000, 2000, (3, n)).astype(np.int16) for n in (WINDOW, 256))
    beats[1] = 7  # a flat beat gets no call
    one, image, other = network(1, False), network(2, True), network(3, False)
    return [(one, windows), (image, beats), (other, windows[:2]), (image, beats[:1]), (one, windows[1:])]


def test_networks_one_after_another(loads):
    image, beats = loads[1]
    assert networks.packets(image, beats, 4)[1, 0] >> 24 == 5 << 2 | 1
    networks.run(PARAMS, NormaliserSpec(window=WINDOW), loads, files.BUILD / "test-networks")


def test_a_window_of_a_program_that_takes_too_long_is_a_header_alone(loads, tmp_path):
    """The packet says fault and no call, in the header alone; the next network's are as if nothing had been."""
    packed, samples = loads[0]
    program = design.compile_bundle(packed, PARAMS).program
    hurried = pack(program, dict(enumerate(sections(program).values())), limit=100)
    headers = np.arange(3)[:, None] | 255 << 16 | 1 << 24 | 1 << 25 | 1 << 26
    data = {"loads": 2, "image0": np.frombuffer(hurried, np.uint8), "samples0": samples, "packets0": headers.astype("<i4")}
    data |= {
        "image1": np.frombuffer(image(program), np.uint8),
        "samples1": samples,
        "packets1": networks.packets(packed, samples, 1),
    }
    home, name = files.BUILD / "test-networks", "popbeat_mac32"
    path = files.write_bytes(home / f"{name}.v", verilog.convert(MacTop(PARAMS, NormaliserSpec(window=WINDOW)), name).encode())
    runner.build(path, name, home)
    np.savez(tmp_path / "bench.npz", **data)
    runner.run(name, networks.BENCH, home, {"POPBEAT_BENCH": str(tmp_path / "bench.npz")}, tests=1)


def test_networks_through_a_boards_line(loads):
    seen = networks.run_board(PARAMS, NormaliserSpec(window=WINDOW), loads, files.BUILD / "test-networks-board")
    assert seen.answers == seen.fresh == sum(len(samples) for _, samples in loads)


def test_answers_of_a_board_that_differ_are_noticed(loads):
    packed, samples = loads[0]
    wanted = networks.packets(packed, samples)
    right = [Result(n, int(row[0] >> 16 & 255), row[1:]) for n, row in enumerate(wanted)]
    assert networks.check_answers(0, right, wanted) == 3
    label = [*right[:2], replace(right[2], label=right[2].label ^ 1)]
    for wrong in (label, right[:2], [right[0], *right[:2]]):
        with pytest.raises(compare.Mismatch, match="load 7"):
            networks.check_answers(7, wrong, wanted)
    with pytest.raises(canary.CanaryMissed, match="with nothing changed"):
        networks.must_fail(0, right, wanted, "nothing")


def test_a_broken_network_is_refused_over_the_line_and_a_good_one_follows(loads):
    packed, samples = loads[0]
    top = MacTop(PARAMS, NormaliserSpec(window=WINDOW))
    good = bytearray(image(design.compile_bundle(packed, PARAMS).program))
    broken = good.copy()
    broken[-9] ^= 1
    other = [design.compile_bundle(network(4, of_images), PARAMS).program for of_images in (False, True)]
    with board.SimulatedBoard(board.compiled(top, files.BUILD / "test-networks-board")) as line:
        host = Host(line)
        host.restart()
        with pytest.raises(PopbeatError, match="refused the network with status 5"):
            host.load(bytes(broken))
        # Windows of another length than their front end makes would never be whole.
        for program in other:
            for length in (program.samples - 1, program.samples + 1, program.samples // 2):
                with pytest.raises(PopbeatError, match="refused the network with status 7"):
                    host.load(image(replace(program, samples=length)))
        host.load(bytes(good))
        networks.check_answers(0, [host.classify(window) for window in samples], networks.packets(packed, samples))
        assert line.abnormal == (host.results[-1].label not in (0, 255))
