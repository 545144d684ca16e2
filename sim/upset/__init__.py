"""Upsets: one bit of a running top flips, as radiation flips it, and what comes out is compared with what should have. In goes
a top's Verilog with real windows, out come counts: no effect, wrong logits, wrong class, lost windows, a stream that stands still;
and what brought the right results back.

``cells`` finds the flip-flops and memories in the Verilog, ``bed`` runs a top with flips (``upset.cpp``), ``outcome`` judges what
came out, and ``run`` is ``make upset``. Open ``run`` first."""
