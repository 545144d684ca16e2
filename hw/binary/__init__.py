"""The streaming binary datapath: all blocks of a binary network at work at once. In come raw samples on ``s_axis``, out go
packets of class and logits on ``m_axis``. ``top`` has the ports, ``datapath`` the blocks and the head; a ``block`` is a chain
of ``window``, ``sequencer``, ``matrix``, ``threshold``, ``pool`` and ``columns``. ``folding`` says how much of a block works at
once, ``schedule`` predicts every cycle. Open ``top`` first, then ``block``."""
