"""The normaliser: in come raw samples as an ADC gives them, out go windows of z-scores in Q3.8, equal to
``sw/export/front/normaliser.py``. ``statistics`` adds samples up as they come, ``reciprocal`` makes the scale from the sums,
``scaler`` applies it to each sample. Open ``normaliser`` first."""
