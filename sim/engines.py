"""The two engines under one roof: for a bundle of either kind its design, its simulation, its integer and its golden model."""

import numpy as np

from hw import configurations, generate
from hw.mac import design as mac_design
from sim.bulk.array import MacHarness
from sim.bulk.runner import Harness
from sw import files
from sw.export import bundle
from sw.export.array import integer as array_integer
from sw.export.array.bundle import GraphBundle
from sw.export.binary import integer
from sw.export.bundles import Bundle


def trace(packed: Bundle, samples: np.ndarray):
    """The integer model's trace of raw windows."""
    return (array_integer if isinstance(packed, GraphBundle) else integer).run(packed, samples)


def golden(packed: Bundle, parameters: dict[str, np.ndarray]):
    """The golden model in float64."""
    from sw.export.array import golden as array_golden
    from sw.export.binary import fold

    return array_golden.golden(packed, parameters) if isinstance(packed, GraphBundle) else fold.golden(packed.network, parameters)


def golden_logits(packed: Bundle, net, samples: np.ndarray) -> np.ndarray:
    """The golden model's logits in the bundle's units."""
    from sw.export.array import golden as array_golden
    from sw.export.binary import fold

    return (array_golden if isinstance(packed, GraphBundle) else fold).golden_logits(net, packed, samples)


class BinaryEngine:
    """A bundle on the streaming binary datapath or on the tiny engine; ``config`` is the name or file of a folding, or ``tiny``."""

    DEFAULT = "full"

    def __init__(self, packed: bundle.Bundle, config: str):
        self.bundle, self.folding = packed, configurations.get(config)
        self.config = self.folding.name
        self.design = generate.generate(packed, self.folding)
        self.cycles = configurations.cycles(self.design.params)
        self.image: bytes | None = None
        self.report: dict = {}

    def harness(self, waves: bool = False) -> Harness:
        """The bulk simulation, compiled; with ``waves`` it can write value change dumps."""
        return Harness(self.design, waves=waves)

    def altered(self, packed: bundle.Bundle, harness: Harness) -> Harness:
        """The bulk simulation of another bundle of the same shape."""
        home = files.BUILD / self.bundle.model
        design = generate.generate(packed, self.folding, home / "canary")
        return Harness(design, home / f"canary_{self.config}", brief=True)


class MacEngine:
    """A bundle on the multi-bit array; ``config`` is the name of an array. ``DEFAULT`` is the one that ``full`` stands for."""

    def __init__(self, packed: GraphBundle, config: str):
        self.bundle, self.params = packed, mac_design.config(config, packed)
        self.config, self.DEFAULT = self.params.name, mac_design.largest(packed)
        self.design = mac_design.generate(packed, self.params)
        self.cycles = self.design.cycles
        self.image: bytes | None = self.design.image
        self.report = {
            "program_cycles": self.cycles.program,
            "utilisation": self.design.description["utilisation"],
            "image_bytes": len(self.design.image),
            "image_sha256": self.design.description["image_sha256"],
        }

    def harness(self, waves: bool = False) -> MacHarness:
        """The bulk simulation, compiled; with ``waves`` it can write value change dumps."""
        return MacHarness(self.design, waves=waves)

    def altered(self, packed: GraphBundle, harness: MacHarness) -> MacHarness:
        """The same simulated array with another network."""
        changed = mac_design.generate(packed, self.params, files.BUILD / self.bundle.model / "canary")
        return MacHarness(changed)


def engine(packed: Bundle, config: str) -> BinaryEngine | MacEngine:
    """The engine of a bundle."""
    return (MacEngine if isinstance(packed, GraphBundle) else BinaryEngine)(packed, config)
