"""Any recording through the simulated hardware, and what is left of it for its reader.

In: the path of a recording (:mod:`sw.data.recordings`) and a bundle. Out: a folder with a table (CSV), a JSON, an annotation
file of WFDB, pictures and a page that any browser opens. Open first ``opening.py`` (which lead, which stretch, what for), then
``windows.py`` and ``beats.py`` (what the hardware says), ``peaks.py`` (R peaks alone), ``output.py`` (files), ``pictures.py``,
``page.py``.
"""
