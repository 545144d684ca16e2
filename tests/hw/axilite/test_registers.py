"""The register map: without overlaps, documented, and the same in the docs."""

from hw.axilite import registers
from sw import files


def test_the_map_is_sound():
    addresses = [register.address for register in registers.MAP]
    assert addresses == sorted(set(addresses)) and all(place % 4 == 0 for place in addresses)
    assert addresses[-1] < 1 << registers.ADDRESS_BITS
    for register in registers.MAP:
        assert list(register.fields) == list(register.places()), register.name
        assert all(high < 32 for high, _ in register.places().values()), register.name


def test_the_docs_have_the_map():
    assert registers.table() in (files.ROOT / "docs" / "axilite.md").read_text()
