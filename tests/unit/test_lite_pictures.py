import struct
import zlib
from unittest.mock import Mock

import numpy as np
import pytest
import skimage
from PIL import Image

from cnnlab.data import photographs
from cnnlab.lite.pictures import SUFFIXES, PictureError, read
from cnnlab.lite.preprocessing import Preprocessing

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
SMALL = Preprocessing(2, 3)
# Two rows, three columns; no two pixels are alike.
PIXELS = np.array(
    [[RED, GREEN, BLUE], [(0, 0, 0), (255, 255, 255), (255, 255, 0)]], np.uint8
)


@pytest.fixture
def store(tmp_path):
    """Writes a picture, given as an array or as Pillow's, and returns its path."""

    def write(picture, name="picture.png", **options):
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(picture)
        picture.save(tmp_path / name, **options)
        return tmp_path / name

    return write


def test_a_picture_of_the_right_size_arrives_to_the_bit(store):
    image = read(store(PIXELS), SMALL)
    assert image.dtype == np.float32
    assert np.array_equal(image, np.divide(PIXELS, np.float32(255)))


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1), (-2.0, 0.5)])
def test_black_is_low_and_white_is_high(store, low, high):
    image = read(store(PIXELS), SMALL._replace(low=low, high=high))
    assert image[1, 0].tolist() == [low] * 3
    assert image[1, 1].tolist() == [high] * 3


def test_colours_come_in_the_order_asked_for(store):
    image = read(store(PIXELS), SMALL._replace(colours="BGR"))
    assert image[0, 0].tolist() == [0, 0, 1]


def test_grey_has_one_channel_with_the_weights_of_the_eye(store):
    image = read(store(PIXELS), SMALL._replace(colours="grey"))
    assert image.shape == (2, 3, 1)
    expected = [0.299, 0.587, 0.114, 0, 1, 0.886]
    assert image.ravel() == pytest.approx(expected, abs=0.003)


def test_crop_keeps_the_middle_and_stretch_keeps_all(store):
    thirds = np.repeat(np.array([[RED, GREEN, BLUE]], np.uint8), 10, axis=1)
    path = store(np.repeat(thirds, 10, axis=0))  # 10 rows, 30 columns
    cropped = read(path, Preprocessing(10, 10))
    assert np.unique(cropped.reshape(-1, 3), axis=0).tolist() == [[0, 1, 0]]
    stretched = read(path, Preprocessing(10, 10, resizing="stretch"))
    assert stretched[5, 0].tolist() == [1, 0, 0]
    assert stretched[5, -1].tolist() == [0, 0, 1]


