#!/usr/bin/env python3
"""Writes the fixtures of Tests/SwiftletImageIOTests: what Pillow makes of PNG files and of resizing.

usage: make_image_fixtures.py OUT_FOLDER [PHOTO.png ...]     (needs Pillow below 13 and numpy; made with Pillow 11.3.0)

Below 13, since that shrinks vertically first where the height loses more than the width (pull request 9549): other bytes
than the ones with which today's networks were trained.

png.tsv      name, width, height, channels, the PNG file in hex, the decoded bytes in hex. The files are built here chunk by
             chunk, since Pillow itself writes neither Adam7 nor most depths.
resize.tsv   seed, source width and height, channels, output width and height, shorter side (0: stretch), the bytes in
             hex. Sources are noise from SplitMix64, so that they need not be stored.
photos.tsv   file name, CRC-32 of the centre 224x224 after the shorter side went to 256 (only when photos are given).
"""
import io
import os
import struct
import sys
import zlib

import numpy as np
from PIL import Image

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}


def noise(count, seed):
    """`count` bytes: the low byte of each number of SplitMix64."""
    mask = (1 << 64) - 1
    out = bytearray()
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        out.append((z ^ (z >> 31)) & 255)
    return np.frombuffer(bytes(out), np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(samples, depth):
    """Rows of samples (values below 2**depth) as PNG's bytes, each row after a filter byte."""
    rows = b""
    for number, row in enumerate(samples):
        flat = row.reshape(-1)
        if depth == 16:
            data = flat.astype(">u2").tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in flat)
            bits += "0" * (-len(bits) % 8)
            data = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        # Filter 1 (Sub) on every other row, 0 on the rest: both are the reader's concern.
        step = max(row.shape[-1] * depth // 8, 1)
        if number % 2:
            sub = bytes((data[i] - (data[i - step] if i >= step else 0)) & 255 for i in range(len(data)))
            rows += b"\1" + sub
        else:
            rows += b"\0" + data
    return rows


def encode(samples, color, depth, interlaced, extra=b""):
    height, width, _ = samples.shape
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        raw = b"".join(packed(p, depth) for p in passes if p.size)
    else:
        raw = packed(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    body = zlib.compress(raw, 9)
    half = len(body) // 2
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"gAMA", struct.pack(">I", 100000)) + extra
        + chunk(b"IDAT", body[:half]) + chunk(b"IDAT", body[half:]) + chunk(b"IEND", b"")
    )


