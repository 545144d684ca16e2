"""A generated design in JSON, for people and programs that instantiate it: ``design.schema.json`` in this folder."""

import json
from pathlib import Path

from amaranth.lib import wiring

from hw import verilog
from hw.mac.loader import Status
from sw import files
from sw.export.bundles import Bundle

SCHEMA = json.loads(Path(__file__).with_name("design.schema.json").read_text())


def common(top: wiring.Component, name: str, text: str, packed: Bundle, loaded: bool = False) -> dict:
    """What every top says of itself: its Verilog ``text`` as module ``name``, and the network of ``packed``, which is in the
    hardware or (``loaded``) comes over ``c_axis``."""
    project = files.project()
    return {
        "schema": SCHEMA["$id"],
        "top": name,
        "popbeat": project["version"],
        "licence": project["license"],
        "verilog_sha256": verilog.digest(text),
        "bundle_sha256": packed.sha256,
        "model": packed.model,
        "task": packed.task,
        "classes": list(packed.classes),
        "clock": "clk",
        "reset": "rst (synchronous, active high)",
        "ports": verilog.ports(top),
        **({"status": {each.name.lower(): each.value for each in Status}} if loaded else {}),
    }
