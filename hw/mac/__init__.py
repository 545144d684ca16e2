"""The multi-bit array: one design for ``alq17``, ``gasf5`` and ``lamscn17``. In come raw samples on ``s_axis`` and a network's
image on ``c_axis``, out go packets of class and logits on ``m_axis``. ``top`` has the ports, ``front`` the front ends,
``array`` the engine: ``loader``, ``sequencer``, ``memory``, ``lanes``, ``post`` and ``writer``. ``params`` lists the sizes,
``design`` writes Verilog and image. The reference is ``sw/export/array/machine.py``. Open ``array`` first; ``docs/array.md``
tells the story."""
