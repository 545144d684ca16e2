"""The classifier in designs of others: as a part of an Amaranth design (``amaranth``), and in a LiteX SoC (``litex``)."""
