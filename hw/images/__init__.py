"""Images of beats. In come a beat's 256 raw samples, out goes its Gramian angular summation field, 64 by 64 values of int8,
equal to ``sw/export/front/image.py`` (``gasf``, made of ``points``, ``angles`` and ``outer``). ``front`` makes an image for
every beat of a running recording; ``top`` puts detector and cutter in front of the multi-bit array, for labelled beats. Open
``gasf`` first."""
