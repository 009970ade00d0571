"""Downloads: whether one may be tried, and files that arrive whole or not at all.

`CNNLAB_OFFLINE=1` forbids every download. pooch downloads and compares checksums; a
server that does not answer is given up before it is asked for a file.
"""

import http.client
import os
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from cnnlab.data.fetch import SET_DATA, AbsentError, DataError, expand_home, is_right

ANSWER_SECONDS = 4  # a load gives up on a server that is silent for so long
STALL_SECONDS = 30  # a running download gives up on a server that is silent for so long
CHUNK_BYTES = 1 << 20


def find_home():
    """Returns the home folder, or that for temporary files if it cannot be written."""
    home = os.path.expanduser("~")
    return Path(home if os.access(home, os.W_OK) else tempfile.gettempdir())


def find_cache(kind):
    """Returns the folder in which Keras keeps files of a kind, such as "models"."""
    keras = os.environ.get("KERAS_HOME")
    return (expand_home(keras) if keras else find_home() / ".keras") / kind


def download(file, folder):
    """Returns the path of a published file in a folder, downloaded there if need be.

    pooch writes to a temporary name and compares the checksum before the file gets
    its own, so nothing incomplete is ever left under that.

    Args:
        file: A `fetch.File`.
        folder: Path of the folder; made if it is not there.

    Raises:
        AbsentError: If downloads are forbidden or nothing answers.
        DataError: If the download stops, another file arrives, or the folder cannot
            be written.
    """
    require_permission()
    path = Path(folder) / file.name
    if not is_right(path, file.checksum):
        require_network(file.url)
        _retrieve(file, folder)
    return path


def _retrieve(file, folder):
    import pooch
    from requests import RequestException

    downloader = pooch.HTTPDownloader(
        progressbar=True, chunk_size=CHUNK_BYTES, timeout=STALL_SECONDS
    )
    try:
        pooch.retrieve(
            file.url, file.checksum or None, file.name, folder, None, downloader
        )
    except (RequestException, ValueError) as error:  # it stopped, or is another file
        raise DataError(
            f"The download of {file.url} failed, and nothing of it was kept: {error} "
            f"Way out: try again, or {SET_DATA}.",
            f"the download of {file.name} failed",
        ) from error
    except OSError as error:
        raise cannot_write(folder, error) from error


def cannot_write(folder, error):
    """Returns the `DataError` for an `OSError` while a folder was filled."""
    return DataError(
        f"{folder} cannot be written: {error.strerror or error}. "
        "Way out: make space there, or choose another folder.",
        "the folder cannot be written",
    )


def check_download(file):
    """Raises `AbsentError` unless a file is in the cache or its server answers."""
    require_permission()
    if not (find_cache("datasets") / file.name).exists():
        require_network(file.url)


def require_network(url):
    """Makes sure that a download may be tried and that its server answers.

    The answer is awaited in a thread, since looking up a name has no time limit.
    A proxy set in the environment is respected.

    Raises:
        AbsentError: If downloads are forbidden or nothing answers.
    """
    require_permission()
    answers = []
    thread = threading.Thread(target=_ask, args=(url, answers), daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    if not answers:
        host = urlsplit(url).netloc
        raise AbsentError(
            f"{host} does not answer. Connect to a network, or {SET_DATA}.",
            f"{host} does not answer",
        )


def require_permission():
    """Raises `AbsentError` if `CNNLAB_OFFLINE=1` forbids downloads."""
    if os.environ.get("CNNLAB_OFFLINE") == "1":
        raise AbsentError(
            f"CNNLAB_OFFLINE=1 forbids downloads. Unset it, or {SET_DATA}.",
            "CNNLAB_OFFLINE=1 forbids downloads",
        )


def _ask(url, answers):
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
            answers.append(response.status)
    except urllib.error.HTTPError as refusal:
        answers.append(refusal.code)  # a refusal is an answer too
    except (OSError, http.client.HTTPException):
        pass
