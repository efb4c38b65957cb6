"""Small files in every flavour, and the pixels that Pillow reads from them. Made with Pillow 13.0.0."""
import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

from golden import HERE, Pack, picture

FILES = HERE / "files"
FILES.mkdir(exist_ok=True)
pack = Pack("codec")


def save(name, data, pixels=None):
    (FILES / name).write_bytes(data)
    if pixels is None:
        pixels = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    pack.add(pixels, file=name)


def pil(image, fmt, **options):
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def exif(orientation, big=False):
    order = ">" if big else "<"
    return (b"MM\0*" if big else b"II*\0") + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


# JPEG
rgb = Image.fromarray(picture(37, 26, 1))
save("rgb_420.jpg", pil(rgb, "JPEG", quality=90))
save("rgb_422.jpg", pil(rgb, "JPEG", quality=75, subsampling=1))
save("rgb_444.jpg", pil(rgb, "JPEG", quality=95, subsampling=0))
save("rgb_progressive.jpg", pil(rgb, "JPEG", quality=80, progressive=True))
save("rgb_restart.jpg", pil(rgb, "JPEG", quality=80, restart_marker_rows=1))
save("grey.jpg", pil(rgb.convert("L"), "JPEG"))
save("one_pixel.jpg", pil(rgb.crop((0, 0, 1, 1)), "JPEG"))
cmyk = Image.fromarray(np.concatenate([picture(21, 18, 2), picture(21, 18, 3)[..., :1]], -1), "CMYK")
data = pil(cmyk, "JPEG", quality=90)
save("cmyk.jpg", data)
adobe = data.index(b"Adobe")
save("ycck.jpg", data[:adobe + 11] + b"\x02" + data[adobe + 12:])
small = Image.fromarray(picture(20, 12, 4))
for orientation in range(1, 9):
    save(f"exif_{orientation}.jpg", pil(small, "JPEG", quality=95, exif=b"Exif\0\0" + exif(orientation, orientation % 2 == 0)))
save("exif_9.jpg", pil(small, "JPEG", quality=95, exif=b"Exif\0\0" + exif(9)))

# PNG: written by hand, because Pillow does not write interlaced files and 16-bit colour
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(rows, bits):
    """Rows of samples (height x samples) as scan lines, each behind filter byte 0."""
    out = b""
    for row in rows:
        if bits == 16:
            line = row.astype(">u2").tobytes()
        elif bits == 8:
            line = row.astype(np.uint8).tobytes()
        else:
            ones = ((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
            line = np.packbits(ones).tobytes()
        out += b"\0" + line
    return out


def png(samples, bits, colour, interlaced=False, before=b"", after=b""):
    height, width = samples.shape[:2]
    samples = samples.reshape(height, width, -1)
    if interlaced:
        raw = b""
        for x0, y0, dx, dy in ADAM7:
            part = samples[y0::dy, x0::dx]
            if part.size:
                raw += packed(part.reshape(part.shape[0], -1), bits)
    else:
        raw = packed(samples.reshape(height, -1), bits)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(raw)) + after + chunk(b"IEND", b""))


rng = np.random.default_rng(7)
for interlaced in (False, True):
    tail = "_interlaced" if interlaced else ""
    for bits in (1, 2, 4, 8, 16):
        grey = rng.integers(0, 1 << bits, (11, 13))
        expected = np.repeat((grey >> 8)[..., None], 3, -1).astype(np.uint8) if bits == 16 else None
        save(f"grey_{bits}{tail}.png", png(grey, bits, 0, interlaced), expected)
    for bits in (1, 2, 4, 8):
        index = rng.integers(0, 1 << bits, (9, 14))
        palette = chunk(b"PLTE", rng.integers(0, 256, 3 << bits).astype(np.uint8).tobytes())
        save(f"palette_{bits}{tail}.png", png(index, bits, 3, interlaced, palette))
    for bits in (8, 16):
        top = 1 << bits
        save(f"rgb_{bits}{tail}.png", png(rng.integers(0, top, (10, 11, 3)), bits, 2, interlaced))
        save(f"rgba_{bits}{tail}.png", png(rng.integers(0, top, (10, 11, 4)), bits, 6, interlaced))
        save(f"grey_alpha_{bits}{tail}.png", png(rng.integers(0, top, (10, 11, 2)), bits, 4, interlaced))
index = rng.integers(0, 16, (9, 14))
palette = chunk(b"PLTE", rng.integers(0, 256, 48).astype(np.uint8).tobytes()) + chunk(b"tRNS", bytes([0, 128, 255, 3]))
save("palette_4_trns.png", png(index, 4, 3, False, palette))
save("grey_8_trns.png", png(rng.integers(0, 4, (9, 14)), 8, 0, False, chunk(b"tRNS", struct.pack(">H", 2))))
save("rgb_8_trns.png", png(rng.integers(0, 2, (9, 14, 3)) * 255, 8, 2, False, chunk(b"tRNS", struct.pack(">HHH", 255, 0, 255))))
save("rgb_8_gamma.png", png(rng.integers(0, 256, (6, 5, 3)), 8, 2, False, chunk(b"gAMA", struct.pack(">I", 22000))))
small = picture(20, 12, 4)
save("exif_6_before.png", png(small, 8, 2, False, chunk(b"eXIf", exif(6))))
save("exif_8_after.png", png(small, 8, 2, False, b"", chunk(b"eXIf", exif(8, True))))

# WebP
image = Image.fromarray(picture(31, 22, 5))
rgba = Image.fromarray(np.dstack([picture(31, 22, 5), rng.integers(0, 256, (22, 31)).astype(np.uint8)]), "RGBA")
save("lossy.webp", pil(image, "WEBP", quality=80))
save("lossless.webp", pil(image, "WEBP", lossless=True))
save("alpha.webp", pil(rgba, "WEBP", quality=80))
save("alpha_lossless.webp", pil(rgba, "WEBP", lossless=True, exact=True))
save("exif_5.webp", pil(image, "WEBP", lossless=True, exif=exif(5)))
save("animated.webp", pil(image, "WEBP", save_all=True, append_images=[image.transpose(0)], lossless=True))
pack.write()
