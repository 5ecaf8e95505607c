"""Two machines in one: two network namespaces, and a wire between them that delays, loses and cuts as it is told.

The wire is a program that carries IP packets from one tun device to the other: connections behave as over a real network, with their
handshakes and repetitions, and no module of the kernel is needed. What is asked for ends with this process, however that ends.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["FAR", "NEAR", "Machines", "Wire", "missing_for_machines", "two_machines"]

NEAR, FAR = "10.77.0.1", "10.77.0.2"
"""Addresses of the machine with the microphone, and of the one with the engines."""
_MTU = 1500
_TUNSETIFF, _TUN_WITHOUT_HEADER = 0x400454CA, 0x0001 | 0x1000
_RST, _ACK = 4, 16


class Wire:
    """Carries packets, in a thread of its own, between two devices; may be told from any thread."""

    def __init__(self, near: int, far: int) -> None:
        """
        Args:
            near, far: tun devices, opened.
        """
        self._ends = (near, far)
        self._random = random.Random(7)
        self._changed = threading.Condition()
        self._wake, self._woken = os.pipe()
        self._due: list[tuple[float, int, int, bytes]] = []
        self._number = 0
        self._last = {near: 0.0, far: 0.0}
        self._sent = 0
        self._resetting = False
        self._closing = False
        self.round_trip = 0.0
        """Seconds, of both directions together."""
        self.loss = 0.0
        """Share of the packets."""
        self.cut = False
        """Nothing comes through, and nobody is told."""
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()

    def be(self, *, round_trip: float = 0.0, loss: float = 0.0) -> None:
        """A wire that works, with these properties."""
        self.round_trip, self.loss, self.cut = round_trip, loss, False

    def reset(self) -> None:
        """Reset the connection of the next data that the near end sends, for both ends of it."""
        self._resetting = True

    def wait_for(self, count: int, seconds: float = 120.0) -> None:
        """Until the near end has sent so many bytes more."""
        with self._changed:
            wanted = self._sent + count
            assert self._changed.wait_for(lambda: self._sent >= wanted, seconds), "nothing more was sent"

    def close(self) -> None:
        self._closing = True
        os.write(self._woken, b"x")
        self._thread.join(10)
        for end in (*self._ends, self._wake, self._woken):
            os.close(end)

    # ---- the thread

    def _run(self) -> None:
        near, far = self._ends
        while not self._closing:
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                _, _, end, packet = heapq.heappop(self._due)
                with contextlib.suppress(OSError):  # the device is down, or full: packets are lost there
                    os.write(end, packet)
            wait = max(0.0, self._due[0][0] - now) if self._due else 3600.0
            readable, _, _ = select.select([near, far, self._wake], [], [], wait)
            for end in readable:
                if end == self._wake:
                    return
                with contextlib.suppress(BlockingIOError):
                    self._carry(os.read(end, _MTU + 100), far if end == near else near)

    def _carry(self, packet: bytes, to: int) -> None:
        if packet[0] >> 4 != 4:
            return
        outwards = to == self._ends[1]
        data = _data_of(packet)
        if outwards and data and self._resetting:
            self._resetting = False
            self._send(_reset(packet), to)
            self._send(_reset(packet, back=True), self._ends[0])
            return
        if not (self.cut or (self.loss and self._random.random() < self.loss)):
            self._send(packet, to)
        if outwards:
            with self._changed:
                self._sent += data
                self._changed.notify_all()

    def _send(self, packet: bytes, to: int) -> None:
        """After the delay, and never before what was sent earlier."""
        due = self._last[to] = max(self._last[to], time.monotonic() + self.round_trip / 2)
        self._number += 1
        heapq.heappush(self._due, (due, self._number, to, packet))


def _data_of(packet: bytes) -> int:
    """Bytes of data in a packet of TCP; 0 in others."""
    head = (packet[0] & 15) * 4
    if packet[9] != socket.IPPROTO_TCP:
        return 0
    (length,) = struct.unpack_from(">H", packet, 2)
    return int(length) - head - (packet[head + 12] >> 4) * 4


def _reset(packet: bytes, *, back: bool = False) -> bytes:
    """What tells the receiver of `packet`, or its sender, that the connection is no more."""
    head = (packet[0] & 15) * 4
    source, target = packet[12:16], packet[16:20]
    near, far, number, acknowledged = struct.unpack_from(">HHII", packet, head)
    if back:
        source, target, near, far, number, acknowledged = target, source, far, near, acknowledged, number
    tcp = struct.pack(">HHIIBBHHH", near, far, number, acknowledged, 5 << 4, _RST | _ACK, 0, 0, 0)
    pseudo = source + target + struct.pack(">BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", _checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, socket.IPPROTO_TCP, 0)
    ip += source + target
    return ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:] + tcp


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Machines:
    """Both of them, and the wire."""

    def __init__(self, wire: Wire, places: Sequence[int]) -> None:
        self.wire = wire
        self._places = places

    def start(self, where: str, *command: str, **more: Any) -> subprocess.Popen[str]:
        """Start a program on the machine `where`: `NEAR` or `FAR`."""
        place = self._places[(NEAR, FAR).index(where)]
        return subprocess.Popen(["nsenter", "-t", str(place), "-n", *command], text=True, **more)


def missing_for_machines() -> str:
    """What is not there that two machines need; empty when they can be had."""
    for program in ("ip", "unshare", "nsenter"):
        if shutil.which(program) is None:
            return f"{program} (iproute2 and util-linux)"
    if not hasattr(os, "geteuid") or os.geteuid() or not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "root and /dev/net/tun"
    apart = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], check=False)
    return "network namespaces (unshare --net)" if apart.returncode else ""


@contextlib.contextmanager
def two_machines() -> Iterator[Machines]:
    import fcntl  # Windows has none

    with contextlib.ExitStack() as stack:
        places: list[int] = []
        ends: list[int] = []
        for mine, other in ((NEAR, FAR), (FAR, NEAR)):
            place = stack.enter_context(_namespace())
            name = f"vita{os.getpid() % 100_000}{len(places)}"
            end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH", name.encode(), _TUN_WITHOUT_HEADER))
            subprocess.run(["ip", "link", "set", name, "netns", str(place)], check=True)
            inside = ["nsenter", "-t", str(place), "-n", "ip"]
            subprocess.run([*inside, "addr", "add", mine, "peer", other, "dev", name], check=True)
            subprocess.run([*inside, "link", "set", name, "up"], check=True)
            places.append(place)
            ends.append(end)
        wire = Wire(*ends)
        stack.callback(wire.close)
        yield Machines(wire, places)


@contextlib.contextmanager
def _namespace() -> Iterator[int]:
    """A network of its own, with loopback; the id of a process in it, which ends when nobody holds its standard input."""
    command = ["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        yield holder.pid
        assert holder.stdin is not None
        holder.stdin.close()
