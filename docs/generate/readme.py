"""``make report``: the tables of README.md and the pictures of ``docs``, from measured figures and from nothing else.

A run of ``make sim FULL=1`` on the real recordings leaves its figures in ``build/report.json``; they are stored in
``docs/report.json``, from which everything here is drawn. A partial run, or one on synthetic signals, is not stored.
"""

from pathlib import Path

import numpy as np

from docs.generate import beats as beat_tables
from docs.generate import detection as detection_tables
from docs.generate import graphs as graph_tables
from hw.beats import top as beat_top
from hw.binary import folding
from hw.binary.datapath import DatapathParams
from hw.binary.top import cycles
from hw.mac import design as mac_design
from hw.tiny import params as tiny
from sim import beats as end_to_end
from sw import cli, document, files, pictures, published, report
from sw.data import mitbih, protocols
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.array.bundle import GraphBundle
from sw.metrics import percent, with_interval
from sw.pictures import pyplot

README = files.ROOT / "README.md"
DOCS = files.ROOT / "docs"
STORED = DOCS / "report.json"


LARGE = "mac128l"  # the configuration of networks that only the large array holds
SYSTEMS = {"bnn5": "1", "bnn17": "1", "bnnbeat5": "beats", "alq17": "2", "gasf5": "3", "lamscn17": "4"}


def systems(stored: dict) -> str:
    """A row for each model, all four systems among them: task, accuracy with its protocol, twin, guessing, cost and speed."""
    rows = []
    for name, model in stored["models"].items():
        protocol = shipped_under(name)
        found = model["accuracy"][protocol]
        if "micro_f1" in found:
            figure, twin = f"micro-F1 {found['micro_f1']:.3f}, macro-F1 {found['macro_f1']:.3f}", found["float"]["micro_f1"]
            told = [figure, f"{twin:.3f}", f"{found['guessing']['record_majority']['micro_f1']:.3f}"]
        else:
            twin = found["float_accuracy"] if "float_accuracy" in found else found["float"]["accuracy"]
            told = [percent(found["accuracy"]), percent(twin), percent(found["record_majority"])]
        placed = list(model.get("fpga", {}).values())
        best = max(placed, key=lambda f: f["fmax_mhz"], default=None)
        where = ["not placed", "", "", ""]
        if best:
            clock = f"{best['fmax_mhz']:.1f}, {'worst of ' + str(best['seeds']) + ' seeds' if best['seeds'] > 1 else 'one seed'}"
            where = [best["device"], f"{best['lut4']:,}", clock, *_micros(best, "classification_us")]
        rtl = model["rtl"]
        cost = [f"{model['stored_bytes']:,}", f"{rtl['interval_cycles']:,}", _busy(rtl), _compared(rtl)]
        rows.append([f"`{name}`", SYSTEMS[name], model["task"], f"*{protocol}*", *told, *cost, *where])
    header = [
        "",
        "system",
        "task",
        "protocol",
        "hardware integers",
        "float twin",
        "guessing by record",
        "bytes",
        "cycles",
        "lanes busy",
        "windows through the RTL",
    ]
    return document.table([*header, "device", "LUT4", "MHz", "µs"], rows)


