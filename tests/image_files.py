"""Small image sets in the official file formats, written from the formats' descriptions, and a mirror."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

MNIST_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")


def md5(data):
    return hashlib.md5(data).hexdigest()


def idx(array):
    """An idx file of unsigned bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def draw_images(rng, n, *shape, classes=10):
    """Images and labels in which every class occurs."""
    labels = np.resize(np.arange(classes, dtype=np.uint8), n)
    return rng.integers(0, 256, (n, *shape), dtype=np.uint8), rng.permutation(labels)


def cifar_rows(images):
    """Red, green and blue planes, each row by row."""
    return np.stack([np.concatenate([image[..., colour].ravel() for colour in range(3)]) for image in images])


def cifar_binary(images, labels):
    rows = zip(labels, cifar_rows(images), strict=True)
    return b"".join(bytes([label]) + row.tobytes() for label, row in rows)


def cifar_batch(images, labels, key=b"labels"):
    """A python batch as Python 2 wrote it: bytes as keys, protocol 2, NumPy by its old module name."""
    batch = {b"batch_label": b"training batch", key: labels.tolist(), b"data": cifar_rows(images)}
    return pickle.dumps(batch, protocol=2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def tar_gz(members):
    """A tar.gz from {name: bytes}."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def packed_mnist(images, labels):
    """{file name: gzip of the idx file}"""
    return {
        f"{name}.gz": gzip.compress(idx(array), mtime=0)
        for name, array in zip(MNIST_NAMES, (images, labels), strict=True)
    }


class Bomb:
    """Unpickling it would create a file: the proof that somebody unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


class Mirror:
    """Answers on loopback. ``answers`` maps a path to bytes, a status number, or a list of those, one
    per request and the last for all further ones. ``STALL_*`` break off and keep the line open."""

    STALL_AT_ONCE = "stall before the first byte"
    STALL_MIDWAY = "stall in the middle"

    def __init__(self, url):
        self.url = url
        self.answers = {}
        self.requests = Counter()
        self.closing = threading.Event()

    def next_answer(self, path):
        answer = self.answers.get(path, 404)
        if isinstance(answer, list):
            answer = answer[min(self.requests[path], len(answer) - 1)]
        return answer

    def answer(self, path):
        answer = self.next_answer(path)
        self.requests[path] += 1
        return answer

    def stalls(self, path):
        return self.next_answer(path) in (self.STALL_AT_ONCE, self.STALL_MIDWAY)


@contextmanager
def running_mirror() -> Iterator[Mirror]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            mirror = self.server.mirror
            answer = mirror.answer(self.path)
            if answer == Mirror.STALL_AT_ONCE:
                mirror.closing.wait()
            elif isinstance(answer, int):
                self.send_error(answer)
            else:
                stalls = answer == Mirror.STALL_MIDWAY
                data = b"the beginning" if stalls else answer
                self.send_response(200)
                self.send_header("Content-Length", str(10**6 if stalls else len(data)))
                self.end_headers()
                try:
                    self.wfile.write(data)
                except ConnectionError:
                    return  # torchvision's first request asks where the file is and reads nothing
                if stalls:
                    mirror.closing.wait()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.mirror = Mirror(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.mirror
    finally:
        server.mirror.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def put(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def assert_holds(found, images, labels, data_source="official"):
    assert found.images.dtype == found.labels.dtype == np.uint8
    assert np.array_equal(found.images, images)
    assert np.array_equal(found.labels, labels)
    assert found.data_source == data_source
