"""Shared by the scripts here: pictures made by formula, and packs of expected pixels.

A pack is <topic>.json, a list of cases, beside <topic>.bin, the pixels (height x width x 3 bytes, or floats) of all of them;
"at" is a case's offset in the second."""
import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def picture(width, height, seed):
    """Smooth waves, flat shapes with hard edges, a little noise, extremes of every channel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    channels = []
    for _ in range(3):
        a, b, c, d = rng.uniform(0.03, 0.3, 4)
        channels.append(127 + 90 * np.sin(a * x + b * y) + 60 * np.cos(c * x - d * y))
    image = np.stack(channels, -1)
    image[height // 5:height // 2, width // 4:width // 2] = rng.integers(0, 256, 3)
    image[height // 2:, : width // 6] = (255, 255, 255)
    image[: height // 6, width // 2:] = (0, 0, 0)
    image[height * 3 // 4:, width * 2 // 3:] = (250, 10, 30)
    image += rng.normal(0, 6, image.shape)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


class Pack:
    def __init__(self, topic):
        self.topic, self.cases, self.data = topic, [], bytearray()

    def add(self, pixels, **facts):
        pixels = np.ascontiguousarray(pixels)
        self.cases.append({**facts, "width": pixels.shape[1], "height": pixels.shape[0], "at": len(self.data)})
        self.data += pixels.tobytes()

    def write(self):
        (HERE / f"{self.topic}.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in self.cases) + "\n]\n")
        (HERE / f"{self.topic}.bin").write_bytes(self.data)
        print(f"{self.topic}: {len(self.cases)} cases, {len(self.data)} bytes")
