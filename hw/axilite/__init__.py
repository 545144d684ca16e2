"""A classifier behind registers: AXI4-Lite instead of the stream of results, for a processor's bus. Any classifier's top goes in;
``top`` has it with a queue of results (``queue``) and the registers (``registers``, whose map is also docs/axilite.md).
``python -m hw.axilite`` writes the Verilog. Open ``top`` first."""
