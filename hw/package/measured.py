"""What was measured of a design on FPGAs, for its description: only where that was the same Verilog."""

from hw import verilog
from hw.fpga import devices
from hw.fpga.measure import classifier, placed_top
from sw import files
from sw.export.bundles import Bundle

STORED = files.ROOT / "docs" / "report.json"
PLACED = ("device", "part", "fmax_mhz", "seeds", "lut4", "ff", "bram", "dsp", "spram", "command")


def measured(packed: Bundle, config: str) -> dict:
    """What is stored of placements of this bundle in this configuration, where its Verilog for that device is still the same:
    resources and clock by device, and the line for a timing tool that asks for the fastest of them, with that device's name."""
    stored = files.read_json(STORED, "stored figures")["models"].get(packed.model, {}).get("fpga", {}) if STORED.is_file() else {}
    found = []
    for figures in stored.values():
        if figures["config"] != config or figures["bundle_sha256"] != packed.sha256:
            continue
        made, device = classifier(packed, config), devices.get(figures["device"])
        if verilog.digest(verilog.convert(placed_top(made, device), made.name, device.family)) == figures["verilog_sha256"]:
            found.append({name: figures[name] for name in PLACED if name in figures})
    if not found:
        return {"placed": []}
    fastest = max(found, key=lambda each: each["fmax_mhz"])
    line = f"create_clock -name clk -period {1000 / fastest['fmax_mhz']:.2f} [get_ports clk]"
    return {"placed": found, "clock_constraint": line, "clock_constraint_device": fastest["device"]}
