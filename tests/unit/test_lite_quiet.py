"""Silence holds below and above Python, and ends where it should."""

import logging
import os
import warnings

import pytest

from cnnlab.lite.quiet import quiet


def test_nothing_is_heard_within(capfd, caplog):
    with quiet():
        os.write(2, b"from C++")
        warnings.warn("from Python", stacklevel=1)
        logging.getLogger("tensorflow").warning("from the log")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_everything_is_heard_again_after_an_error(capfd, caplog):
    with pytest.raises(ValueError, match="heard"), quiet():
        raise ValueError("heard")
    os.write(2, b"from C++")
    logging.getLogger("tensorflow").warning("from the log")
    assert capfd.readouterr().err == "from C++"
    assert [record.message for record in caplog.records] == ["from the log"]
