"""Foldings of binary networks. In go a bundle and a device or a budget, out comes the fastest or the smallest folding (``make
explore``, in ``__main__``). ``solver`` searches, with the areas that ``area`` estimates from ``area_ecp5.json`` and
``area_gowin.json``; ``calibrate`` fits these to blocks that ``build`` synthesises; ``place`` tries what is found. Open ``solver``
first."""
