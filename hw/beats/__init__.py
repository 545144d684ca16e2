"""Beats from a running recording, for binary networks. In come raw samples of one lead, out go labelled beats with the number
of their R peak's sample (``top``). ``front`` puts the QRS detector beside what cuts beats out: ``segmenter`` (words and
samples, for ``bnnbeat5``) or ``cutter`` (256 samples, for images). ``rhythm`` and ``hidden`` turn a packet's words into the
bits that the binary network takes beside its samples. The reference is ``sw/beats/chain.py``. Open ``top`` first."""