def results(stored: dict) -> str:
    """A column for each model that answers with one class: what it is, how well it does, what it costs, how that was checked."""
    names = [name for name, m in stored["models"].items() if "micro_f1" not in m["accuracy"][shipped_under(name)]]
    models = [stored["models"][name] for name in names]
    scores = [m["accuracy"].get(protocols.COMPARABLE) for m in models]

    def told(name: str) -> list[str]:
        return [percent(s[name]) if s and name in s else "" for s in scores]

    def under(protocol: str) -> list[str]:
        return [with_interval(m["accuracy"][protocol]) if protocol in m["accuracy"] else "" for m in models]

    rows = [
        ["task", *[m["task"] for m in models]],
        ["accuracy, *comparable*, hardware integers (95 %)", *under(protocols.COMPARABLE)],
        ["... of the float twin", *told("float_accuracy")],
        ["... of guessing the record's most common class", *told("record_majority")],
        ["... of guessing the most common class", *told("class_majority")],
        ["macro-F1", *[f"{s['macro_f1']:.3f}" if s else "" for s in scores]],
        ["windows tested, folds", *[_folds(s) if s else "" for s in scores]],
        ["accuracy, *comparable+records*", *under(protocols.RECORDS)],
        ["accuracy, *no-neighbours*", *under(protocols.NO_NEIGHBOURS)],
        ["accuracy between patients (*inter-patient*)", *map(_between, models)],
        ["the shipped network was trained under", *[f"*{shipped_under(name)}*" for name in names]],
        ["network, every stored bit", *[f"{m['stored_bytes']:,} bytes" for m in models]],
        ["engine", *["multi-bit array, 128 lanes" if "utilisation" in m["rtl"] else "binary datapath, full rate" for m in models]],
        ["lanes busy, start to logits", *[_busy(m["rtl"]) for m in models]],
        ["multiply-accumulates a window", *[f"{m['macs']:,}" for m in models]],
        ["cycles from window to window (interval)", *[f"{m['rtl']['interval_cycles']:,}" for m in models]],
        ["cycles, first normalised sample to class (latency)", *[f"{m['rtl']['latency_cycles']:,}" for m in models]],
        ["cycles, last raw sample to class (live latency)", *[f"{m['rtl']['live_latency_cycles']:,}" for m in models]],
        ["windows through the RTL, every layer compared", *[_compared(m["rtl"]) for m in models]],
        ["values that differ", *[str(m["rtl"]["mismatches"]) for m in models]],
    ]
    return document.table(["", *[f"`{name}`" for name in names]], rows)


def shipped_under(name: str) -> str:
    """The protocol that the shipped network of a model was trained under."""
    return bundles.read(bundle.SHIPPED / name).training["protocol"]


def _compared(rtl: dict) -> str:
    return f"{rtl['windows']:,}" + ("" if rtl["full"] else f" of {rtl['all_windows']:,}")


def _busy(rtl: dict) -> str:
    return percent(rtl["utilisation"]) if "utilisation" in rtl else ""


def _between(model: dict) -> str:
    found = model["accuracy"].get("inter-patient")
    return (
        f"{percent(found['accuracy'])} ({' to '.join(f'{100 * v:.1f}' for v in found['rates']['intervals']['accuracy'])})"
        if found
        else ""
    )


# Sensitivity / positive predictivity of S and of V on DS2, and accuracy, as others report them for N S V F.
PUBLISHED_BEATS = (
    ("de Chazal et al. 2004, hand-made features", "", "75.9 % / 38.5 %", "", "77.7 % / 81.9 %", "", ""),
    ("LUT networks 2026, four classes, the best", "94.3 %", "", "", "", "", ""),
)


def _with_range(rates: dict, name: str) -> str:
    low, high = rates["intervals"][name]
    return f"{percent(rates[name])} ({100 * low:.0f} to {100 * high:.0f})"


def _pair(rates: dict, name: str) -> str:
    return " / ".join(_with_range(rates, f"{name}_{what}") for what in ("sensitivity", "positive_predictivity"))


def _plain(rates: dict) -> list[str]:
    """Of S, then of V: sensitivity / positive predictivity, and false-positive rate, without intervals."""
    names = "sensitivity", "positive_predictivity"
    return [
        cell
        for k in "SV"
        for cell in (" / ".join(percent(rates[f"{k}_{what}"]) for what in names), percent(rates[f"{k}_false_positive_rate"]))
    ]


def _beats_between(stored: dict) -> list[tuple[str, dict]]:
    """Networks of beats with their figures between patients; those that tell sets of labels have pages of their own."""
    found = [(name, model["accuracy"].get("inter-patient", {})) for name, model in stored["models"].items()]
    return [(name, figures) for name, figures in found if "rates" in figures]


