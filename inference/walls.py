"""Walls of the Linux kernel around this process: no network, no programs, no file changed.

Each may be forbidden or unknown where we run (a container, an old kernel), so each says whether it
stands; none can be taken down again. Not for limits of size and time: see `confinement.py`.
"""

import ctypes
import os
import platform
import re
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_THREAD = 0x10000000, 0x40000000, 0x10000


def leave_network() -> tuple[str, ...]:
    """Into a network namespace of our own, with nothing in it. The first thing a process does:
    the kernel refuses it once there are threads."""
    if sys.platform != "linux":
        return ()
    libc = ctypes.CDLL(None, use_errno=True)
    return ("namespace",) if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0 else ()


def put_up(*, readable: Sequence[Path], writable: Path | None = None) -> tuple[str, ...]:
    """The names of the walls that stand from now on, for this thread and those it will start.

    Files below `readable` can be read; no other file can, and none can be changed but `writable`,
    where the kernel has Landlock. That one must be there already.
    """
    if sys.platform != "linux":
        return ()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    walls = {
        "landlock": _landlock(libc, readable, writable),
        "seccomp": _seccomp(libc, may_write=writable is not None),
    }
    return tuple(name for name, stands in walls.items() if stands)


# ── Landlock: which files, and no network ───────────────────────────────────────────────────────

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_WRITE_FILE, _READ_FILE, _READ_FOLDER, _TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14
# What each version of the kernel's interface can forbid: the last one that is known counts.
_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 5: 0xFFFF}
_NETWORK_RIGHTS = {4: 0b11}  # TCP, both ways
_SCOPES = {6: 0b11}  # sockets without a file, and signals to others


def _landlock(libc: ctypes.CDLL, readable: Sequence[Path], writable: Path | None) -> bool:
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    if version < 1:
        return False
    handled = struct.pack(
        "QQQ", *(_newest(rights, version) for rights in (_FILE_RIGHTS, _NETWORK_RIGHTS, _SCOPES))
    )
    # Older kernels know fewer fields, and accept the rest when it is zero.
    rules = libc.syscall(_CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    if rules < 0:
        return False
    try:
        for path in readable:
            with suppress(FileNotFoundError):
                rights = _READ_FILE | _READ_FOLDER if path.is_dir() else _READ_FILE
                _allow(libc, rules, path, rights=rights)
        if writable is not None:
            rights = (_WRITE_FILE | _READ_FILE | _TRUNCATE) & _newest(_FILE_RIGHTS, version)
            _allow(libc, rules, writable, rights=rights)
        return bool(libc.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _newest(by_version: dict[int, int], version: int) -> int:
    known = [value for since, value in by_version.items() if since <= version]
    return known[-1] if known else 0


def _allow(libc: ctypes.CDLL, rules: int, path: Path, *, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, descriptor)
        libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


# ── Seccomp: which calls of the kernel ──────────────────────────────────────────────────────────

_REFUSE = 0x00050000  # the call fails with the error in the lower half
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_EPERM, _ENOSYS = 1, 38
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32 = 0x40000000  # the second numbering of the same calls

# A call: its number on each machine of `_MACHINES`; -1 where there is none.
_REFUSED = """
  network:
    socket 41 198, connect 42 203, bind 49 200, io_uring_setup 425 425,
  programs, and other processes:
    execve 59 221, execveat 322 281, fork 57 -1, vfork 58 -1, ptrace 101 117,
    process_vm_readv 310 270, process_vm_writev 311 271, kill 62 129, tkill 200 130,
    rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240, pidfd_open 434 434,
    setpriority 141 140, process_madvise 440 440, shmget 29 194, msgget 68 186,
  the kernel itself:
    bpf 321 280, perf_event_open 298 241, userfaultfd 323 282, keyctl 250 219, add_key 248 217,
    request_key 249 218, mount 165 40, move_mount 429 429, open_tree 428 428, fsopen 430 430,
    unshare 272 97, setns 308 268, open_by_handle_at 304 265, init_module 175 105,
    finit_module 313 273, reboot 169 142,
  files, where Landlock does not stand:
    creat 85 -1, unlink 87 -1, unlinkat 263 35, rename 82 -1, renameat 264 38,
    renameat2 316 276, link 86 -1, linkat 265 37, symlink 88 -1, symlinkat 266 36, mkdir 83 -1,
    mkdirat 258 34, rmdir 84 -1, truncate 76 45, ftruncate 77 46, fallocate 285 47,
    chmod 90 -1, fchmod 91 52, fchmodat 268 53, chown 92 -1, lchown 94 -1, fchown 93 55,
    fchownat 260 54, mknodat 259 33, mknod 133 -1, setxattr 188 5, fsetxattr 190 7,
    utimensat 280 88,
"""
# Their arguments are behind a pointer, which a filter cannot follow; libraries fall back.
_UNKNOWN = "clone3 435 435, openat2 437 437"
_CALL = re.compile(r"\w+ (-?\d+) (-?\d+),?")


def _seccomp(libc: ctypes.CDLL, *, may_write: bool) -> bool:
    machine = _MACHINES.get(platform.machine())
    if machine is None or sys.byteorder != "little":
        return False
    program = _program(*machine, may_write=may_write)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    filter_ = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_, 0, 0) == 0)


Line = tuple[int, int, int, int]


def _program(machine: int, column: int, *, may_write: bool = False) -> list[Line]:
    """What the kernel runs before each call: refuse these, allow the rest.

    Which file is opened is behind a pointer: who may write one leaves that question to Landlock.
    """
    lines: list[Line] = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_IF_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IF_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _REFUSE | _EPERM),
    ]
    for calls, error in ((_REFUSED, _EPERM), (_UNKNOWN, _ENOSYS)):
        for numbers in _CALL.findall(calls):
            number = int(numbers[column])
            if number >= 0:
                lines += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE | error)]
    own, other = (0, 1), (1, 0)  # lines to skip when the test holds, and when it does not
    for numbers, argument, test, value, skips in (
        ((56, 220), 0, _IF_ANY_BIT, _CLONE_THREAD, other),  # clone: threads only
        ((234, 131), 0, _IF_EQUAL, os.getpid(), other),  # tgkill: ourselves, as abort does
        ((302, 261), 0, _IF_EQUAL, 0, other),  # prlimit64: our own limits
        ((2, -1), 1, _IF_ANY_BIT, _WRITING, own),  # open: reading
        ((257, 56), 2, _IF_ANY_BIT, _WRITING, own),  # openat: likewise
    ):
        if numbers[column] >= 0 and not (may_write and value == _WRITING):
            lines += [
                (_IF_EQUAL, 0, 4, numbers[column]),
                (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument),
                (test, *skips, value),
                (_RETURN, 0, 0, _REFUSE | _EPERM),
                (_RETURN, 0, 0, _ALLOW),
            ]
    return [*lines, (_RETURN, 0, 0, _ALLOW)]
