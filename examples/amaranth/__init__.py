"""The classifier as a part of another Amaranth design: ``monitor``."""
