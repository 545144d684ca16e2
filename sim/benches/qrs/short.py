"""Parameters of a QRS detector for its parts' cases."""

from sw.qrs.params import QrsParams

# So short that a few hundred samples see every branch.
SHORT = QrsParams(
    taps=4, smooth=3, hold=5, learning=30, t_wave=12, search_from=8, search_limit=40, search_age=50, silence=60, floor=64
)
