"""Photographs: five of scikit-image, read without its downloader."""

import socket

import numpy as np
import pytest
import skimage

from cnnlab.data import fetch, photographs


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_photographs_are_colour_images_in_the_unit_range():
    images, info = photographs.load()
    assert list(images) == ["astronaut", "camera", "chelsea", "coffee", "rocket"]
    for image in images.values():
        assert image.dtype == np.float32
        assert image.shape[2] == 3
        assert min(image.shape[:2]) >= 300
        assert image.min() >= 0
        assert 0.9 < image.max() <= 1
    assert str(info) == "Photographs (embedded)"
    assert info.checksum.startswith("sha256:")


def test_photographs_are_those_of_scikit_image():
    images, _ = photographs.load()
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        expected = getattr(skimage.data, name)()
        np.testing.assert_array_equal(np.round(images[name] * 255), expected)
    camera = np.round(images["camera"] * 255)
    for channel in range(3):
        np.testing.assert_array_equal(camera[..., channel], skimage.data.camera())


def test_line_says_where_they_come_from(capsys):
    photographs.load()
    line = "Data: Photographs (embedded), since it is always here.\n"
    assert capsys.readouterr().out == line


def test_every_photograph_lies_in_the_installed_package():
    folder = fetch.Path(skimage.__file__).parent / "data"
    assert all((folder / name).is_file() for name in photographs.FILES)


def test_missing_photograph_is_named_and_not_downloaded(monkeypatch):
    monkeypatch.setattr(photographs, "FILES", {"kidney.tif": "0"})
    with pytest.raises(fetch.DataError, match="kidney.tif cannot be read.*reinstall"):
        photographs.load("embedded")


def test_other_photograph_under_the_right_name_is_refused(monkeypatch):
    monkeypatch.setattr(photographs, "FILES", {"coffee.png": "0"})
    with pytest.raises(fetch.DataError, match="coffee.png is damaged or not"):
        photographs.load("embedded")


def test_other_sources_are_refused():
    with pytest.raises(ValueError, match="Received: 'download'"):
        photographs.load("download")


def test_path_is_the_file_of_the_photograph():
    images, _ = photographs.load()
    pixels = skimage.io.imread(photographs.path("rocket"))
    np.testing.assert_array_equal(np.round(images["rocket"] * 255), pixels)
    with pytest.raises(ValueError, match="one of astronaut, camera.*Received: 'cat'"):
        photographs.path("cat")
