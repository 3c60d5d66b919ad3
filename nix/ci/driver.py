"""Runs one test of nix/tests in systemd-nspawn containers: `driver.py SPEC.json`, as root.

The driver lives in process, mount and network namespaces of its own. Whatever ends it, Ctrl-C, a
timeout or kill -9, the kernel ends every container, unmounts everything and removes every network
interface with it; nothing has a name that two runs could fight over. Only control groups are outside:
empty ones are removed at the end, and those of a run that was killed by the next run.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import traceback
import unittest
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional

from machine import Machine, TestFailure
from network import Port, address_of, create_bridge

INSIDE = "--inside"
CGROUPS = Path("/sys/fs/cgroup")
CGROUP_PREFIX = "mesh-test-"
# Where everything of a run is: a tmpfs that only this run sees. nspawn wants /run/systemd on one.
RUN = Path("/run")
# Each systemd takes a few; the usual 128 are used up by nine containers.
INOTIFY_INSTANCES = 1024
UNSHARE = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--propagation=private"]


class Interrupted(BaseException):
    """Somebody wants the run to end."""


def say(line: str) -> None:
    print(line, flush=True)


# --- outside: namespaces, and what they do not cover


def cgroup_hierarchies() -> list[Path]:
    """Where a container needs a group of its own: the one hierarchy of cgroup 2, or those systemd uses of cgroup 1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [CGROUPS / name for name in ("systemd", "unified", "memory", "pids") if (CGROUPS / name).is_dir()]


def remove_cgroup(top: Path) -> None:
    for directory, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(directory)
        except OSError:
            pass  # still used by what is ending, or gone; the next run tries again


def sweep_cgroups() -> None:
    """Removes the control groups of this run, and of runs whose process is gone."""
    for hierarchy in cgroup_hierarchies():
        for group in hierarchy.glob(f"{CGROUP_PREFIX}*"):
            pid = group.name.removeprefix(CGROUP_PREFIX).split("-")[0]
            if pid == str(os.getpid()) or not Path("/proc", pid).exists():
                remove_cgroup(group)


def allow_many_containers() -> None:
    setting = Path("/proc/sys/fs/inotify/max_user_instances")
    if int(setting.read_text()) < INOTIFY_INSTANCES:
        setting.write_text(str(INOTIFY_INSTANCES))


def die_with_parent() -> None:
    """For a child before it runs its program: prctl(PR_SET_PDEATHSIG, SIGKILL)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def outside(spec: str) -> int:
    allow_many_containers()
    sweep_cgroups()
    inner = [*UNSHARE, sys.executable, __file__, INSIDE, str(os.getpid()), spec]
    child = subprocess.Popen(inner, start_new_session=True, preexec_fn=die_with_parent)

    def pass_on(number: int, _frame: object) -> None:
        # unshare(1) does not hand on signals; the driver is its only child.
        for pid in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split():
            os.kill(int(pid), signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    try:
        return child.wait()
    finally:
        sweep_cgroups()


# --- inside: the machines and the script


def make_root(name: str, node: dict, base: str, hosts: str) -> Path:
    """The file system of a node: the base image, what the configuration adds, and what the node writes."""
    home = RUN / "nodes" / name
    root, upper, work = home / "root", home / "upper", home / "work"
    for directory in (root, upper, work):
        directory.mkdir(parents=True)
    options = f"lowerdir={base},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
    files = {**node["files"], "/etc/hostname": {"text": f"{name}\n"}, "/etc/hosts": {"text": hosts}}
    for path, file in files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if "link" in file:
            target.symlink_to(file["link"])
            continue
        target.write_text(file["text"])
        target.chmod(int(file.get("mode", "0644"), 8))
    for file, lines in node.get("append", {}).items():
        with (root / file.lstrip("/")).open("a") as out:
            out.write(lines)
    # The journal survives a crash of the machine, as it does on NixOS.
    (root / "var/log/journal").mkdir(parents=True, exist_ok=True)
    return root


def make_machines(spec: dict, run_id: str, log) -> dict[str, Machine]:
    create_bridge()
    names = sorted(spec["nodes"])
    hosts = "127.0.0.1 localhost\n::1 localhost\n"
    hosts += "".join(f"{address_of(index)} {name}\n" for index, name in enumerate(names, 1))
    machines = {}
    for index, name in enumerate(names, 1):
        root = make_root(name, spec["nodes"][name], spec["base"], hosts)
        cgroups = [hierarchy / f"{CGROUP_PREFIX}{run_id}-{name}" for hierarchy in cgroup_hierarchies()]
        for cgroup in cgroups:
            cgroup.mkdir(exist_ok=True)
        port = Port(name, index)
        port.load_firewall(spec["nodes"][name].get("firewall", ""))
        machines[name] = Machine(name, root, port, spec["binds"], cgroups, log)
    return machines


class Log:
    """What happened so far, each line with its time; the name and the methods are the real driver's."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._depth = 0

    def log(self, message: str, attributes: Optional[dict] = None) -> None:
        say(f"{time.monotonic() - self._begin:7.2f} {'  ' * self._depth}{message}")

    info = warning = log

    def error(self, message: str) -> None:
        self.log(f"error: {message}")

    @contextmanager
    def nested(self, message: str, attributes: Optional[dict] = None) -> Iterator[None]:
        self.log(message)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    subtest = nested