def beats(stored: dict) -> str:
    """Beats between patients: this network, with and without record 232, and what is published."""
    rows = []
    for name, found in _beats_between(stored):
        parts = [(f"`{name}`, {found['windows']:,} beats", found["rates"], f"{found['macro_f1']:.3f}")]
        parts += [(f"... without record {record}", rates, "") for record, rates in found["without"].items()]
        rows += [
            [
                text,
                _with_range(rates, "accuracy"),
                *[cell for k in "SV" for cell in (_pair(rates, k), percent(rates[f"{k}_false_positive_rate"]))],
                macro,
            ]
            for text, rates, macro in parts
        ]
        twin = found["float"]
        rows.append(["... of the float twin", percent(twin["accuracy"]), *_plain(twin), ""])
        rows.append(["... of guessing N", percent(found["class_majority"]), "", "", "", "", ""])
        if "validation" in found:
            held = found["validation"]
            rows.append(["... on patients of DS1 held out in turn", percent(held["accuracy"]), *_plain(held), ""])
    rows += [list(row) for row in PUBLISHED_BEATS]
    header = ["DS1 to DS2", "accuracy", "S: Se / +P", "S: FPR", "V: Se / +P", "V: FPR", "macro-F1"]
    return document.table(header, rows)


def beat_records(stored: dict) -> str:
    """The same by record."""
    parts = []
    for name, found in _beats_between(stored):
        rows = []
        for record, r in found["by_record"].items():
            pairs = [f"{percent(r[f'{k}_sensitivity'])} / {percent(r[f'{k}_positive_predictivity'])}" if r[k] else "" for k in "SV"]
            rows.append([record, r["beats"], percent(r["accuracy"]), *[r[k] for k in "NSVF"], *pairs])
        parts.append(f"`{name}`\n\n" + document.table(["record", "beats", "accuracy", *"NSVF", "S: Se / +P", "V: Se / +P"], rows))
    return "\n\n".join(parts)


def _folds(figures: dict, protocol: str = protocols.COMPARABLE) -> str:
    return f"{figures['windows']:,}, {len(figures['folds'])} of {protocols.count(protocol)}"


def classes(stored: dict) -> str:
    """Sensitivity, positive predictivity and F1 of every class."""
    parts = []
    for name, model in stored["models"].items():
        protocol = shipped_under(name)
        figures = model["accuracy"][protocol]
        if "inter-patient" in model["accuracy"] or "per_class" not in figures:  # beats and sets have tables of their own
            continue
        rows = [
            [label, str(c["windows"]), percent(c["sensitivity"]), percent(c["positive_predictivity"]), f"{c['f1']:.3f}"]
            for label, c in figures["per_class"].items()
        ]
        heading = f"**`{name}`** ({model['task']}, protocol *{protocol}*), confusion: ![](docs/confusion_{name}.png)\n\n"
        parts.append(heading + document.table(["class", "windows", "sensitivity", "positive predictivity", "F1"], rows))
    return "\n\n".join(parts)


def by_protocol(stored: dict) -> str:
    """A row for each model and protocol: accuracy of hardware integers and float twin, and what guessing is worth there."""
    rows = []
    for name, model in stored["models"].items():
        for protocol in protocols.NAMES:
            figures = model["accuracy"].get(protocol, {})
            if "by_fold" in figures:
                guesses = [percent(figures[key]) for key in ("float_accuracy", "record_majority", "class_majority")]
                each = [f"{number}: {100 * a:.1f}" for number, a in zip(figures["folds"], figures["by_fold"], strict=True)]
                told = protocol + (f", {figures['epochs']} epochs" if "epochs" in figures else "")
                rows.append([f"`{name}`", told, with_interval(figures), *guesses, _folds(figures, protocol), ", ".join(each)])
    header = ["", "protocol", "hardware integers (95 %)", "float twin", "record's most common class", "most common class"]
    return document.table([*header, "windows tested, folds", "by fold"], rows)


def commands(stored: dict) -> str:
    """Which command measured what."""
    models = stored["models"].values()
    trained = sorted({f["command"] for m in models for f in m["accuracy"].values()})
    placed = [f for m in models for f in m.get("fpga", {}).values()]
    tools = sorted({tool for f in placed for tool in f["tools"]})
    hashes = [f"`{name}` {m['rtl']['verilog_sha256'][:16]}" for name, m in stored["models"].items()]
    items = [
        "accuracy: " + ", ".join(f"`{command}`" for command in trained),
        f"area and clock, {', '.join(tools)}: " + ", ".join(f"`{f['command']}`" for f in placed),
        f"cycles and equality: `make sim FULL=1`, Verilog SHA-256 {', '.join(hashes)}",
    ]
    return "\n".join(["<details><summary>Measured by</summary>\n", *(f"- {item}" for item in items), "\n</details>"])


