"""Tables of the networks that are graphs (LAMSCN, GASF): how well they do, label by label, for ``docs/lamscn.md`` and
``docs/gasf.md``."""

from docs.generate.beats import end_to_end
from docs.generate.common import pair
from sw import document
from sw.data import beats, protocols
from sw.metrics import percent

LAMSCN, GASF = "lamscn17", "gasf5"
BY_TIME, INTER_PATIENT, COMPARABLE = protocols.BY_TIME, beats.INTER_PATIENT, protocols.COMPARABLE


def _with_interval(found: dict, name: str) -> str:
    low, high = found["ci95"][name]
    return f"{found[name]:.3f} ({low:.3f} to {high:.3f})"


def labels_overview(stored: dict) -> str:
    """A row for each protocol of LAMSCN, with its float twin and guessing."""
    rows = []
    for protocol, found in stored["models"].get(LAMSCN, {}).get("accuracy", {}).items():
        whole = percent(found["subset_accuracy"])
        counts = f"{found['windows']:,}, {len(found['per_label'])}"
        main = [_with_interval(found, "micro_f1"), _with_interval(found, "macro_f1"), f"{found['map']:.3f}", whole]
        rows.append([f"*{protocol}*, hardware integers", counts, *main])
        others = {"float twin": found["float"]}
        others |= {name.replace("_", "'s ", 1).replace("class's", "most common"): of for name, of in found["guessing"].items()}
        names = {"record's majority": "guessing what most windows of the record have", "most common majority": "guessing NSR"}
        for name, of in others.items():
            mean = f"{of['map']:.3f}" if "map" in of else ""
            figures = [f"{of['micro_f1']:.3f}", f"{of['macro_f1']:.3f}", mean, percent(of["subset_accuracy"])]
            rows.append([f"... {names.get(name, name)}", "", *figures])
    header = ["", "windows, labels", "micro-F1 (95 %, over records)", "macro-F1 (95 %)", "mAP", "all labels right"]
    return document.table(header, rows) if rows else "(Not measured yet.)"


def labels(stored: dict) -> str:
    """Every label under the protocol of the shipped network."""
    found = stored["models"].get(LAMSCN, {}).get("accuracy", {}).get(BY_TIME)
    if not found:
        return "(Not measured yet.)"
    between = stored["models"][LAMSCN]["accuracy"].get(INTER_PATIENT, {}).get("per_label", {})
    rows = []
    for name, of in found["per_label"].items():
        average = f"{of['average_precision']:.3f}" if of["average_precision"] is not None else ""
        # Rates of a label that no test window has mean nothing.
        figures = (
            [f"{of['f1']:.3f}", percent(of["sensitivity"]), percent(of["positive_predictivity"])] if of["windows"] else [""] * 3
        )
        other = f"{between[name]['f1']:.3f} ({between[name]['windows']})" if name in between else ""
        rows.append([name, of["windows"], *figures, average, other])
    header = [
        "label",
        "test windows",
        "F1",
        "sensitivity",
        "positive predictivity",
        "average precision",
        "F1 between patients (windows)",
    ]
    return document.table(header, rows)


def images(stored: dict) -> str:
    """A row for each protocol of the GASF network, with its float twin and guessing."""
    rows = []
    for protocol, found in stored["models"].get(GASF, {}).get("accuracy", {}).items():
        for name, rates in (("hardware integers", found["rates"]), ("float twin", found["float"])):
            pairs = [pair(rates, k) for k in "SV"]
            macro = f"{found['macro_f1']:.3f}" if name == "hardware integers" else ""
            rows.append([f"*{protocol}*, {name}", f"{found['windows']:,}", f"{100 * rates['accuracy']:.2f} %", *pairs, macro])
        for name, text in (("record_majority", "guessing the record's most common class"), ("class_majority", "guessing N")):
            rows.append([f"... {text}", "", percent(found[name]), "", "", ""])
    header = ["", "beats", "accuracy", "S: Se / +P", "V: Se / +P", "macro-F1"]
    return document.table(header, rows) if rows else "(Not measured yet.)"


def whole_records(stored: dict) -> str:
    """What the GASF network tells of whole recordings behind the QRS detector."""
    return end_to_end(stored, GASF)
