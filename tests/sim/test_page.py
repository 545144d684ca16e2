"""A page of results holds all that it shows, and nothing of it is taken for HTML."""

import re

from bokeh.plotting import figure

from sim import page
from sw import files


def fetched(text: str) -> list[str]:
    """Tags by which a page would fetch something; what stands within scripts is none."""
    tags = re.sub(r"(<script[^>]*>).*?</script>", r"\1", text, flags=re.DOTALL)
    return re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(?!data:)[^>]*>', tags)


def test_what_is_fetched_is_found():
    assert fetched('<script>x="<img src=\'http:a\'>"</script><img src="data:x">') == []
    assert fetched('<script src="https://a/b.js"></script><link href="https://a/c.css">') != []


def test_a_page_needs_no_network_and_takes_text_as_text(tmp_path):
    plot = figure(height=100)
    plot.line([1, 2], [3, 4])
    (drawn,) = page.plots(plot)
    png = tmp_path / "p.png"
    files.write_bytes(png, b"\x89PNG")
    rows = [["<b>", 1234], ["x", 5]]
    parts = [
        page.paragraph("a < b", "caution"),
        page.heading("<i>"),
        page.table(["n", "v"], rows),
        page.picture(png, 'a "b"'),
        drawn,
    ]
    text = page.write(tmp_path / "p.html", "<script>", parts).read_text()
    assert "<b>" not in text.split("</head>")[-1] and "&lt;b&gt;" in text and "1,234" in text
    assert "<title>&lt;script&gt;</title>" in text and 'class="caution"' in text
    assert not fetched(text)
    assert "not a medical" in text or "no medical device" in text
