"""Netlists behind synthesis. In go a bundle, a device and real windows; out come logits and cycles, which must be the integer
model's and the prediction's, and how often nets toggle (``make gate``, in ``netlist``). ``cells`` gathers the models of the
device's cells, ``toggles`` counts. Open ``netlist`` first."""
