"""The figures that README and docs show: ``docs/report.json``. A run of ``make sim FULL=1`` on the real recordings leaves its
figures in ``build/report.json``; here they are stored. Partial runs are stored of networks that only the large array holds, and of
further configurations: tables say how many windows they had. Nothing of another bundle or of synthetic signals is stored."""

import datetime

from docs.generate import detection
from hw import configurations
from hw.beats import top as beat_top
from hw.fpga import measure
from hw.guard.top import SUFFIX
from hw.mac import design as mac_design
from sim import beats as end_to_end
from sw import cli, files, report
from sw.data import mitbih
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.array.bundle import GraphBundle

STORED = files.ROOT / "docs" / "report.json"
LARGE = "mac128l"  # the configuration of networks that only the large array holds
# Parts of a model's figures that grow entry by entry.
PARTS = ("fpga", "board", "synthesis_only", "configurations")
# What a training left there stands in the bundle, and under ``accuracy`` here.
NOT_STORED = (*PARTS, "training")
NAMED = (*configurations.NAMES, *(name + SUFFIX for name in configurations.NAMES), beat_top.NAME, *mac_design.CONFIGS)


def presentable(rtl: dict, shipped: bundles.Bundle) -> bool:
    """Whether a run's figures may stand in README: all windows of the real recordings, the shipped bundle, the full-rate folding or
    the largest array."""
    config = mac_design.largest(shipped) if isinstance(shipped, GraphBundle) else "full"
    wanted = {"full": True, "data": mitbih.NAME, "config": config, "bundle_sha256": shipped.sha256}
    if config == LARGE:
        # A hundred thousand cycles a window: a part of the windows may stand there, and the table says how many.
        wanted.pop("full")
    return {name: rtl.get(name) for name in wanted} == wanted


def networks_presentable(seen: dict) -> bool:
    """Whether what ``make networks`` measured may be stored: real recordings, the shipped bundles, both ways."""
    if seen.get("data") != mitbih.NAME or not {"stream", "board"} <= seen.keys():
        return False
    return all(bundles.read(bundle.SHIPPED / name).sha256 == digest for name, digest in seen["bundle_sha256"].items())


def _of_bundle(entries: dict, shipped: bundles.Bundle) -> dict:
    """Those of a part's entries that are of the shipped bundle in a configuration that every checkout has, and not on synthetic
    signals."""
    return {
        name: f
        for name, f in entries.items()
        if f.get("bundle_sha256") == shipped.sha256 and f.get("data", mitbih.NAME) == mitbih.NAME and f.get("config", name) in NAMED
    }


def acceptable(found: dict, before: dict, shipped: bundles.Bundle) -> dict:
    """Those of the entries ``found`` now that may take the place of stored ones: what is not of the shipped bundle, or not of real
    recordings, would only push them out; and a partial run is less than a whole one of the same Verilog."""
    simulated = {name: f for name, f in found.items() if "bundle_sha256" not in f and "gate_level" in f}
    kept = {name: f for name, f in simulated.items() if f["gate_level"].get("bundle_sha256") == shipped.sha256}
    for name, f in _of_bundle(found, shipped).items():
        stored = before.get(name, {})
        same = all(stored.get(key) == f.get(key) for key in ("bundle_sha256", "verilog_sha256"))
        if not (same and stored.get("full") and not f.get("full")):
            kept[name] = f
    return kept


def _fpga(before: dict, found: dict, shipped: bundles.Bundle) -> dict:
    """Placements: of an array, those that were stored count for a network that has been trained anew, too."""
    if isinstance(shipped, GraphBundle):
        placed = {key: f for key, f in before.items() if f.get("bundle_sha256", shipped.sha256) != shipped.sha256}
        before = before | {key: measure.of_network(f, shipped) for key, f in placed.items()}
    return _of_bundle(joined(before, acceptable(found, before, shipped)), shipped)


def joined(before: dict, found: dict) -> dict:
    """A part's stored entries with those that were ``found`` now in their places. A netlist that was simulated (``make gate``)
    stands beside its placement, whichever was measured first: of one bundle, and of the Verilog that is placed now as it was
    then. A simulation without a placement is dropped."""
    out = dict(before)
    for name, entry in found.items():
        stored = before.get(name, {})
        if "bundle_sha256" in entry:
            same = all(stored.get(key) == entry.get(key) for key in ("bundle_sha256", "verilog_sha256"))
            out[name] = ({"gate_level": stored["gate_level"]} if same and "gate_level" in stored else {}) | entry
        elif stored.get("bundle_sha256") == entry.get("gate_level", {}).get("bundle_sha256", ""):
            out[name] = stored | entry
    return out


def store() -> dict:
    """The figures to draw from: those of a new full run are stored first."""
    measured = report.load()
    stored = report.load(STORED)
    taken = []
    for name, model in measured["models"].items():
        if not (bundle.SHIPPED / name).is_dir():
            continue
        shipped = bundles.read(bundle.SHIPPED / name)
        before = stored["models"].get(name, {})
        entries = {}
        for part in PARTS:
            old, new = before.get(part, {}), model.get(part, {})
            if part == "fpga":
                entries[part] = _fpga(old, new, shipped)
            else:
                entries[part] = _of_bundle(joined(old, acceptable(new, old, shipped)), shipped)
        parts = {part: found for part, found in entries.items() if found}
        if "rtl" in model and presentable(model["rtl"], shipped):
            stored["models"][name] = {k: v for k, v in model.items() if k not in NOT_STORED} | parts
            taken.append(name)
        elif before and parts != {part: before[part] for part in PARTS if part in before}:
            stored["models"][name] = {k: v for k, v in before.items() if k not in PARTS} | parts
            taken.append(name)
    if taken and measured["data"].get("source") == mitbih.NAME:
        stored["data"] = measured["data"]
    for name, model in stored["models"].items():
        # The network's hash does not cover its training: figures under further protocols come without a new run.
        shipped = bundles.read(bundle.SHIPPED / name)
        if shipped.sha256 == model["rtl"]["bundle_sha256"] and model["accuracy"] != shipped.training["accuracy"]:
            model["accuracy"] = shipped.training["accuracy"]
            taken.append(name)
    if taken:
        stored["models"] = dict(sorted(stored["models"].items(), key=lambda item: len(item[0])))
    if detection.presentable(measured.get("detection", {})):
        stored["detection"] = measured["detection"]
        taken.append("detection")
    for name in end_to_end.MODELS:
        key = end_to_end.key(name)
        if end_to_end.presentable(measured.get(key, {}), bundles.read(bundle.SHIPPED / name)):
            stored[key] = measured[key]
            taken.append(key)
    if networks_presentable(measured.get("networks", {})):
        stored["networks"] = measured["networks"]
        taken.append("networks")
    if taken:
        stored["written"] = datetime.date.today().isoformat()
        files.write_json(STORED, stored)
        cli.say(f"stored in {STORED}: {', '.join(taken)}")
    if not stored["models"]:
        raise PopbeatError("no figures are stored yet; make sim FULL=1 with the real recordings measures them")
    return stored
