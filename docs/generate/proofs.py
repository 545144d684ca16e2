"""The table of what is proved of the gateware, from what ``make prove`` stored."""

from sw import document, files

STORED = files.ROOT / "docs" / "proofs.json"


def table(_stored: dict) -> str:
    """A row a property."""
    made = files.read_json(STORED, "proofs")
    rows = [
        [
            entry["says"],
            entry["name"].split(":")[0],
            entry["method"],
            entry["solver"],
            f"{entry['size']['cells']:,}",
            f"{entry['size']['register_bits']:,}",
            entry["faults"],
        ]
        for entry in made["proofs"]
    ]
    head = ["what holds", "of", "method", "solver", "cells", "register bits", "faults caught"]
    tools = ", ".join(f"{name} {number}" for name, number in made["tools"].items())
    return f"{document.table(head, rows)}\n\nWritten by `{made['command']}` with {tools}."


SECTIONS = {"proofs": table}
