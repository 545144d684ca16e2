"""Figures that others report for the same tasks, as they report them."""

# What others say of theirs, for the same tasks: name, device and kind of LUT, LUTs, MHz, microseconds, and what differs.
DESIGNS = (
    (
        "published build of `bnn5`'s network (91.60 %)",
        "Xilinx",
        "82,045 LUT6, 112,768 FF, 10 DSP",
        "50",
        "89.2",
        "",
        "binarises its input, too; no normaliser",
    ),
    ("published 17-class CNN (89.7 %)", "xc7z020", "36,778 LUT6", "50", "4,403", "", "220,154 cycles"),
)

# Sensitivity / positive predictivity of S and of V on DS2, and accuracy, as others report them for N S V F.
BEATS = (
    ("de Chazal et al. 2004, hand-made features", "", "75.9 % / 38.5 %", "", "77.7 % / 81.9 %", "", ""),
    ("LUT networks 2026, four classes, the best", "94.3 %", "", "", "", "", ""),
)
