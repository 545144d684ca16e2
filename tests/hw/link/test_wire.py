"""Frames of the host link."""

from hw.link import wire as link


def test_frames_survive_their_surroundings():
    frames = [link.Frame(link.SAMPLES, k, bytes(range(k))) for k in range(0, 255, 17)]
    noise = bytes([1, 2, 0xA5, 3])
    stream = noise + b"".join(f.encode() for f in frames)
    decoder = link.Decoder()
    seen = [f for i in range(0, len(stream), 7) for f in decoder.feed(stream[i : i + 7])]
    assert seen[-len(frames) + 1 :] == frames[1:]
    damaged = bytearray(frames[3].encode())
    damaged[6] ^= 1
    decoder = link.Decoder()
    assert list(decoder.feed(bytes(damaged) + frames[4].encode())) == [frames[4]]
    assert decoder.broken >= 1
