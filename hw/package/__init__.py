"""What goes with a generated Verilog file into somebody else's design: its description, a bench that needs no Python, assertions,
and a core for FuseSoC."""
