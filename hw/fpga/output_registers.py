"""Block RAMs' own output registers: the registers right behind an ECP5's DP16KD move into it, which yosys does not do.

Without them its output is late in its cycle. The function stays the same; the netlist is yosys' JSON.
"""

OUTPUTS = tuple(f"DO{port}{bit}" for port in "AB" for bit in range(18))


def pack(netlist: dict) -> int:
    """Move registers into block RAMs in place; returns how many block RAMs took theirs. One takes them where each of its used
    outputs leads to one register, and nothing else, on the clock it is read with, without enable or reset."""
    modules = [m for m in netlist["modules"].values() if any(c["type"] == "DP16KD" for c in m["cells"].values())]
    return sum(_pack(module) for module in modules)


def _pack(module: dict) -> int:
    cells = module["cells"]
    users: dict[int, list[tuple[str, str]]] = {}
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                for bit in bits:
                    users.setdefault(bit, []).append((name, port))
    for port in module["ports"].values():
        for bit in port["bits"]:
            users.setdefault(bit, []).append(("", "port"))
    packed = 0
    for cell in [c for c in cells.values() if c["type"] == "DP16KD"]:
        used = {port: users.get(cell["connections"][port][0], []) for port in OUTPUTS if cell["connections"].get(port)}
        used = {port: who for port, who in used.items() if who}
        wires = cell["connections"]
        # 36 bits wide, both halves of the output are read by port B.
        wide = int(cell["parameters"]["DATA_WIDTH_B"], 2) == 36
        clocks = {"A": wires["CLKB"] if wide else wires["CLKA"], "B": wires["CLKB"]}
        registers = {port: who[0][0] for port, who in used.items() if len(who) == 1 and who[0][1] == "DI"}
        if not used or len(registers) != len(used):
            continue
        if not all(_plain(cells[name], clocks[port[2]]) for port, name in registers.items()):
            continue
        for port, name in registers.items():
            wires[port] = cells.pop(name)["connections"]["Q"]
        for port in {"A", "B"} if wide else {port[2] for port in registers}:
            cell["parameters"][f"REGMODE_{port}"] = "OUTREG"
            wires |= {f"OCE{port}": ["1"], f"CLK{port}": clocks[port]}
        packed += 1
    return packed


def _plain(cell: dict, clock: list) -> bool:
    """Whether a register just follows its input on this clock's rising edge."""
    wires, parameters = cell["connections"], cell["parameters"]
    return (
        cell["type"] == "TRELLIS_FF"
        and wires["CLK"] == clock
        and parameters.get("CLKMUX", "CLK") == "CLK"
        and parameters.get("CEMUX", "1").strip() == "1"
        and wires.get("LSR", ["0"]) in (["0"], ["x"], [])
    )
