"""Tables of ``docs/fpga.md``, ``docs/boards.md``, ``docs/folding.md`` and ``docs/explore.md``: area and clock, netlists,
bitstreams, foldings."""

from docs.generate.common import NOT_YET, clock, micros
from hw.explore.place import STORED as PLACED
from sw import document, files, published


def _area(figures: dict) -> str:
    rest = f"{figures['ff']:,} FF, {figures['bram']} block RAMs, {figures['dsp']} multipliers"
    if "alu" in figures:
        return f"{figures['lut4']:,} LUT4, {figures['alu']:,} ALU, {rest}; with the host link"
    if "spram" in figures:
        return f"{figures['lut4']:,} logic cells, {rest}, {figures['spram']} SPRAM; with the host link"
    return f"{figures['lut4']:,} LUT4, {rest}"


def _gate(figures: dict) -> str:
    """That the netlist itself was simulated, where it was."""
    windows = figures.get("gate_level", {}).get("windows", 0)
    return f"; netlist simulated on {windows} windows, {figures['gate_level']['mismatches']} values differ" if windows else ""


def fpga(stored: dict) -> str:
    """Area and clock of every model and device that was placed, and what is published beside it."""
    rows = []
    for name, model in stored["models"].items():
        for figures in model.get("fpga", {}).values():
            rows.append(
                [
                    f"`{name}`, {figures['config']}",
                    figures["device"],
                    _area(figures),
                    clock(figures),
                    *micros(figures, "classification_us", "interval_us"),
                    (
                        f"last raw sample to class: {figures['live_latency_us']:,.1f} µs"
                        if "live_latency_us" in figures
                        else "QRS detector, words and network; a result follows the next beat"
                    )
                    + _gate(figures),
                ]
            )
    rows += [list(row) for row in published.DESIGNS]
    return document.table(["", "device", "area", "MHz", "latency, µs", "interval, µs", ""], rows)


def placed(stored: dict) -> str:
    """The fastest foldings of the front that were placed, and what was tried before them."""
    rows = []
    for top, found in (files.read_json(PLACED, "placed foldings") if PLACED.is_file() else {}).items():
        for one in found["tried"]:
            rows.append([f"`{top}`", one["blocks"], one["interval"], "", f"not placed: {one['error'][:80]}"])
        rows.append([f"`{top}`", found["blocks"], found["interval_cycles"], _area(found), f"{found['fmax_mhz']:.1f} MHz, one seed"])
    return document.table(["", "PE/parts by block", "interval", "area", ""], rows) if rows else NOT_YET


def switching(stored: dict) -> str:
    """Toggles of the netlists that were simulated, against those of the full rate."""
    rows = []
    for name, model in stored["models"].items():
        counted = {key: f for key, f in model.get("fpga", {}).items() if "toggles_a_window" in f.get("gate_level", {})}
        for key, figures in counted.items():
            gate, full = figures["gate_level"], counted.get(key.replace(figures["config"], "full"))
            share = f"{gate['toggles_a_window'] / full['gate_level']['toggles_a_window']:.2f}" if full else ""
            rows.append(
                [f"`{name}`, {figures['config']}", figures["device"], f"{gate['nets']:,}", f"{gate['toggles_a_window']:,}", share]
            )
    return document.table(["", "device", "nets", "toggles a window", "against `full`"], rows) if rows else NOT_YET


def synthesis_only(stored: dict) -> str:
    """What the generic Verilog takes of families that are not placed here, and what is published beside it."""
    rows = []
    for name, model in stored["models"].items():
        for f in model.get("synthesis_only", {}).values():
            luts = ", ".join(f"{number:,} LUT{width}" for width, number in f["luts"].items())
            rest = [f"{number:,} {cell}" for kind in ("block_rams", "dsp", "other") for cell, number in f[kind].items()]
            bits = [f"{f['memory_bits']:,} bits of memory"] if f["memory_bits"] else []
            total = f"{f['lut_total']:,}" if luts else ""
            rows.append([f"`{name}`, {f['config']}", f["family"], total, luts, f"{f['ff']:,}", ", ".join(rest + bits)])
    if not rows:
        return NOT_YET
    rows += [[name, device, "", area, "", ""] for name, device, area, *_ in published.DESIGNS]
    return document.table(["", "family", "LUTs", "by inputs", "FF", "all other cells"], rows)


def netlists(stored: dict) -> str:
    """Random networks behind synthesis, by family."""
    path = files.ROOT / "docs" / "netlists.json"
    if not path.is_file():
        return NOT_YET
    told = files.read_json(path, "figures of make netlists")
    rows = [[family, one["networks"], one["windows"], 0] for family, one in told["families"].items()]
    return document.table(["family", "networks", "windows", "values that differ"], rows) + f"\n\nMeasured by `{told['command']}`."


def configurations(stored: dict) -> str:
    """What was simulated of the other configurations."""
    rows = [
        [
            f"`{name}`, {config}",
            f"{rtl['interval_cycles']:,}",
            f"{rtl['latency_cycles']:,}",
            f"{rtl['windows']:,}, {rtl['layers_compared']} layers each; {rtl['mismatches']} values differ",
            f"{rtl['steady_windows']} windows, none lost" if rtl["steady_windows"] else "",
            f"`{rtl['command']}`",
        ]
        for name, model in stored["models"].items()
        for config, rtl in model.get("configurations", {}).items()
    ]
    return document.table(["", "interval, cycles", "latency, cycles", "windows through the RTL", "a sample every cycle", ""], rows)


def boards(stored: dict) -> str:
    """The bitstreams that were built."""
    rows = [
        [
            board,
            f"`{name}`, {f['config']}",
            f"{f['lut4']:,}",
            f"{f['mhz']} ({f['reached_mhz']:.1f})",
            *micros(f, "latency", "interval"),
            f"`{f['command']}`",
        ]
        for name, model in stored["models"].items()
        for board, f in sorted(model.get("board", {}).items())
    ]
    head = ["board", "", "LUT4 or logic cells", "MHz (reached)", "latency, µs", "interval, µs", ""]
    return document.table(head, rows)