def _area(figures: dict) -> str:
    rest = f"{figures['ff']:,} FF, {figures['bram']} block RAMs, {figures['dsp']} multipliers"
    if "spram" in figures:
        return f"{figures['lut4']:,} logic cells, {rest}, {figures['spram']} SPRAM; with the host link"
    return f"{figures['lut4']:,} LUT4, {rest}"


def _gate(figures: dict) -> str:
    """That the netlist itself was simulated, where it was."""
    windows = figures.get("gate_level", {}).get("windows", 0)
    return f"; netlist simulated on {windows} windows, {figures['gate_level']['mismatches']} values differ" if windows else ""


def _micros(figures: dict, *names: str) -> list[str]:
    """Times in µs, where a configuration has them."""
    return [f"{figures[name]:,.1f}" if name in figures else "" for name in names]


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
                    f"{figures['fmax_mhz']:.1f} (worst of {figures['seeds']} seeds)"
                    if figures["seeds"] > 1
                    else f"{figures['fmax_mhz']:.1f} (one seed)",
                    *_micros(figures, "classification_us", "interval_us"),
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
    return document.table(["", "device", "nets", "toggles a window", "against `full`"], rows) if rows else "(Not measured yet.)"


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
            *_micros(f, "latency", "interval"),
            f"`{f['command']}`",
        ]
        for name, model in stored["models"].items()
        for board, f in sorted(model.get("board", {}).items())
    ]
    head = ["board", "", "LUT4 or logic cells", "MHz (reached)", "latency, µs", "interval, µs", ""]
    return document.table(head, rows)


SECTIONS = {
    "systems": systems,
    "results": results,
    "classes": classes,
    "commands": commands,
    "fpga": fpga,
    "protocols": by_protocol,
    "detection": detection_tables.readme,
    "beats": beats,
    "end_to_end": beat_tables.end_to_end,
    "boards": boards,
    "switching": switching,
    "configurations": configurations,
}
# Parts of a model's figures that grow entry by entry.
PARTS = ("fpga", "board", "configurations")
NAMED = (*folding.CONFIGS, tiny.NAME, beat_top.NAME, *mac_design.CONFIGS)


def render(text: str, stored: dict) -> str:
    """README's text with every generated section drawn anew."""
    return document.fill(text, {name: make(stored) for name, make in SECTIONS.items()}, "README.md")


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
        entries = {part: _of_bundle(before.get(part, {}) | model.get(part, {}), shipped) for part in PARTS}
        parts = {part: found for part, found in entries.items() if found}
        if "rtl" in model and presentable(model["rtl"], shipped):
            stored["models"][name] = {k: v for k, v in model.items() if k not in PARTS} | parts
            taken.append(name)
        elif before and parts != {part: before[part] for part in PARTS if part in before}:
            stored["models"][name] = {k: v for k, v in before.items() if k not in PARTS} | parts
            taken.append(name)
    if taken:
        stored |= {"data": measured["data"], "written": measured["written"]}
    for name, model in stored["models"].items():
        # The network's hash does not cover its training: figures under further protocols come without a new run.
        shipped = bundles.read(bundle.SHIPPED / name)
        if shipped.sha256 == model["rtl"]["bundle_sha256"] and model["accuracy"] != shipped.training["accuracy"]:
            model["accuracy"] = shipped.training["accuracy"]
            taken.append(name)
    if taken:
        stored["models"] = dict(sorted(stored["models"].items(), key=lambda item: len(item[0])))
    if detection_tables.presentable(measured.get("detection", {})):
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
        files.write_json(STORED, stored)
        cli.say(f"stored in {STORED}: {', '.join(taken)}")
    if not stored["models"]:
        raise PopbeatError("no figures are stored yet; make sim FULL=1 with the real recordings measures them")
    return stored


