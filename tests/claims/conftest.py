"""Claims marked `data` are proved on real data; without them they are left out."""

import os

import pytest

REASON = (
    "proved on real data: set CNNLAB_DATA to the folder that holds them "
    "(`cnnlab prefetch FOLDER` fills one)"
)


def pytest_collection_modifyitems(items):
    if not os.environ.get("CNNLAB_DATA"):
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(pytest.mark.skip(REASON))
