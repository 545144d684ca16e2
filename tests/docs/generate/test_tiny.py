"""The tiny engine's document."""

import pytest

from docs.generate import pages
from sw import files
from sw.errors import PopbeatError


def test_the_document_shows_what_is():
    text = (files.ROOT / "docs" / "tiny.md").read_text()
    assert pages.render("docs/tiny.md", text, {}) == text, "write it anew: make report"
    with pytest.raises(PopbeatError, match="no section"):
        pages.render("docs/tiny.md", "", {})
