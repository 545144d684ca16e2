"""Beats behind the network: the whole chain in integers, and what its answers are worth. In go a lead's raw samples, out come
labelled beats (``chain``, the reference of ``hw/beats/top.py`` and ``hw/images/top.py``; ``images`` makes the images on the
way). ``score`` holds beats against reference annotations as EC57 asks, ``figures`` works out Se, +P and F1, ``annotations``
writes WFDB files, ``bxb`` asks WFDB's own judge. Open ``chain`` first."""
