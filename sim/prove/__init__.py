"""``make prove``: what the gateware promises, proved by a solver for every input and not only for those that a bench draws. In go
components and sentences about them, out come ``docs/proofs.json`` and, where a sentence does not hold, a waveform of how. A
sentence is a :class:`~sim.prove.scene.Property`: a scene with the component in it, faults that must break it, and how it is proved.
``scene`` builds, ``solver`` proves, ``faults`` plants mistakes, ``scoreboard`` says what a queue promises; the other files are
the sentences, one file a family. Open ``scene`` first."""
