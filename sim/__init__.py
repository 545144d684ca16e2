"""Simulators, comparison, and the commands that measure. In go bundles, recordings and the Verilog that ``hw`` generates; out
come figures in ``build/report.json``, pictures and files, or an error where a value differs. ``run`` is ``make sim``; ``beats``,
``classify``, ``detect``, ``explore``, ``networks``, ``soak`` and ``waves`` are the commands of these names, ``widths`` is part of
``make curve``. ``compare`` is the scoreboard, ``canary`` plants faults that it must notice, ``engines`` hides which engine a
bundle runs on. ``benches`` holds cocotb, ``bulk`` C++ programs, ``gate`` netlists, ``prove`` proofs, ``mutate`` mutants,
``cover`` coverage, ``upset`` flipped bits, ``fuzz`` broken inputs. Open ``run`` first."""
