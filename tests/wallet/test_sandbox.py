"""What the signer's process cannot do any more, tried from within and from outside."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

FROM_WITHIN = """
import json, os, socket, subprocess, sys, threading
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from wallet.sandbox import close_off, keep_out_of_dumps

TRIED = {
    "tcp": lambda: socket.socket(socket.AF_INET),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "pair": socket.socketpair,
    "fork": os.fork,
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "run": lambda: subprocess.run(["/bin/true"]),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "pidfd": lambda: os.pidfd_open(os.getpid()),
    "namespace": lambda: os.unshare(0) if hasattr(os, "unshare") else raising(),
}

def raising():
    raise PermissionError

def tried(name):
    try:
        TRIED[name]()
    except PermissionError:
        return "denied"
    except OSError as error:
        return error.strerror
    return "allowed"

if sys.argv[1] == "control":
    print(json.dumps({name: tried(name) for name in ("tcp", "unix", "pair", "run", "pidfd")}))
    sys.exit()
held = close_off()
outcome = {name: tried(name) for name in TRIED}
thread = threading.Thread(target=lambda: outcome.update(thread="allowed"))
thread.start()
thread.join()
Argon2id(salt=b"1" * 16, length=32, iterations=1, lanes=4, memory_cost=19 * 1024).derive(b"x")
def dumped():
    return len([l for l in open("/proc/self/smaps") if l.startswith("VmFlags") and " wr " in l and " dd" not in l])
before = dumped()
keep_out_of_dumps()
outcome["dumped"] = [before, dumped()]
with open(sys.argv[1], "w") as file:
    file.write("files still work")
outcome["mode"] = oct(os.stat(sys.argv[1]).st_mode & 0o777)
print(json.dumps({"held": held, **outcome}))
"""

# As root everything is readable, so both processes first become nobody; that clears the dumpable flag, which is
# set again to see it go.
FROM_OUTSIDE = """
import ctypes, json, os, socket, sys
from wallet.frames import pack
from wallet.signer import main

libc = ctypes.CDLL(None, use_errno=True)
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    libc.prctl(4, 1, 0, 0, 0)

def child(run):
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        run(theirs)
        os._exit(0)
    theirs.close()
    return pid, ours

def sign(connection):
    sys.argv = ["signer", str(connection.fileno()), "60", "/nonexistent/vault.json"]
    main()

def opened(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            if name != "mem":
                file.read(1)
    except PermissionError:
        return "denied"
    return "allowed"

def traced(pid):
    if libc.ptrace(16, pid, 0, 0) != 0:
        return "denied"
    os.waitpid(pid, 0)
    libc.ptrace(17, pid, 0, 0)
    return "allowed"

def looked_into(pid):
    return {**{name: opened(pid, name) for name in ("mem", "environ", "maps")}, "ptrace": traced(pid)}

idle, idle_line = child(lambda connection: connection.recv(1))
busy, line = child(sign)
line.sendall(pack({"call": "status", "with": {}}))
assert line.recv(65536)
print(json.dumps({"control": looked_into(idle), "signer": looked_into(busy)}))
"""

linux = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")


def run(code, *arguments):
    done = subprocess.run([sys.executable, "-I", "-c", code, *arguments], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_no_sockets_no_programs_no_processes(tmp_path):
    outcome = run(FROM_WITHIN, str(tmp_path / "file"))
    assert outcome.pop("held") == ["no-core", "not-dumpable", "no-new-privileges", "no-sockets"]
    assert (outcome.pop("thread"), outcome.pop("mode")) == ("allowed", "0o600")
    before, after = outcome.pop("dumped")
    assert before > 20 and after <= 3  # what was mapped since
    assert set(outcome.values()) == {"denied"}, outcome


def test_outside_the_sandbox_all_of_that_is_allowed():
    assert set(run(FROM_WITHIN, "control").values()) == {"allowed"}


def test_nobody_of_the_same_user_looks_into_the_signer():
    outcome = run(FROM_OUTSIDE)
    assert set(outcome["control"].values()) == {"allowed"}
    assert set(outcome["signer"].values()) == {"denied"}


def test_these_tests_ran_where_they_can_fail():
    assert linux, "the sandbox's tests need Linux on x86-64 or ARM64"
