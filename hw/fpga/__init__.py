"""Synthesis, place and route with yosys and nextpnr. In go Verilog and a device, out come area, clock and bitstream (``flow``).
``measure`` is ``make fpga``; ``seeds`` places several times, the worst counts; ``devices`` lists what can be placed;
``output_registers`` moves registers into an ECP5's block RAMs. Open ``flow`` first."""
