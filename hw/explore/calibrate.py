"""Calibration of the area model: blocks of the shipped networks are synthesised and packed in many foldings, and what one part of
each kind takes is fitted to them by least squares of the relative errors (no coefficient below zero)."""

from collections.abc import Callable

import numpy as np
from rich.progress import Progress
from scipy.optimize import nnls

from hw.binary import folding
from hw.binary.block import Block, BlockParams
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.binary.top import Top
from hw.explore import area, build
from hw.fpga import devices
from sw import campaign, files
from sw.errors import PopbeatError
from sw.export import bundle

# Foldings of each block of bnn17 (PE, parts, weights in block RAM): few and many PEs, tables short and long.
SAMPLES = (
    "1 2 3 4 8 4m",
    "1 2 3 4 6 8 16 2/2 4/4 1/8 4m 1/2m 2/8m",
    "1 2 3 4 5 8 2/2 1/4 4/2 1/16 2m 4m 1/8m",
    "1 2 3 4 8 1/2 2/4 1/8 4m 2/2m 1/16m",
    "1 2 3 4 1/2 2/2 1/4 1m 2m 3m 2/4m 1/32m",
    "1 1/2 1/4 1/8 1m 1/2m 1/4m 1/16m 1/64m",
)
# And the last block of bnn5, whose channels are fewer.
LAST5 = "1 1/2 1/4 1m 1/2m 1/4m"
# A block is not weighed as smaller than this: on the smallest ones a few cells are many percent, and they matter least.
LEAST = 200
# Tops that tell what is there beside the blocks.
TOPS = ("bnn5", "bnn17")


def parse(text: str) -> Folding:
    """A folding from its short form: ``2/4m`` has 2 PEs, 4 parts and its weights in block RAM."""
    pe, _, parts = text.removesuffix("m").partition("/")
    return Folding(int(pe), int(parts or 1), text.endswith("m"))


def short(fold: Folding) -> str:
    """The short form of a folding."""
    return f"{fold.pe}" + (f"/{fold.parts}" if fold.parts > 1 else "") + "m" * fold.memory


def samples() -> list[tuple[str, int, Folding]]:
    """Model, block and folding of every block to synthesise; those of the tops among them."""
    found = [("bnn17", number, parse(text)) for number, texts in enumerate(SAMPLES) for text in texts.split()]
    found += [("bnn5", len(SAMPLES) - 1, parse(text)) for text in LAST5.split()]
    found += [(model, number, fold) for model in TOPS for number, fold in enumerate(folding.get("full").blocks)]
    return list(dict.fromkeys(found))


def block(packed: bundle.Bundle, number: int, fold: Folding) -> BlockParams:
    """Parameters of one block of a bundle in a folding."""
    others = [Folding(1)] * len(packed.network.blocks)
    return DatapathParams(packed, Config("sample", (*others[:number], fold, *others[number + 1 :]))).blocks[number]


def fit(found: list[dict[str, float]], measured: list[int]) -> dict[str, float]:
    """Coefficients of the kinds of parts: least squares of the relative errors, none below zero."""
    names = list(found[0])
    weight = 1 / np.maximum(measured, LEAST)
    matrix = np.array([[parts[name] for name in names] for parts in found])
    solved, _ = nnls(matrix * weight[:, None], np.array(measured) * weight)
    return {name: round(float(value), 6) for name, value in zip(names, solved, strict=True)}


def errors(pairs: list[tuple[int, int]]) -> dict[str, float]:
    """Largest and mean relative error of (estimate, measured)."""
    relative = [abs(estimate - measured) / measured for estimate, measured in pairs]
    return {"max": round(max(relative), 4), "mean": round(float(np.mean(relative)), 4)}


def calibrate(device: devices.Device, bar: Progress, told: Callable[[str], None] = lambda line: None) -> dict:
    """Synthesise, fit, and give the area model of a device's family."""
    packed = {model: bundle.read(bundle.SHIPPED / model) for model in TOPS}
    chosen = samples()
    blocks = [block(packed[model], number, fold) for model, number, fold in chosen]
    tops = {model: DatapathParams(packed[model], folding.get("full")) for model in TOPS}
    labels = [f"{model} block {number + 1} as {short(fold)}" for model, number, fold in chosen]
    line, jobs = bar.add_task("Verilog", total=len(blocks) + len(tops)), []
    for params, label in zip(blocks, labels, strict=True):
        jobs.append(build.job(Block(params), device, label))
        bar.update(line, advance=1)
    for model, params in tops.items():
        jobs.append(build.job(Top(params), device, f"{model} full"))
        bar.update(line, advance=1)
    results = campaign.run(jobs, bar, "synthesis", job_bytes=build.JOB_BYTES)
    measured, whole = results[: len(blocks)], dict(zip(TOPS, results[len(blocks) :], strict=True))
    fitted = {
        "lut4": fit([area.counts(params) for params in blocks], [m["lut4"] for m in measured]),
        "ff": fit([area.registers(params) for params in blocks], [m["ff"] for m in measured]),
        "rest": {},
    }
    by_block = dict(zip(chosen, measured, strict=True))
    classes = {model: len(packed[model].classes) for model in TOPS}
    few, many = TOPS
    for name in ("lut4", "ff", "bram", "dsp"):
        beside = {m: whole[m][name] - sum(by_block[m, i, f][name] for i, f in enumerate(folding.get("full").blocks)) for m in TOPS}
        slope = (beside[many] - beside[few]) / (classes[many] - classes[few])
        fitted["rest"][name] = {"top": round(beside[few] - slope * classes[few], 3), "class": round(slope, 3)}
    model = area.AreaModel(fitted)
    estimates = [model.block(params) for params in blocks]
    for label, estimate, taken in zip(labels, estimates, measured, strict=True):
        if estimate.bram != taken["bram"]:
            raise PopbeatError(f"{label} takes {taken['bram']} block RAMs and {estimate.bram} were counted: mend hw.explore.area")
    return {
        "command": f"make explore CALIBRATE=1 DEVICE={device.name}",
        "device": device.name,
        "tools": [tool for tool in build.versions(device) if " " in tool],
        "devices": {d.name: build.capacity(d) for d in devices.DEVICES.values() if d.family == device.family},
        **fitted,
        "errors": {
            name: errors([(getattr(e, name), m[name]) for e, m in zip(estimates, measured, strict=True)]) for name in ("lut4", "ff")
        },
        "blocks": [
            {"block": label, "lut4": m["lut4"], "lut4_estimate": e.lut4, "ff": m["ff"], "ff_estimate": e.ff, "bram": m["bram"]}
            for label, m, e in zip(labels, measured, estimates, strict=True)
        ],
        "tops": {model: whole[model] for model in TOPS},
    }


def store(device: devices.Device, bar: Progress) -> dict:
    """Calibrate and store."""
    model = calibrate(device, bar)
    files.write_json(area.path(device.family), model)
    return model
