"""Coverage: which lines, branches and bits of a top's Verilog the conditions of the benches reach. In go a top's Verilog and its
bed (:mod:`sim.mutate.beds`), or an array with its cocotb benches, out come counts by component and what was never reached.

``points`` reads what Verilator counted, ``beds`` makes it count, and ``run`` is ``make coverage``. Open ``run`` first."""
