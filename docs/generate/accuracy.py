"""Tables of ``docs/accuracy.md``: every model, every protocol, every class."""

from docs.generate.common import between, busy, compared, interval, place, shipped_under
from sw import document
from sw.data import beats, protocols
from sw.metrics import percent, with_interval

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
        rtl = model["rtl"]
        cost = [f"{model['stored_bytes']:,}", interval(model), busy(rtl), compared(name, model)]
        rows.append([f"`{name}`", SYSTEMS[name], model["task"], f"*{protocol}*", *told, *cost, *place(model)])
    header = ["", "system", "task", "protocol", "hardware integers", "float twin", "guessing by record"]
    cost = ["bytes", "cycles", "lanes busy", "windows through the RTL", "placed", "LUT4", "MHz", "µs"]
    return document.table([*header, *cost], rows)


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
        ["accuracy between patients (*inter-patient* or *between-patients*)", *map(_between, models)],
        ["the shipped network was trained under", *[f"*{shipped_under(name)}*" for name in names]],
        ["network, every stored bit", *[f"{m['stored_bytes']:,} bytes" for m in models]],
        ["engine", *["multi-bit array, 128 lanes" if "utilisation" in m["rtl"] else "binary datapath, full rate" for m in models]],
        ["lanes busy, start to logits", *[busy(m["rtl"]) for m in models]],
        ["multiply-accumulates a window", *[f"{m['macs']:,}" for m in models]],
        ["cycles from window to window (interval)", *[f"{m['rtl']['interval_cycles']:,}" for m in models]],
        ["cycles, first normalised sample to class (latency)", *[f"{m['rtl']['latency_cycles']:,}" for m in models]],
        ["cycles, last raw sample to class (live latency)", *[f"{m['rtl']['live_latency_cycles']:,}" for m in models]],
        ["windows through the RTL, every layer compared", *map(compared, names, models)],
        ["values that differ", *[str(m["rtl"]["mismatches"]) for m in models]],
    ]
    return document.table(["", *[f"`{name}`" for name in names]], rows)


def _between(model: dict) -> str:
    found = between(model)
    return _bootstrapped(found) if found and "rates" in found else with_interval(found) if found else ""


def _bootstrapped(found: dict) -> str:
    """Accuracy of beats between patients with the interval by bootstrap over records."""
    return f"{percent(found['accuracy'])} ({' to '.join(f'{100 * v:.1f}' for v in found['rates']['intervals']['accuracy'])})"


def _folds(figures: dict, protocol: str = protocols.COMPARABLE) -> str:
    return f"{figures['windows']:,}, {len(figures['folds'])} of {protocols.count(protocol)}"


def classes(stored: dict) -> str:
    """Sensitivity, positive predictivity and F1 of every class."""
    parts = []
    for name, model in stored["models"].items():
        protocol = shipped_under(name)
        figures = model["accuracy"][protocol]
        if protocol == "inter-patient" or "per_class" not in figures:  # beats between patients and sets have tables of their own
            continue
        rows = [
            [label, str(c["windows"]), percent(c["sensitivity"]), percent(c["positive_predictivity"]), f"{c['f1']:.3f}"]
            if c["windows"]  # rates of a class that no test window has mean nothing
            else [label, "0", "", "", ""]
            for label, c in figures["per_class"].items()
        ]
        heading = f"**`{name}`** ({model['task']}, protocol *{protocol}*), confusion: ![](confusion_{name}.png)\n\n"
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
        figures = model["accuracy"].get(beats.INTER_PATIENT, {})
        if "rates" in figures:
            guesses = [
                percent(figures["float"]["accuracy"]),
                *(percent(figures[key]) for key in ("record_majority", "class_majority")),
            ]
            rows.append([f"`{name}`", beats.INTER_PATIENT, _bootstrapped(figures), *guesses, f"{figures['windows']:,}, DS2", ""])
    header = ["", "protocol", "hardware integers (95 %)", "float twin", "record's most common class", "most common class"]
    return document.table([*header, "windows tested, folds", "by fold"], rows)
