"""The file system under every node: a small Debian, made once and kept outside the project."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SUITE = "trixie"
# What a NixOS node of nix/tests has on its path, and what boots it. libstdc++6 is for Node.
PACKAGES = [
    "systemd", "systemd-sysv", "dbus", "iproute2", "iputils-ping", "netcat-openbsd", "nftables", "curl", "jq",
    "openssh-client", "libstdc++6", "libfaketime",
]  # fmt: skip
# Nodes have no use for these, and each boot gets quicker without them.
MASKED = ["getty@.service", "console-getty.service", "systemd-logind.service", "apt-daily.timer", "apt-daily-upgrade.timer"]


def cache_directory() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "mesh-nix-tests")


def image() -> Path:
    """The image's directory; makes it if need be, which takes about fifteen seconds."""
    recipe = hashlib.sha256(repr((SUITE, PACKAGES, MASKED)).encode()).hexdigest()[:12]
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    done = cache / f"base-{recipe}"
    # Several runs may begin at once: one makes it, the others wait.
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(done)
    return done


def make(target: Path) -> None:
    partial = target.with_suffix(".partial")
    command = ["mmdebstrap", "--quiet", "--variant=essential", "--mode=root", "--format=directory", f"--include={','.join(PACKAGES)}", SUITE, str(partial)]
    made = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise SystemExit(f"the base image cannot be made (exit code {made.returncode} of mmdebstrap):\n{made.stdout[-4000:]}")
    # Present and empty: each node makes its own and keeps it.
    (partial / "etc/machine-id").write_text("")
    for unit in MASKED:
        (partial / "etc/systemd/system" / unit).symlink_to("/dev/null")
    partial.rename(target)
