"""README's tables: every model in a row, and which command measured what."""

from docs.generate.common import between, interval, place, shipped_under
from sw import document
from sw.metrics import percent


def models(stored: dict) -> str:
    """A row for each model: what it does, how well, with what effort. Cycles and placements name their configurations, which differ
    where what was placed is not what all windows went through; of several devices the one of the fastest clock is shown."""
    rows = []
    for name, model in stored["models"].items():
        protocol = shipped_under(name)
        apart = between(model)
        rows.append(
            [
                f"`{name}`",
                model["task"],
                f"{_accuracy(model['accuracy'][protocol])}, *{protocol}*",
                f"{_accuracy(apart)}, guessing {_guessing(apart)}" if apart else "not measured",
                f"{model['stored_bytes']:,}",
                interval(model),
                *place(model),
            ]
        )
    header = ["model", "task", "accuracy, protocol", "between patients", "bytes", "cycles"]
    return document.table([*header, "placed", "LUT4", "MHz", "µs"], rows)


def _accuracy(figures: dict) -> str:
    return f"micro-F1 {figures['micro_f1']:.3f}" if "micro_f1" in figures else percent(figures["accuracy"])


def _guessing(figures: dict) -> str:
    """What always giving the answer that most windows have would reach."""
    if "micro_f1" in figures:
        return f"{figures['guessing']['class_majority']['micro_f1']:.3f}"
    return percent(figures["class_majority"])


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
