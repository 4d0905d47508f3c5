#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Receive events with read(2): receive.py [NODE]. A read waits for an event and
returns complete records. The size of a record is in /sys/class/ksig. Once the
channel is destroyed, a read returns no data."""
import os
import struct
import sys

# struct ksig_event: seq, time_ns, value, subject, type, lost_before, len, flags
EVENT = struct.Struct("=QQQQIIII")

node = sys.argv[1] if len(sys.argv) > 1 else "/dev/ksig/test"
with open("/sys/class/ksig/" + os.path.basename(node) + "/event_size") as file:
    size = int(file.read())
fd = os.open(node, os.O_RDONLY)

while records := os.read(fd, 16 * size):
    for start in range(0, len(records), size):
        (seq, time_ns, value, subject, kind, lost, length,
         flags) = EVENT.unpack_from(records, start)
        if lost:
            print("lost", lost)
        print("received value", value, flush=True)
