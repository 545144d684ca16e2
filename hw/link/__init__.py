"""The host link: a classifier behind a serial line. In come bytes from a host, out go a classifier's streams of samples and
images; its results go back as frames. ``wire`` is the format, and the decoder that the host's program uses; ``uart`` has the
line, ``frames`` lengths, numbers and CRC, ``host`` joins them to the streams. Open ``wire`` first."""
