"""Mutants: a generated top with one small fault each, to judge the benches. In goes a top's Verilog, out comes what became of each
of its mutants: killed by a comparison of the benches, proved equivalent, explained, or left over, which is a hole in a bench.

``netlist`` lists mutants and puts them all into one model, ``stimulus`` is what goes through a top and what must come back,
``beds`` makes that of each kind of top, ``judge`` runs mutants on it (``judge.cpp``), ``equivalence`` proves that a mutant changes
nothing, ``source`` changes the Amaranth source instead, and ``run`` is ``make mutate``. Open ``run`` first."""
