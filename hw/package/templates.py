"""Files with places to fill in: ``@{word}``, since Verilog has its own use for the dollar."""

import re
from pathlib import Path

from sw import files

FOLDER = Path(__file__).parent


def fill(file: str, **words) -> str:
    """The template ``file`` of this folder with ``words`` in their places, and the project's licence; a word that is not given is
    a :class:`KeyError`."""
    words |= {"licence": files.project()["license"]}
    return re.sub(r"@\{(\w+)\}", lambda match: str(words[match[1]]), (FOLDER / file).read_text())