def test_shrinking_averages_and_does_not_pick(store):
    board = np.indices((64, 64)).sum(0) % 2 * np.uint8(255)
    image = read(store(board.astype(np.uint8)), Preprocessing(8, 8))
    assert image == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_picture_upright(store, orientation):
    """A camera held so stores the turned pixels and says which way up is."""
    as_stored = {
        1: lambda x: x,
        2: np.fliplr,
        3: lambda x: np.rot90(x, 2),
        4: np.flipud,
        5: lambda x: np.swapaxes(x, 0, 1),
        6: np.rot90,
        7: lambda x: np.swapaxes(np.rot90(x, 2), 0, 1),
        8: lambda x: np.rot90(x, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(as_stored[orientation](PIXELS))
    assert np.array_equal(read(store(stored, exif=exif), SMALL) * 255, PIXELS)


def test_broken_exif_data_do_not_make_a_picture_damaged(store):
    """A JPEG's header within a PNG, as converters write it, or noise."""
    header = b"\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x01\0\0"
    for name, exif in [("header.png", header), ("noise.jpg", b"Exif\0\0noise")]:
        path = store(np.full((3, 2, 3), 255, np.uint8), name, exif=exif)
        assert (read(path, Preprocessing(2, 3)) == 1).all()


def test_a_grey_map_of_16_bits_is_read_as_16_bits(tmp_path):
    path = tmp_path / "grey.pgm"
    path.write_bytes(b"P5 2 1 65535\n" + bytes([255, 255, 128, 0]))
    image = read(path, Preprocessing(1, 2))
    np.testing.assert_allclose(image[0, :, 0], [1, 128 * 256 / 65535], atol=1 / 255)


def test_what_is_transparent_is_laid_on_white(store):
    opacity = np.array([[0, 255, 128], [0, 255, 255]], np.uint8)
    image = read(store(np.dstack([PIXELS, opacity])), SMALL)
    assert image[0, 0].tolist() == [1, 1, 1]
    assert image[0, 1].tolist() == [0, 1, 0]
    assert image[0, 2] == pytest.approx([0.5, 0.5, 1], abs=0.01)
    assert image[1, 0].tolist() == [1, 1, 1]


def test_a_palette_gives_its_colours_and_its_transparent_one_is_white(store):
    palette = Image.fromarray(PIXELS).quantize(6)
    assert np.array_equal(read(store(palette), SMALL) * 255, PIXELS)
    path = store(palette, transparency=palette.getpixel((0, 0)))
    assert read(path, SMALL)[0, 0].tolist() == [1, 1, 1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK", "RGBA", "P"])
def test_every_kind_of_pixel_gives_three_channels(store, mode):
    picture = Image.fromarray(PIXELS).convert(mode)
    image = read(store(picture, "picture.tif"), SMALL)
    assert image.shape == (2, 3, 3)
    assert image[1, 0].tolist() == [0, 0, 0]
    assert image[1, 1].tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", ["picture.png", "picture.tif"])
def test_16_bits_are_rounded_to_8(store, name):
    values = np.array([[0, 257 * 100, 257 * 100 + 129], [65535, 30, 128]], np.uint16)
    image = read(store(values, name), SMALL)
    expected = [0, 100, 101, 255, 0, 0]
    assert np.rint(image[..., 0].ravel() * 255).tolist() == expected


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_32_bits_are_refused(store, dtype):
    with pytest.raises(PictureError, match="8 or 16 bits.*Received: 32 bits, mode"):
        read(store(np.zeros((2, 3), dtype), "picture.tif"), SMALL)


@pytest.mark.parametrize("name", ["picture.gif", "picture.png", "picture.webp"])
def test_of_an_animation_the_first_frame_is_taken(store, name):
    first, second = (Image.new("RGB", (3, 2), colour) for colour in (RED, BLUE))
    path = store(first, name, save_all=True, append_images=[second], duration=100)
    assert read(path, SMALL)[0, 0] == pytest.approx([1, 0, 0], abs=0.02)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_that_is_looked_for_can_be_read(store, suffix):
    path = store(Image.new("RGB", (30, 20), RED), f"picture{suffix}")
    assert read(path, SMALL)[0, 0] == pytest.approx([1, 0, 0], abs=0.03)


@pytest.mark.parametrize("size", [(1, 1), (1, 5_000), (5_000, 1)])
@pytest.mark.parametrize("resizing", ["crop", "stretch"])
def test_extreme_shapes_are_answered(store, size, resizing):
    how = Preprocessing(32, 32, resizing=resizing)
    image = read(store(Image.new("RGB", size, GREEN)), how)
    assert (image == [0, 1, 0]).all()


def test_a_photograph_arrives_as_an_area_mean():
    """Against a mean over blocks, of a photograph that is a multiple of the input."""
    astronaut = photographs.load()[0]["astronaut"]
    path = f"{skimage.__path__[0]}/data/astronaut.png"
    image = read(path, Preprocessing(32, 32))
    blocks = astronaut.reshape(32, 16, 32, 16, 3).mean((1, 3))
    assert np.abs(image - blocks).mean() < 0.03


def test_a_missing_file_is_named_as_such(tmp_path):
    with pytest.raises(PictureError, match="There is no such file"):
        read(tmp_path / "nothing.png", SMALL)


def test_a_folder_is_no_ordinary_file(tmp_path):
    with pytest.raises(PictureError, match="It is no ordinary file"):
        read(tmp_path, SMALL)


def test_a_file_that_may_not_be_read_is_not_called_damaged(store, monkeypatch):
    path = store(np.zeros((4, 4, 3), np.uint8), "picture.png")
    monkeypatch.setattr("builtins.open", Mock(side_effect=PermissionError))
    with pytest.raises(PictureError, match="may not be read: permission denied"):
        read(path, SMALL)


@pytest.mark.parametrize(
    "content",
    [b"", b"some text\n", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"],
)
def test_what_is_no_picture_is_refused_postscript_too(tmp_path, content):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match="a file in AVIF, BMP, .*something else"):
        read(path, SMALL)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif", ".bmp", ".webp", ".tif"])
def test_a_picture_cut_short_is_refused(store, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    path = store(noise, f"picture{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PictureError, match="damaged or cut short: ."):
        read(path, SMALL)


def png(width, height):
    """The header of a PNG and the first of its rows: what a decoder starts with."""

    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", checksum)
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = zlib.compress(b"\0" * (3 * width + 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row)


@pytest.mark.parametrize("size", [(30_000, 30_000), (10_000, 10_000)])
def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path, monkeypatch, size):
    path = tmp_path / "huge.png"
    path.write_bytes(png(*size))
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", None)  # not reached
    rule = rf"at most 89,478,485 pixels.*smaller.*\({size[0] * size[1]} pixels\)"
    with pytest.raises(PictureError, match=rule):
        read(path, SMALL)
