"""Pictures, drawn without a screen and written whole or not at all."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the backend is chosen first)


def save(figure, path: Path, dpi: int = 100, rect: tuple[float, float, float, float] | None = (0, 0, 1, 1)) -> Path:
    """Write a figure, laid out within ``rect`` (``None``: as it is), as PNG (the same bytes for the same drawing) and close it."""
    if rect is not None:
        figure.tight_layout(rect=rect)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    figure.savefig(temporary, dpi=dpi, format="png", metadata={"Software": None})
    pyplot.close(figure)
    temporary.replace(path)
    return path
