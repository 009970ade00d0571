"""A picture's file in, the pixels that a network expects out.

Taught in notebooks/15_tflite_quantization.ipynb.

Files come from anywhere, so a huge one is refused by its header, formats whose readers
start other programs are left out, and whatever a decoder says becomes one error.
"""

import contextlib
import warnings
from pathlib import Path

import numpy as np

# Pillow rather than OpenCV: it knows the size before it decodes, and it hands over
# alpha, palettes and 16 bits as they are, where OpenCV drops or converts them.
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = (".avif", ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm")
SUFFIXES += (".tif", ".tiff", ".webp")
RESAMPLING = Image.Resampling.BILINEAR  # over an area when it shrinks
WHITE = (255, 255, 255)  # behind what is transparent


class PictureError(ValueError):
    """A file cannot be used as a picture."""


def read(path, preprocessing):
    """Reads a picture as a network wants it.

    It is turned upright as its EXIF data say, if they can be read; what is transparent
    is laid on white; an animation gives its first frame; 16 bits are rounded to 8.

    Args:
        path: A file in one of `FORMATS`.
        preprocessing: `cnnlab.lite.preprocessing.Preprocessing`.

    Returns:
        A float32 array `(height, width, channels)` with values from `low` to `high`.

    Raises:
        PictureError: If the file is missing, no picture, damaged or too large.
    """
    picture = _resized(_decode(Path(path)), preprocessing)
    if preprocessing.colours == "grey":
        pixels = np.asarray(picture.convert("L"))[..., None]  # (H, W, 1)
    else:
        pixels = np.asarray(picture)
    if preprocessing.colours == "BGR":
        pixels = pixels[..., ::-1]
    low, high = np.float32(preprocessing.low), np.float32(preprocessing.high)
    return low + pixels / np.float32(255) * (high - low)


def not_a_file(path):
    """Says why a path leads to no file."""
    return "It is no ordinary file" if path.exists() else "There is no such file"


def _decode(path):
    """Returns a picture in RGB, upright and opaque."""
    if not path.is_file():
        raise PictureError(not_a_file(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a blemish that does not hinder decoding
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=FORMATS) as picture:
                picture.load()
                return _opaque(_of_8_bits(_upright(picture)))
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise PictureError(
                f"A picture has at most {Image.MAX_IMAGE_PIXELS:,} pixels; make it "
                f"smaller first. Received: {error}"
            ) from None
        except UnidentifiedImageError:
            raise PictureError(
                f"A picture is a file in {', '.join(FORMATS)}. Received: something else"
            ) from None
        except PictureError:
            raise
        except PermissionError:
            raise PictureError("It may not be read: permission denied") from None
        except Exception as error:  # a damaged file: decoders raise nearly anything
            raise PictureError(f"It is damaged or cut short: {error}") from None


def _upright(picture):
    """Turns a picture as its EXIF data say; broken EXIF data say nothing."""
    with contextlib.suppress(Exception):  # the pixels are whole all the same
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def _of_8_bits(picture):
    if picture.mode == "I" and picture.format == "PPM":  # a grey map of 16 bits
        picture = Image.fromarray(np.asarray(picture).astype("uint16"))
    if picture.mode in ("I", "F"):
        raise PictureError(
            "A picture has 8 or 16 bits a channel, so that white is known. "
            f"Received: 32 bits, mode {picture.mode!r}"
        )
    if not picture.mode.startswith("I;16"):
        return picture
    levels = ((np.arange(1 << 16) + 128) // 257).astype(np.uint8)  # 65535 / 257 = 255
    return Image.fromarray(levels[np.asarray(picture)])


def _opaque(picture):
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    if picture.mode != "RGBA":
        picture = picture.convert("RGBA")
    white = Image.new("RGB", picture.size, WHITE)
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _resized(picture, preprocessing):
    size = (preprocessing.width, preprocessing.height)
    if preprocessing.resizing == "crop":
        return ImageOps.fit(picture, size, RESAMPLING)
    return picture.resize(size, RESAMPLING)
