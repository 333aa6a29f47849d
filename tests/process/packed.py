"""What Python's library does not pack: zstd."""
import struct


def zstd(data, repeated=b"", times=0):
    """A frame of zstd, not packed at all: its blocks as they are; then `times` blocks of 128 KiB of the byte `repeated`."""
    size = 128 << 10
    blocks = [(0, len(data[at:at + size]), data[at:at + size]) for at in range(0, len(data), size)]
    blocks += [(1, size, repeated)] * times
    frame = b"\x28\xb5\x2f\xfd" + bytes([0x00, 0x38])  # a window of 128 KiB, and no size
    for number, (kind, length, content) in enumerate(blocks, 1):
        frame += struct.pack("<I", (number == len(blocks)) | kind << 1 | length << 3)[:3] + content
    return frame
