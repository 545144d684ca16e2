"""The QRS detector: in come raw samples of one lead, out go R peaks as sample numbers, equal to ``sw/qrs`` in every integer.
``envelope`` works through a sample in steps with one adder, ``judge`` decides which peaks of the envelope are beats,
``detector`` joins the two, ``top`` gives them AXI4-Stream ports. ``taps`` lets benches look inside. Open ``detector`` first."""
