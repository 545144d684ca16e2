"""``make report``: the tables of README and docs and their pictures, from measured figures (:mod:`docs.generate.store`) and from
nothing else."""

from pathlib import Path

from docs.generate import (
    accuracy,
    beats,
    coverage,
    detection,
    figures,
    fpga,
    graphs,
    guard,
    history,
    mutants,
    proofs,
    readme,
    store,
    tiny,
    upsets,
    verification,
)
from docs.generate.common import shipped_under
from sw import cli, document, files

DOCS = files.ROOT / "docs"
# The generated sections of every page: what draws each of them from the stored figures.
PAGES = {
    "README.md": {"models": readme.models},
    "docs/accuracy.md": {
        "systems": accuracy.systems,
        "results": accuracy.results,
        "protocols": accuracy.by_protocol,
        "classes": accuracy.classes,
    },
    "docs/fpga.md": {
        "fpga": fpga.fpga,
        "synthesis_only": fpga.synthesis_only,
        "netlists": fpga.netlists,
        "switching": fpga.switching,
        "commands": readme.commands,
    },
    "docs/boards.md": {"boards": fpga.boards},
    "docs/explore.md": {"placed": fpga.placed},
    "docs/folding.md": {"configurations": fpga.configurations},
    "docs/beats.md": {
        "beats": beats.between_patients,
        "seeds": beats.seeds,
        "records": beats.records,
        "end_to_end": beats.end_to_end,
    },
    "docs/detection.md": detection.SECTIONS,
    "docs/lamscn.md": {"overview": graphs.labels_overview, "labels": graphs.labels},
    "docs/gasf.md": {"figures": graphs.images, "recordings": graphs.whole_records},
    "docs/tiny.md": tiny.SECTIONS,
    "docs/proofs.md": proofs.SECTIONS,
    "docs/mutants.md": mutants.SECTIONS,
    "docs/coverage.md": coverage.SECTIONS,
    "docs/upsets.md": upsets.SECTIONS,
    "docs/guard.md": guard.SECTIONS,
    "docs/verification.md": verification.SECTIONS,
    "docs/history.md": {"history": lambda stored: history.table(history.load())},
}


def render(page: str, text: str, stored: dict) -> str:
    """A page's text with every generated section drawn anew."""
    return document.fill(text, {name: draw(stored) for name, draw in PAGES[page].items()}, page)


def draw_pictures(stored: dict, folder: Path = DOCS) -> None:
    """Confusion matrices, the whole, and the data's way."""
    for name, model in stored["models"].items():
        protocol = shipped_under(name)
        if "confusion" in model["accuracy"][protocol]:  # sets of labels have none
            figures.confusion(folder / f"confusion_{name}.png", name, protocol, model["accuracy"][protocol])
    figures.dataflow(folder / "dataflow.png")
    figures.overview(folder / "overview.png", stored)


app = cli.new_app(__doc__)


@app.command()
def main() -> None:
    """Draw the tables and pictures of README and docs from the stored figures; stores those of a new full run first."""
    stored = store.store()
    history.write(stored)
    draw_pictures(stored)
    for page in PAGES:
        path = files.ROOT / page
        files.write_bytes(path, render(page, path.read_text(), stored).encode())
    cli.say(f"drawn from {store.STORED}: {', '.join(PAGES)}, pictures in {DOCS}")


if __name__ == "__main__":
    cli.run(app)
