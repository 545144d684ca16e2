"""Cases of the host link's parts."""
