"""Place and route from several seeds: each a job of a campaign."""

import base64
import zlib
from pathlib import Path

from rich.progress import Progress

from hw.fpga import devices, flow
from sw import campaign, files


def place_seeds(
    netlist: flow.Netlist, device: devices.Device, folder: Path, seeds: int, mhz: float, bar: Progress
) -> list[flow.Placement]:
    """A placement for each seed from 1 on, asked for a clock of ``mhz``; what was placed before is not placed again. A placement's
    files lie in ``folder`` of the machine that made it."""
    # A worker may not see our files, so the netlist goes with the job.
    packed = base64.b64encode(zlib.compress(netlist.json.read_bytes(), 9)).decode()
    numbers = range(1, seeds + 1)
    lines = {seed: bar.add_task(f"seed {seed}", total=1) for seed in numbers}
    tool = f"{flow.TOOLS[device.family]} {flow.version(flow.TOOLS[device.family])}"
    placer = " ".join(flow.placer(netlist, device))
    jobs = [
        campaign.Job(
            "hw.fpga.seeds:placed",
            {"netlist": packed, "device": device.name, "seed": seed, "mhz": mhz, "tool": tool, "placer": placer},
            f"seed {seed} of {folder.name}",
            {"folder": (folder / f"seed{seed}").relative_to(files.BUILD).as_posix()},
        )
        for seed in numbers
    ]

    def said(number: int, line: str) -> None:
        bar.update(lines[number + 1], description=f"seed {number + 1}: {line.removeprefix('Info:').strip()[:60]}")

    def done(number: int, result: dict) -> None:
        bar.update(lines[number + 1], completed=1, description=f"seed {number + 1}: {result['mhz']:.1f} MHz")

    results = campaign.run(jobs, bar, "place and route", done, said)
    return [
        flow.Placement(seed, r["mhz"], r["used"], r["available"], folder / f"seed{seed}" / "placed.config")
        for seed, r in zip(numbers, results, strict=True)
    ]


def placed(netlist: str, device: str, seed: int, mhz: float, tool: str, placer: str, folder: str) -> dict:
    """The job: place and route a netlist (nextpnr's JSON, deflated, in base64) in ``folder`` of the build folder; ``mhz`` met,
    cells ``used`` and ``available``."""
    home = files.BUILD / folder
    path = files.write_bytes(home.with_name(f"{home.name}.json"), zlib.decompress(base64.b64decode(netlist)))
    taken, chosen = flow.Netlist(path, path, {}), devices.get(device)
    here = [f"{tool.split()[0]} {flow.version(tool.split()[0])}", " ".join(flow.placer(taken, chosen))]
    try:
        campaign.demand("tools", [tool, placer], here)
        made = flow.place(taken, chosen, home, seed, mhz, say=campaign.say)
    finally:
        path.unlink()
    return {"mhz": made.mhz, "used": made.used, "available": made.available}
