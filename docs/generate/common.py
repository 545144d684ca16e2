"""What several tables need: the protocol of a shipped network, how it was compared, areas and clocks in words."""

from sw.export import bundle, bundles
from sw.metrics import percent

NOT_YET = "(Not measured yet.)"


def shipped_under(name: str) -> str:
    """The protocol that the shipped network of a model was trained under."""
    return bundles.read(bundle.SHIPPED / name).training["protocol"]


def compared(rtl: dict) -> str:
    """Windows through the RTL, of how many."""
    return f"{rtl['windows']:,}" + ("" if rtl["full"] else f" of {rtl['all_windows']:,}")


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


def pair(rates: dict, kind: str) -> str:
    """Sensitivity / positive predictivity of a kind of beats."""
    return " / ".join(percent(rates[f"{kind}_{what}"]) for what in ("sensitivity", "positive_predictivity"))


def clock(figures: dict) -> str:
    """The worst clock in MHz, and of how many placements."""
    seeds = f"worst of {figures['seeds']} seeds" if figures["seeds"] > 1 else "one seed"
    return f"{figures['fmax_mhz']:.1f} ({seeds})"
