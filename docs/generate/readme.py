"""README's tables: every model in a row, and which command measured what."""

from docs.generate.common import best, clock, micros, shipped_under
from sw import document
from sw.data import beats, protocols
from sw.metrics import percent

# Protocols under which no patient of the test was trained on.
BETWEEN = (beats.INTER_PATIENT, protocols.BETWEEN_PATIENTS)


def models(stored: dict) -> str:
    """A row for each model: what it does, how well, with what effort. The figures of one place are those of its fastest clock."""
    rows = []
    for name, model in stored["models"].items():
        protocol = shipped_under(name)
        between = next((model["accuracy"][p] for p in BETWEEN if p in model["accuracy"]), None)
        placed, where = best(model), ["not placed", "", "", ""]
        if placed:
            where = [placed["device"], f"{placed['lut4']:,}", clock(placed), *micros(placed, "classification_us")]
        rows.append(
            [
                f"`{name}`",
                model["task"],
                f"{_accuracy(model['accuracy'][protocol])}, *{protocol}*",
                _accuracy(between) if between else "",
                f"{model['stored_bytes']:,}",
                f"{model['rtl']['interval_cycles']:,}",
                *where,
            ]
        )
    header = ["model", "task", "accuracy, protocol", "between patients", "bytes", "cycles"]
    return document.table([*header, "device", "LUT4", "MHz", "µs"], rows)


def _accuracy(figures: dict) -> str:
    return f"micro-F1 {figures['micro_f1']:.3f}" if "micro_f1" in figures else percent(figures["accuracy"])


def commands(stored: dict) -> str:
    """Which command measured what."""
    of = stored["models"].values()
    trained = sorted({f["command"] for m in of for f in m["accuracy"].values()})
    placed = [f for m in of for f in m.get("fpga", {}).values()]
    tools = sorted({tool for f in placed for tool in f["tools"]})
    hashes = [f"`{name}` {m['rtl']['verilog_sha256'][:16]}" for name, m in stored["models"].items()]
    items = [
        "accuracy: " + ", ".join(f"`{command}`" for command in trained),
        f"area and clock, {', '.join(tools)}: " + ", ".join(f"`{f['command']}`" for f in placed),
        f"cycles and equality: `make sim FULL=1`, Verilog SHA-256 {', '.join(hashes)}",
    ]
    return "\n".join(f"- {item}" for item in items)
