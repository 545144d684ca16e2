"""Everything in software, without hardware: recordings and tasks (``data``), PyTorch models and the trained bundles
(``models``), training (``training``), the way from a trained network to exact integers (``export``), the QRS detector's
reference (``qrs``) and the scoring of beats (``beats``). In come recordings, out go bundles, integer models and figures. The
files at this level serve all of them: ``networks`` (every network's geometry by name), ``files``, ``cli``, ``report``,
``campaign``. Nothing here imports ``hw`` or ``sim``. Open ``networks`` first."""
