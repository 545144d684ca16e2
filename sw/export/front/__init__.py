"""The front ends in exact integers. In come raw samples, out go what a network takes: ``normaliser`` makes a window's z-scores,
``image`` a beat's Gramian angular summation field. They are the references of ``hw/front`` and ``hw/images``, and training sees
their integers, too. Open ``normaliser`` first."""
