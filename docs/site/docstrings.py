"""Docstrings as the site shows them: lists stand apart, and names of other objects are code."""

import re

import griffe

ITEM = re.compile(r" {0,3}(- |\d+\. )")


def listed(text: str) -> str:
    """Markdown in which a list that follows a paragraph's line directly is a list, too, as it is where repositories are read."""
    lines, fenced = [], False
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        before = lines[-1] if lines else ""
        if not fenced and ITEM.match(line) and before and not re.match(r"\s|#|\||<", before) and not ITEM.match(before):
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


class Docstrings(griffe.Extension):
    """Changes each docstring as it is read."""

    def on_object(self, *, obj: griffe.Object, **_) -> None:
        """Tidy the object's docstring, if it has one."""
        if obj.docstring:
            obj.docstring.value = listed(re.sub(r":(?:class|func|meth|mod|data|attr):`~?([^`]+)`", r"`\1`", obj.docstring.value))
