"""The classifier in a LiteX SoC: ``soc``."""
