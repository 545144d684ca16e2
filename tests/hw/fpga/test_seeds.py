"""Placements from several seeds, as jobs."""

import shutil

from hw.fpga import devices, flow, seeds
from sw import campaign, cli, files


def test_seeds_are_placed_as_jobs(tmp_path, monkeypatch):
    monkeypatch.setattr(campaign, "HOME", tmp_path / "store")
    device = devices.get("ecp5-25k")
    text = "module count(input clk, output reg [7:0] o); always @(posedge clk) o <= o + 1; endmodule\n"
    folder = files.BUILD / "fpga-test" / "seeds"
    shutil.rmtree(folder, ignore_errors=True)
    netlist = flow.synthesise(text, "count", device, files.BUILD / "fpga-test" / "count")
    lines = []
    with cli.progress() as bar:
        monkeypatch.setattr(bar, "update", lambda task, **changes: lines.append(changes.get("description")))
        first, second = seeds.place_seeds(netlist, device, folder, 2, 100.0, bar)
    assert (first.seed, second.seed) == (1, 2)
    for made in (first, second):
        told = files.read_json(made.config.with_name("report.json"))
        assert [made.mhz] == [clock["achieved"] for clock in told["fmax"].values()]
        assert made.used["TRELLIS_FF"] == 8
        assert f"seed {made.seed}: {made.mhz:.1f} MHz" in lines
    # nextpnr's own lines came through.
    assert any(line and line.startswith("seed 1: ") and "MHz" not in line for line in lines)
    assert not list(folder.glob("*.json")), "a netlist was left behind"