def confusion(path: Path, name: str, protocol: str, figures: dict) -> None:
    """A confusion matrix: rows are the truth, shades the share of a row."""
    matrix, labels = np.array(figures["confusion"]), list(figures["per_class"])
    size = 1.6 + 0.36 * len(labels)
    figure, axis = pyplot.subplots(figsize=(size + 0.8, size))
    axis.imshow(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), cmap="Greys", vmin=0, vmax=1)
    for row, column in np.argwhere(matrix):
        dark = matrix[row, column] > 0.5 * matrix[row].sum()
        axis.text(column, row, matrix[row, column], ha="center", va="center", fontsize=7, color="white" if dark else "black")
    axis.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8)
    axis.set_yticks(range(len(labels)), labels, fontsize=8)
    axis.set_xlabel("hardware's class")
    axis.set_ylabel("true class")
    axis.set_title(f"{name}, protocol {protocol}", fontsize=9)
    pictures.save(figure, path)


def dataflow(path: Path) -> None:
    """The data's way through the hardware of ``bnn17``, with the foldings and cycles of the full-rate configuration."""
    params = DatapathParams(bundle.read(bundle.SHIPPED / "bnn17"), folding.get("full"))
    exact, blocks = cycles(params), params.blocks
    boxes = [("s_axis", "raw samples\n12 bits"), ("normaliser", "z-score, Q3.8\nring of 8,192\nsamples")]
    for number, block in enumerate(blocks, start=1):
        g, where = block.geometry, "block RAM" if block.folding.memory else "logic"
        boxes.append(
            (
                f"block {number}",
                f"{g.in_channels}→{g.out_channels} channels\nPE {block.matrix.pe} × SIMD {block.matrix.simd}\n"
                f"weights in {where}\n{block.cycles:,} cycles",
            )
        )
    boxes.append(("head", f"27 positions\n{params.head.classes} logits\nargmax"))
    boxes.append(("m_axis", "class, logits,\nwindow number"))
    figure, axis = pyplot.subplots(figsize=(13, 3.6))
    width, gap, columns = 2.1, 0.5, 5
    for index, (name, text) in enumerate(boxes):
        row, column = divmod(index, columns)
        x, y = column * (width + gap), -row * 2.1
        axis.add_patch(pyplot.Rectangle((x, y), width, 1.55, fill=False, linewidth=1.2))
        axis.text(x + width / 2, y + 1.33, name, ha="center", va="center", fontsize=10, weight="bold")
        axis.text(x + width / 2, y + 0.6, text, ha="center", va="center", fontsize=8)
        if column + 1 < columns and index + 1 < len(boxes):
            axis.annotate("", (x + width + gap, y + 0.8), (x + width, y + 0.8), arrowprops={"arrowstyle": "->"})
    end, start = (width / 2, -0.53), (4 * (width + gap) + width / 2, -0.02)
    axis.annotate("", end, start, arrowprops={"arrowstyle": "->"})
    axis.set_title(
        f"bnn17, configuration full: all stages at once; a window every {exact.interval:,} cycles, "
        f"a class {exact.latency:,} cycles after the first normalised sample",
        fontsize=10,
    )
    axis.set_xlim(-0.1, columns * (width + gap) - gap + 0.1)
    axis.set_ylim(-2.2, 1.65)
    axis.axis("off")
    pictures.save(figure, path)


app = cli.new_app(__doc__)


@app.command()
def main() -> None:
    """Draw README's tables and the pictures of docs from the stored figures; stores those of a new full run first."""
    stored = store()
    for name, model in stored["models"].items():
        protocol = shipped_under(name)
        if "confusion" in model["accuracy"][protocol]:  # sets of labels have none
            confusion(DOCS / f"confusion_{name}.png", name, protocol, model["accuracy"][protocol])
    dataflow(DOCS / "dataflow.png")
    detection_tables.write(stored)
    graph_tables.write(stored)
    files.write_bytes(README, render(README.read_text(), stored).encode())
    page = DOCS / "beats.md"
    files.write_bytes(page, document.fill(page.read_text(), {"records": beat_records(stored)}, page.name).encode())
    cli.say(f"drawn from {STORED}: {README}, pictures in {DOCS}")


if __name__ == "__main__":
    cli.run(app)
