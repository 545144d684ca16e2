"""What several tables need: the protocol of a shipped network, how it was compared, areas and clocks in words."""

from sw import honesty
from sw.export import bundle, bundles
from sw.metrics import percent

NOT_YET = "(Not measured yet.)"


def shipped_under(name: str) -> str:
    """The protocol that the shipped network of a model was trained under."""
    return bundles.read(bundle.SHIPPED / name).training["protocol"]


def between(model: dict) -> dict | None:
    """A model's figures with patients that its training never saw, if there are some."""
    return next((model["accuracy"][p] for p in honesty.BETWEEN if p in model["accuracy"]), None)


def compared(name: str, model: dict) -> str:
    """Windows through the RTL; of how many, where those are fewer than accuracy was measured on."""
    through, tested = model["rtl"]["windows"], model["accuracy"][shipped_under(name)]["windows"]
    return f"{through:,}" + (f" of {tested:,}" if through < tested else "")


def busy(rtl: dict) -> str:
    """Which part of the lanes' time is work, of networks on the array."""
    return percent(rtl["utilisation"]) if "utilisation" in rtl else ""


def micros(figures: dict, *names: str) -> list[str]:
    """Times in µs, where a configuration has them."""
    return [f"{figures[name]:,.1f}" if name in figures else "" for name in names]


def best(model: dict) -> dict | None:
    """The placement that tables with one row a model show: of the configuration that all windows went through, if that was placed,
    the one of the fastest clock."""
    placed = list(model.get("fpga", {}).values())
    same = [figures for figures in placed if figures["config"] == model["rtl"]["config"]]
    return max(same or placed, key=lambda figures: figures["fmax_mhz"], default=None)


def interval(model: dict) -> str:
    """Cycles from window to window, and in which configuration."""
    rtl = model["rtl"]
    return f"{rtl['interval_cycles']:,} (`{rtl['config']}`)"


def place(model: dict) -> list[str]:
    """Where a model was placed, device and configuration, then LUT4, clock and time to the answer."""
    placed = best(model)
    if placed is None:
        return ["not placed", "", "", ""]
    return [f"{placed['device']}, `{placed['config']}`", f"{placed['lut4']:,}", clock(placed), *micros(placed, "classification_us")]


def pair(rates: dict, kind: str) -> str:
    """Sensitivity / positive predictivity of a kind of beats."""
    return " / ".join(percent(rates[f"{kind}_{what}"]) for what in ("sensitivity", "positive_predictivity"))


def clock(figures: dict) -> str:
    """The worst clock in MHz, and of how many placements."""
    seeds = f"worst of {figures['seeds']} seeds" if figures["seeds"] > 1 else "one seed"
    return f"{figures['fmax_mhz']:.1f} ({seeds})"