def where_in_script(error: BaseException, script: str) -> str:
    """The lines of the script that were being run, the innermost last."""
    lines = script.splitlines()
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == "testScript" and f.lineno]
    return "\n".join(f"  testScript:{f.lineno}: {lines[f.lineno - 1].strip()}" for f in frames)


def run_script(spec: dict, machines: dict[str, Machine], log: Log) -> None:
    def start_all() -> None:
        for machine in machines.values():
            machine.start()

    def join_all() -> None:
        for machine in machines.values():
            machine.shutdown()

    # As in the real driver, a name that is no Python name has underscores.
    symbols = {name.replace("-", "_"): machine for name, machine in machines.items()}
    symbols |= {
        "machines": list(machines.values()),
        "start_all": start_all,
        "join_all": join_all,
        "subtest": lambda name: log.nested(f"subtest: {name}"),
        "log": log,
        "t": unittest.TestCase(),
        "Machine": Machine,
        "os": os,
    }
    exec(compile(spec["script"], "testScript", "exec"), symbols)


def first_process(run_id: str, path: str) -> int:
    """Process 1 of the namespace: reaps what others leave behind, as a container cannot end before that."""
    driver = os.fork()
    if driver == 0:
        code = 1
        try:
            code = run_test(run_id, path)
        finally:
            sys.stdout.flush()
            os._exit(code)
    signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(driver, number))
    while True:
        pid, status = os.wait()
        if pid == driver:
            return os.waitstatus_to_exitcode(status) & 0xFF


def run_test(run_id: str, path: str) -> int:
    spec = json.loads(Path(path).read_text())
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(RUN)], check=True)
    (RUN / "systemd").mkdir()

    def interrupt(number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Interrupted()

    signal.signal(signal.SIGTERM, interrupt)
    log = Log()
    machines: dict[str, Machine] = {}
    try:
        machines = make_machines(spec, run_id, log.log)
        run_script(spec, machines, log)
        log.log(f"{spec['name']}: passed")
        return 0
    except Interrupted:
        log.log(f"{spec['name']}: interrupted")
        return 130
    except Exception as error:
        for machine in machines.values():
            say(machine._report())
        where = where_in_script(error, spec["script"])
        if not where:
            traceback.print_exc(file=sys.stdout)
        kind = "" if isinstance(error, TestFailure) else f"{type(error).__name__}: "
        say(f"\n{spec['name']}: FAILED\n{where}\n{kind}{error}\n")
        return 1
    finally:
        for machine in machines.values():
            machine._kill()


def main(arguments: list[str]) -> int:
    if arguments[:1] == [INSIDE]:
        return first_process(arguments[1], arguments[2])
    return outside(arguments[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
