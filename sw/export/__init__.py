"""From a trained network to exact integers. In goes a PyTorch network, out come its bundle (``bundle``, for both kinds
``bundles``) and integer models that the hardware must equal: the front ends in ``front``, binary networks in ``binary``,
networks for the multi-bit array, with their compiler, in ``array``. ``rounding`` has the one rounding and the one saturation.
Reading a bundle needs no PyTorch, and ``hw`` reads them here. Open ``bundle`` first."""