def decoded(data):
    """Pillow's bytes, in grey for grey files and RGB for all others, alpha dropped."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    if picture.mode.startswith("I"):
        # Pillow clips 16-bit grey when it converts; the upper byte is what it takes of 16-bit colour.
        return (np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8)[..., None]
    # Pillow opens 16-bit grey with alpha as colour; byte 25 is the file's own colour type.
    array = np.asarray(picture.convert("RGB"))
    return array[..., :1] if data[25] in (GREY, GREY_ALPHA) else array


def write_png(path):
    cases = []
    depths = {GREY: [1, 2, 4, 8, 16], RGB: [8, 16], PALETTE: [1, 2, 4, 8], GREY_ALPHA: [8, 16], RGB_ALPHA: [8, 16]}
    names = {GREY: "grey", RGB: "rgb", PALETTE: "palette", GREY_ALPHA: "grey-alpha", RGB_ALPHA: "rgb-alpha"}
    seed = 1
    for color, list_of_depths in depths.items():
        for depth in list_of_depths:
            for interlaced in (False, True):
                sizes = [(13, 9)] + ([(1, 1), (3, 2), (5, 1), (1, 5)] if color == RGB and depth == 8 else [])
                for width, height in sizes:
                    seed += 1
                    count = height * width * SAMPLES[color]
                    values = noise(2 * count, seed).view(">u2") & ((1 << depth) - 1)
                    samples = values.reshape(height, width, SAMPLES[color])
                    extra = chunk(b"PLTE", noise(3 << depth, seed + 99).tobytes()) if color == PALETTE else b""
                    suffix = "-adam7" if interlaced else ""
                    name = f"{names[color]}{depth}-{width}x{height}{suffix}"
                    cases.append((name, encode(samples, color, depth, interlaced, extra)))
    samples = noise(13 * 9 * 3, 70).reshape(9, 13, 3).astype(np.uint16)
    cases.append(("rgb8-key", encode(samples, RGB, 8, False, chunk(b"tRNS", struct.pack(">3H", *map(int, samples[2, 2]))))))
    cases.append(("grey8-key", encode(samples[..., :1], GREY, 8, False, chunk(b"tRNS", struct.pack(">H", int(samples[2, 2, 0]))))))
    palette = chunk(b"PLTE", noise(48, 71).tobytes()) + chunk(b"tRNS", bytes([0, 128, 255]))
    cases.append(("palette4-key", encode(samples[..., :1] & 15, PALETTE, 4, False, palette)))
    with open(path, "w") as file:
        for name, data in cases:
            pixels = decoded(data)
            height, width, channels = pixels.shape
            print(name, width, height, channels, data.hex(), pixels.tobytes().hex(), sep="\t", file=file)


def resized(array, width, height, shorter):
    """Pillow's resize; sizes and offsets by torchvision's rules for Resize and CenterCrop."""
    picture = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
    if not shorter:
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    w, h = picture.size
    long = int(shorter * max(w, h) / min(w, h))
    w, h = (shorter, long) if w < h else (long, shorter)
    picture = picture.resize((w, h), Image.Resampling.BILINEAR)
    left, top = int(round((w - width) / 2.0)), int(round((h - height) / 2.0))
    return np.asarray(picture.crop((left, top, left + width, top + height)))


def write_resize(path):
    cases = [
        (8, 8, 3, 8, 8, 0), (8, 8, 1, 16, 16, 0), (16, 16, 3, 8, 8, 0), (17, 11, 3, 9, 6, 0), (9, 6, 3, 17, 11, 0),
        (31, 7, 1, 5, 13, 0), (7, 31, 3, 13, 5, 0), (1, 1, 3, 4, 3, 0), (5, 1, 1, 1, 5, 0), (100, 60, 3, 11, 7, 0),
        (8, 20, 3, 8, 9, 0), (20, 8, 3, 9, 8, 0), (64, 48, 1, 3, 2, 0), (33, 32, 3, 32, 32, 0), (32, 32, 3, 33, 31, 0),
        (2, 2, 3, 20, 20, 0), (50, 37, 3, 14, 14, 16), (37, 50, 3, 14, 14, 16), (37, 37, 1, 14, 14, 16),
        (40, 25, 3, 13, 13, 16), (16, 16, 3, 14, 14, 16), (9, 5, 3, 14, 14, 16), (5, 11, 1, 13, 11, 16),
        (16, 25, 3, 15, 12, 16), (300, 2, 3, 6, 6, 8), (41, 29, 3, 16, 16, 16), (50, 50, 3, 16, 15, 18),
    ]
    with open(path, "w") as file:
        for seed, (w, h, channels, width, height, shorter) in enumerate(cases, 1):
            source = noise(w * h * channels, seed).reshape(h, w, channels)
            out = resized(source, width, height, shorter)
            print(seed, w, h, channels, width, height, shorter, out.tobytes().hex(), sep="\t", file=file)


def write_photos(path, photos):
    with open(path, "w") as file:
        for photo in photos:
            out = resized(np.asarray(Image.open(photo).convert("RGB")), 224, 224, 256)
            print(os.path.basename(photo), zlib.crc32(out.tobytes()), sep="\t", file=file)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    write_png(os.path.join(folder, "png.tsv"))
    write_resize(os.path.join(folder, "resize.tsv"))
    if len(sys.argv) > 2:
        write_photos(os.path.join(folder, "photos.tsv"), sys.argv[2:])
