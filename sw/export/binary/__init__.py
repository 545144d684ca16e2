"""Binary networks in exact integers. In goes a trained network: ``fold`` turns PReLU and batch norm into thresholds and
quantises the head. ``integer`` then computes logits and class from raw samples, as the hardware must; ``rhythm`` has the rhythm
bits of beats. Open ``fold`` first."""
