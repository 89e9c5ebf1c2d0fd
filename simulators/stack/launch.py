"""Become another program that ends with its parent: ``launch.py PARENT SIGNAL UID COMMAND...``.

Run by path in an isolated interpreter. Between fork and exec of a process with threads Python must
not run (it may deadlock), so the kernel's parent-death signal is asked for here, after the fork is
over. Two facts of prctl(2) set the order: changing credentials clears the signal, so it comes
after them; and it is tied to the *thread* that forked, so supervisors start children from a thread
that lives as long as they do. A parent that died before the call is noticed by its number.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_KEEP_UID = -1


def main(arguments: list[str]) -> None:
    """Drop to the uid (-1: keep), tie this process to its parent, become the command."""
    parent, signal_number, uid = (int(word) for word in arguments[:3])
    command = arguments[3:]
    if uid != _KEEP_UID:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent ended before its child began")
    os.execvp(command[0], command)  # noqa: S606 - to become the command is the point


if __name__ == "__main__":
    main(sys.argv[1:])
