"""A page of results as one file that any browser opens without a network: text, tables, and Bokeh's plots with all that they need
inside."""

import base64
import html
from pathlib import Path

from bokeh.embed import components
from bokeh.resources import Resources

from sw import files, honesty

# Held in every page, so no more of them than are used.
SCRIPTS = Resources(mode="inline", components=["bokeh", "bokeh-widgets", "bokeh-tables"])
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1240px; padding: 1rem 1.5rem 3rem;
  color: #1c1c1c; }
h1 { font-size: 1.5rem; margin: .6rem 0 .2rem; } h2 { font-size: 1.1rem; margin: 1.8rem 0 .4rem; }
p { margin: .4rem 0; max-width: 60rem; } img { max-width: 100%; }
table { border-collapse: collapse; font-size: .9rem; } td, th { padding: .15rem .9rem .15rem 0; text-align: left;
  vertical-align: top; }
th { border-bottom: 1px solid #888; font-weight: 600; } td.number, th.number { text-align: right;
  font-variant-numeric: tabular-nums; }
td.path { overflow-wrap: anywhere; } .caution { background: #fff4d6; border-left: 4px solid #d89b00; padding: .4rem .8rem; }
.loud { background: #fbdcdc; border-left: 4px solid #b00020; padding: .4rem .8rem; font-weight: 600; }
.scroll { overflow-x: auto; } .scroll.high { max-height: 26rem; overflow-y: auto; }
"""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text; ``kind`` ``caution`` or ``loud`` sets it off."""
    return f'<p class="{kind}">{html.escape(text)}</p>' if kind else f"<p>{html.escape(text)}</p>"


def heading(text: str) -> str:
    """A heading of a section."""
    return f"<h2>{html.escape(text)}</h2>"


def table(header: list[str], rows: list[list], high: bool = False) -> str:
    """A table; numbers stand at the right. ``high``: a long one scrolls by itself."""
    numbers = [
        bool(rows) and all(isinstance(row[i], (int, float)) or row[i] is None for row in rows)
        for i in range(len(rows[0] if rows else []))
    ]

    def cell(tag: str, value, number: bool) -> str:
        text = "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
        return f"<{tag}{' class=number' if number else ''}>{html.escape(text)}</{tag}>"

    lines = ["".join(cell("th", name, number) for name, number in zip(header, numbers, strict=True))] if header else []
    lines += ["".join(cell("td", value, number) for value, number in zip(row, numbers, strict=True)) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll{" high" if high else ""}"><table>{body}</table></div>'


def picture(path: Path, what: str) -> str:
    """A PNG, held in the page itself."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{html.escape(what, quote=True)}" src="data:image/png;base64,{data}">'


def plots(*models) -> list[str]:
    """Bokeh models as pieces of a page that share one script; the script stands in the last one."""
    script, places = components(models)
    return [*places[:-1], places[-1] + script]


def write(path: Path, title: str, parts: list[str]) -> Path:
    """Write a page of ``parts``, pieces of HTML in their order."""
    text = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>{SCRIPTS.render()}</head>\n'
        f"<body><h1>{html.escape(title)}</h1>\n"
        + "\n".join(parts)
        + f"\n<p>{html.escape(honesty.NOT_A_DEVICE)}.</p></body></html>\n"
    )
    return files.write_bytes(path, text.encode())
