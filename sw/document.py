"""Documents with generated parts: Markdown tables, and the sections that they are written to."""

import re

from sw.errors import PopbeatError


def table(header: list[str], rows: list[list]) -> str:
    """A Markdown table; integers get separators."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in line) + " |" for line in lines)


def fill(text: str, sections: dict[str, str], name: str) -> str:
    """The text of the document called ``name`` with new bodies between ``<!-- generated: <section> -->`` and ``<!-- end: ... -->``;
    a section that it does not have is a :class:`PopbeatError`."""
    for section, body in sections.items():
        pattern = re.compile(rf"(<!-- generated: {section} -->\n).*?(<!-- end: {section} -->)", re.DOTALL)
        if not pattern.search(text):
            raise PopbeatError(f"{name} has no section '<!-- generated: {section} -->' to write to")
        text = pattern.sub(lambda match, body=body: f"{match[1]}{body}\n{match[2]}", text)
    return text
