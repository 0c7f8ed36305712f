"""Closing the signer off from the rest of the machine, before it holds any key.

After `close_off` the process can read and write what it has open and files by name, and little else: no sockets, no
other programs, no other process's memory, and nobody of the same user looks into its own. Linux on x86-64 and ARM64
gets all of it (seccomp, seccomp(2)); elsewhere what the system has, and `protections` says which.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

from wallet.errors import SignerUnsafe

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 3, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_MADV_DONTDUMP = 16
_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ALLOW, _ERROR = 0x80000000, 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_CLONE_THREAD = 0x10000
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32 = 0x40000000

# socket connect accept sendto recvfrom sendmsg recvmsg shutdown bind listen getsockname getpeername socketpair
# setsockopt getsockopt, fork vfork execve, ptrace, add_key request_key keyctl, unshare, accept4, perf_event_open,
# recvmmsg, sendmmsg, setns, process_vm_readv process_vm_writev, bpf execveat userfaultfd, io_uring_setup (which would
# open sockets without any of these), pidfd_open pidfd_getfd.
_X86_64 = [*range(41, 56), 57, 58, 59, 101, 248, 249, 250, 272, 288, 298, 299, 307, 308, 310, 311, 321, 322, 323]
_ARM64 = [*range(198, 213), 221, 117, 217, 218, 219, 97, 242, 241, 243, 269, 268, 270, 271, 280, 281, 282]
_EVERYWHERE = [425, 434, 438]
_CLONE3 = 435
_MACHINES = {
    "x86_64": (0xC000003E, 56, _X86_64 + _EVERYWHERE),
    "aarch64": (0xC00000B7, 220, _ARM64 + _EVERYWHERE),
}
"""Of each machine: its audit number, that of clone, and the calls denied."""


def close_off() -> list[str]:
    """Give up what a signer never needs; irreversible. Returns the protections that hold, each seen to hold.

    Raises SignerUnsafe where Linux refuses one of them.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    held = ["no-core"]
    if sys.platform != "linux":
        return held
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, _PR_SET_DUMPABLE, 0)
    _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)
    if libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise SignerUnsafe("dumpable")
    held += ["not-dumpable", "no-new-privileges"]
    if platform.machine() in _MACHINES:
        _filter_calls(libc, _program(*_MACHINES[platform.machine()]))
        _see_no_sockets()
        held.append("no-sockets")
    return held


def keep_out_of_dumps() -> None:
    """Ask the system, as far as it allows, neither to dump nor to swap out what this process has in memory now."""
    with suppress(OSError):
        libc = ctypes.CDLL(None, use_errno=True)
        for line in Path("/proc/self/maps").read_text().splitlines():
            span, mode, *_ = line.split()
            if mode.startswith("rw"):
                start, end = (int(bound, 16) for bound in span.split("-"))
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTDUMP)
                libc.mlock(ctypes.c_void_p(start), ctypes.c_size_t(end - start))


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> None:
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise SignerUnsafe(f"prctl {option}")


def _program(arch: int, clone: int, denied: list[int]) -> bytes:
    """A BPF program: other instruction sets are killed, listed calls fail, clone makes threads and no processes."""
    head = [
        _statement(_LOAD, _ARCH_AT),
        _jump(_JUMP_EQUAL, arch, 1, 0),
        _statement(_RETURN, _KILL),
        _statement(_LOAD, _NUMBER_AT),
        _jump(_JUMP_ABOVE, _X32, 0, 1),
        _statement(_RETURN, _KILL),
    ]
    count = len(denied)
    refused = [_jump(_JUMP_EQUAL, number, count + 3 - place, 0) for place, number in enumerate(denied)]
    tail = [
        _jump(_JUMP_EQUAL, _CLONE3, 4, 0),  # its flags are out of a filter's sight: "not there" makes libc use clone
        _jump(_JUMP_EQUAL, clone, 0, 4),
        _statement(_LOAD, _FIRST_ARGUMENT_AT),
        _jump(_JUMP_SET, _CLONE_THREAD, 2, 0),
        _statement(_RETURN, _ERROR | _EPERM),
        _statement(_RETURN, _ERROR | _ENOSYS),
        _statement(_RETURN, _ALLOW),
    ]
    return b"".join(head + refused + tail)


def _statement(code: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, 0, 0, value)


def _jump(code: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _filter_calls(libc: ctypes.CDLL, program: bytes) -> None:
    instructions = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions)))
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(header), 0, 0) != 0:
        raise SignerUnsafe("seccomp")


def _see_no_sockets() -> None:
    try:
        socket.socket().close()
    except PermissionError:
        return
    raise SignerUnsafe("sockets")
