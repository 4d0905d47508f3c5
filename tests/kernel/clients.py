# SPDX-License-Identifier: MIT
"""Python's functions for descriptors work with a subscription as they do with
an eventfd: every test is run on both, with the same expectations. Run by
clients.sh."""

import os
import select
import selectors
import signal
import struct
import sys


class Eventfd:
    record, value = 8, 0

    def __init__(self):
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_SEMAPHORE)

    def event(self):
        os.eventfd_write(self.fd, 1)


class Ksig:
    record, value = 64, 16

    def __init__(self):
        self.fd = os.open("/dev/ksig/test", os.O_RDONLY | os.O_CLOEXEC)

    def event(self):
        fd = os.open("/dev/ksig/test", os.O_WRONLY | os.O_CLOEXEC)
        assert os.write(fd, struct.pack("=Q", 1)) == 8
        os.close(fd)


def check(source, record):
    assert len(record) == source.record, len(record)
    assert struct.unpack_from("=Q", record, source.value) == (1,), record


def asleep(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "S"


class Other:
    """A child process that calls a function once its parent sleeps."""

    def __init__(self, what, *args):
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            while not asleep(parent):
                select.select([], [], [], 0.002)
            what(*args)
            os._exit(0)

    def join(self):
        assert os.waitpid(self.pid, 0)[1] == 0


def test_read(source):
    other = Other(source.event)
    check(source, os.read(source.fd, 4096))
    other.join()


def test_readv(source):
    parts = [bytearray(3), bytearray(61)]
    source.event()
    assert os.readv(source.fd, parts) == source.record
    check(source, b"".join(parts)[:source.record])


def test_nonblocking(source):
    os.set_blocking(source.fd, False)
    assert not os.get_blocking(source.fd)
    try:
        os.read(source.fd, 4096)
    except BlockingIOError:
        pass
    else:
        assert False
    source.event()
    check(source, os.read(source.fd, 4096))
    os.set_blocking(source.fd, True)


def test_file(source):
    with open(source.fd, "rb", buffering=0, closefd=False) as file:
        source.event()
        check(source, file.read(4096))
        source.event()
        record = bytearray(64)
        assert file.readinto(record) == source.record
        check(source, record[:source.record])
    with open(source.fd, "rb", closefd=False) as file:
        other = Other(source.event)
        check(source, file.read(source.record))
        other.join()


def test_signal(source):
    """Python restarts read(2) after a signal handler has interrupted it."""
    signal.signal(signal.SIGUSR1, lambda signo, frame: source.event())
    other = Other(os.kill, os.getpid(), signal.SIGUSR1)
    check(source, os.read(source.fd, 4096))
    other.join()


def test_select(source):
    assert select.select([source.fd], [], [source.fd], 0) == ([], [], [])
    other = Other(source.event)
    assert select.select([source.fd], [], [source.fd]) == (
        [source.fd], [], [])
    other.join()
    check(source, os.read(source.fd, 4096))


def wait_by(selector, source):
    key = selector.register(source.fd, selectors.EVENT_READ, data="mine")
    assert selector.select(0) == []
    other = Other(source.event)
    assert selector.select() == [(key, selectors.EVENT_READ)]
    other.join()
    assert selector.select(0) == [(key, selectors.EVENT_READ)]
    check(source, os.read(source.fd, 4096))
    assert selector.select(0) == []
    selector.unregister(source.fd)


def test_selectors(source):
    for kind in (selectors.DefaultSelector, selectors.EpollSelector,
                 selectors.PollSelector, selectors.SelectSelector):
        print("...", kind.__name__)
        with kind() as selector:
            wait_by(selector, source)


for name, test in list(globals().items()):
    if name.startswith("test_"):
        for kind in Eventfd, Ksig:
            print(f"{name}: {kind.__name__}")
            sys.stdout.flush()
            source = kind()
            test(source)
            assert select.select([source.fd], [], [], 0)[0] == []
            os.close(source.fd)
