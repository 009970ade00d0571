"""Times: every usual form is read to the second, and nothing is guessed."""

from datetime import datetime

import pytest

from cnnlab.classroom import arrivals
from cnnlab.classroom.times import parse_time

HALF_PAST = datetime(2026, 11, 20, 18, 30, 24)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20-18-30-24", HALF_PAST),
        ("2026-11-20_18-30-24", HALF_PAST),
        ("2026-11-20 18:30:24", HALF_PAST),
        ("2026-11-20T18:30:24", HALF_PAST),
        ("2026-11-20T18.30.24", HALF_PAST),
        ("2026-11-20T18:30:24Z", HALF_PAST),
        ("2026-11-20T18:30:24+00:00", HALF_PAST),
        ("2026-11-20T19:30:24+01:00", HALF_PAST),
        ("2026-11-20T19:30:24+0100", HALF_PAST),
        ("2026-11-20T13:30:24-05:00", HALF_PAST),
        ("2026-11-20 18:30:24 UTC", HALF_PAST),
        ("2026-11-20 18:30:24.250000 UTC", HALF_PAST.replace(microsecond=250_000)),
        ("2026-11-20 18:30:24.5", HALF_PAST.replace(microsecond=500_000)),
        ("20261120183024", HALF_PAST),
        ("20261120T183024Z", HALF_PAST),
        ("20261120-183024", HALF_PAST),
        ("20261120_183024", HALF_PAST),
        (" 2026-11-20-18-30-24\n", HALF_PAST),
        ("2026-11-20-18-30", HALF_PAST.replace(second=0)),
        ("2026-11-20 18:30", HALF_PAST.replace(second=0)),
        ("2028-02-29-00-00-00", datetime(2028, 2, 29)),
    ],
)
def test_usual_forms_are_read(text, moment):
    assert parse_time(text) == moment


@pytest.mark.parametrize("second", range(60))
def test_every_second_is_kept(second):
    text = f"2026-11-20-18-30-{second:02}"
    assert parse_time(text) == HALF_PAST.replace(second=second)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "10",
        "2026-11-20",
        "20-11-2026-18-30-24",
        "11/20/2026 18:30",
        "2026-13-01-00-00-00",
        "2026-02-29-00-00-00",
        "2026-11-20-24-00-00",
        "2026-11-20-18-60-00",
        "2026-11-20-18-30-60",
        "2026-11-20-18-30-24-05",
        "2026-11-20-18-30-24-0500",
        "2026-11-20-18-30-24 CEST",
        "2026-11-20T18:30:24+99:99",
        "2026-1-2-3-4-5",
        "1026-11-20-18-30-24",
        "9999-11-20-18-30-24",
        "1795372224",
        "99999999999999999999",
        "٢٠٢٦-11-20-18-30-24",
        "2026-11-20-18-30-24\n2026-11-20-18-30-25",
    ],
)
def test_what_is_no_time_is_refused_by_name(text):
    with pytest.raises(ValueError, match="is written like 2026-11-20-18-30-24. Rec"):
        parse_time(text)


def test_an_arrival_belongs_to_one_notebook(tmp_path):
    arrivals.note(tmp_path, "hw", "ann", b"first", HALF_PAST)
    assert arrivals.arrived(tmp_path, "hw", "ann", b"first") == HALF_PAST
    assert arrivals.arrived(tmp_path, "hw", "ann", b"second") is None
    assert arrivals.arrived(tmp_path, "hw", "bob", b"first") is None
    arrivals.note(tmp_path, "hw", "ann", b"first", None)
    assert arrivals.arrived(tmp_path, "hw", "ann", b"first") is None
