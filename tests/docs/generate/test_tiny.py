"""The tiny engine's document."""

import pytest

from docs.generate import tiny as document
from sw.errors import PopbeatError


def test_the_document_shows_what_is():
    text = document.PATH.read_text()
    assert document.render(text, document.params()) == text, "write it anew: make report"
    with pytest.raises(PopbeatError, match="no section"):
        document.render("", document.params())
