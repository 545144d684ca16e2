"""Bulk simulation: a design compiled by Verilator with a C++ program around it. In go many windows, or whole leads, as files;
out come results, every layer's output and cycle numbers, as files again. ``runner`` runs windows (``harness.cpp``), ``array``
loads the image first, ``chunks`` shares windows out among cores; ``qrs`` and ``record`` run whole leads, ``board`` a board's
serial line. Open ``runner`` first."""
