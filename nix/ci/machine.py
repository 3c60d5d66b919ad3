"""One node of a test: a systemd-nspawn container with the method names of the NixOS test driver.

Scripts under nix/tests run unchanged against this class and against the VMs of the real driver, so
nothing may be added here that the real `Machine` does not have.
"""

import os
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Optional

from network import Port

# Long enough for a machine that is far slower than a quiet one, which takes a second or two. Shorter for
# whoever wants to see a test fail.
DEFAULT_TIMEOUT_S = int(os.environ.get("MESH_NIX_TEST_TIMEOUT_S", "300"))
BOOT_TIMEOUT_S = 120
SHUTDOWN_TIMEOUT_S = 60
POLL_INTERVAL_S = 0.1
PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
# systemd's own signal for "power off, in order" to a process 1 (systemd(1)).
POWER_OFF = signal.SIGRTMIN + 4
JOURNAL_LINES = 40


class TestFailure(Exception):
    """What a test expected did not happen; the message is for whoever reads the log."""


class Machine:
    def __init__(self, name: str, root: Path, port: Port, binds: dict[str, str], cgroups: list[Path], log: Callable[[str], None]):
        self.name = name
        self._root = root
        self._port = port
        self._binds = binds
        self._cgroups = cgroups
        self._log = log
        self._console = root.parent / "console.log"
        self._nspawn: Optional[subprocess.Popen] = None
        self._leader: Optional[int] = None
        # What the last command wrote to standard error; the real driver shows that on the console.
        self._complaint = ""

    # --- life

    def start(self, allow_reboot: bool = False) -> None:
        if self._nspawn is not None:
            return
        command = [
            "systemd-nspawn", "--quiet", "--settings=no", "--register=no", "--keep-unit", "--boot",
            "--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off",
            f"--directory={self._root}", f"--machine={self.name}",
            f"--network-namespace-path={self._port.namespace_path}",
            *(f"--bind-ro={source}:{target}" for target, source in self._binds.items()),
        ]
        with self._console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=self._enter_cgroups,
            )
        self._leader = self._retry(self._find_leader, BOOT_TIMEOUT_S, "its first process")
        self._retry(self._is_reachable, BOOT_TIMEOUT_S, "systemd in it")

    def shutdown(self) -> None:
        """Powers off in order, as `systemctl poweroff` does."""
        self._end(POWER_OFF)

    def crash(self) -> None:
        """Takes the power away: every process is gone at once, without a chance to say a word."""
        self._end(signal.SIGKILL)

    def reboot(self) -> None:
        self.shutdown()
        self.start()

    def is_up(self) -> bool:
        return self._nspawn is not None

    def block(self) -> None:
        """Pulls the network cable."""
        self._port.set_up(False)

    def unblock(self) -> None:
        self._port.set_up(True)

    # --- commands

    def execute(self, command: str, check_return: bool = True, check_output: bool = True, timeout: Optional[int] = DEFAULT_TIMEOUT_S) -> tuple[int, str]:
        self.start()
        return self._run(command, timeout)

    def succeed(self, *commands: str, timeout: Optional[int] = DEFAULT_TIMEOUT_S) -> str:
        output = ""
        for command in commands:
            self._log(f"{self.name}: must succeed: {command}")
            status, out = self.execute(command, timeout=timeout)
            if status != 0:
                raise TestFailure(f"{self.name}: command `{command}` failed (exit code {status})\n{out}{self._complaint}")
            output += out
        return output

    def fail(self, *commands: str, timeout: Optional[int] = DEFAULT_TIMEOUT_S) -> str:
        output = ""
        for command in commands:
            self._log(f"{self.name}: must fail: {command}")
            status, out = self.execute(command, timeout=timeout)
            if status == 0:
                raise TestFailure(f"{self.name}: command `{command}` unexpectedly succeeded\n{out}")
            output += out
        return output

    def wait_until_succeeds(self, command: str, timeout: int = DEFAULT_TIMEOUT_S) -> str:
        return self._wait_for_command(command, timeout, "success", lambda status: status == 0)

    def wait_until_fails(self, command: str, timeout: int = DEFAULT_TIMEOUT_S) -> str:
        return self._wait_for_command(command, timeout, "failure", lambda status: status != 0)

    def wait_for_open_port(self, port: int, addr: str = "localhost", timeout: int = DEFAULT_TIMEOUT_S) -> None:
        self.wait_until_succeeds(f"nc -z {shlex.quote(addr)} {port}", timeout)

    def wait_for_closed_port(self, port: int, addr: str = "localhost", timeout: int = DEFAULT_TIMEOUT_S) -> None:
        self.wait_until_fails(f"nc -z {shlex.quote(addr)} {port}", timeout)

    def wait_for_file(self, filename: str, timeout: int = DEFAULT_TIMEOUT_S) -> None:
        self.wait_until_succeeds(f"test -e {filename}", timeout)

    # --- units

    def systemctl(self, q: str, user: Optional[str] = None) -> tuple[int, str]:
        return self.execute(f"systemctl {q}")

    def get_unit_info(self, unit: str, user: Optional[str] = None) -> dict[str, str]:
        status, lines = self.systemctl(f"--no-pager show {shlex.quote(unit)}")
        if status != 0:
            raise TestFailure(f"{self.name}: systemctl show {unit} failed (exit code {status})")
        return dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)

    def get_unit_property(self, unit: str, property: str, user: Optional[str] = None) -> str:
        return self.get_unit_info(unit)[property]

    def require_unit_state(self, unit: str, require_state: str = "active") -> None:
        state = self.get_unit_property(unit, "ActiveState")
        if state != require_state:
            raise TestFailure(f"{self.name}: unit {unit} is {state} and must be {require_state}")

    def wait_for_unit(self, unit: str, user: Optional[str] = None, timeout: int = DEFAULT_TIMEOUT_S) -> None:
        self._log(f"{self.name}: waiting for unit {unit}")
        self.start()

        def reached() -> Optional[bool]:
            info = self.get_unit_info(unit)
            if info["ActiveState"] == "failed":
                raise TestFailure(f"{self.name}: unit {unit} has failed ({info.get('Result')})")
            # A unit that nothing will start would be waited for in vain.
            if info["ActiveState"] == "inactive" and "No jobs" in self.systemctl("list-jobs --full")[1]:
                if self.get_unit_info(unit)["ActiveState"] == "inactive":
                    raise TestFailure(f"{self.name}: unit {unit} is inactive and there is no job to start it")
            return True if info["ActiveState"] == "active" else None

        self._retry(reached, timeout, f"unit {unit}")

    def start_job(self, jobname: str, user: Optional[str] = None) -> tuple[int, str]:
        return self.systemctl(f"start {jobname}")

    def stop_job(self, jobname: str, user: Optional[str] = None) -> tuple[int, str]:
        return self.systemctl(f"stop {jobname}")

    # --- for the driver alone; a script must not use what begins with an underscore

    def _report(self) -> str:
        """What somebody wants to see of this node after a failure."""
        if self._nspawn is None or self._nspawn.poll() is not None or self._leader is None:
            console = self._console.read_text(errors="replace") if self._console.exists() else ""
            return f"--- {self.name} is off; its console ended with\n{console[-2000:]}"
        shown = f"systemctl --no-pager --failed; journalctl --no-pager --output=short-precise --lines={JOURNAL_LINES} --unit=mesh.service"
        status, output = self._run(f"({shown}) 2>&1", 20)
        if status != 0 or "-- No entries --" in output:
            output += self._console.read_text(errors="replace")[-2000:]
        return f"--- {self.name}\n{output}"

    def _kill(self) -> None:
        if self._nspawn is not None:
            self._end(signal.SIGKILL)

    def _end(self, how: int) -> None:
        if self._nspawn is None:
            return
        self._log(f"{self.name}: {'crash' if how == signal.SIGKILL else 'shutdown'}")
        # Killing nspawn would leave the container running; its first process is what it lives by.
        if self._leader is not None:
            try:
                os.kill(self._leader, how)
            except ProcessLookupError:
                pass
        else:
            self._nspawn.kill()
        try:
            self._nspawn.wait(SHUTDOWN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise TestFailure(f"{self.name}: did not power off within {SHUTDOWN_TIMEOUT_S} s") from None
        finally:
            if self._nspawn.poll() is not None:
                self._nspawn, self._leader = None, None

    def _run(self, command: str, timeout: Optional[int]) -> tuple[int, str]:
        limit = [] if timeout is None else ["timeout", "--kill-after=5", str(timeout)]
        script = f"cd /tmp; set -euo pipefail; {command}"
        done = subprocess.run(
            ["nsenter", "--target", str(self._leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
             *limit, "/bin/bash", "-c", script],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            env={"PATH": PATH, "HOME": "/root", "USER": "root", "LANG": "C.UTF-8"},
        )
        self._complaint = done.stderr.strip()
        return done.returncode, done.stdout

    def _wait_for_command(self, command: str, timeout: int, what: str, wanted: Callable[[int], bool]) -> str:
        self._log(f"{self.name}: waiting for {what} of: {command}")
        last = ""

        def tried() -> Optional[str]:
            nonlocal last
            status, output = self.execute(command, timeout=timeout)
            last = f"exit code {status}: {output}{self._complaint}"
            return output if wanted(status) else None

        try:
            return self._retry(tried, timeout, f"{what} of `{command}`")
        except TestFailure as failure:
            raise TestFailure(f"{failure}; the last time: {last}") from None

    def _retry(self, attempt: Callable, timeout: float, what: str):
        end = time.monotonic() + timeout
        while True:
            result = attempt()
            if result is not None:
                return result
            if time.monotonic() > end:
                raise TestFailure(f"{self.name}: waited {timeout} s in vain for {what}")
            time.sleep(POLL_INTERVAL_S)

    def _find_leader(self) -> Optional[int]:
        if self._nspawn is None or self._nspawn.poll() is not None:
            console = self._console.read_text(errors="replace")
            self._nspawn = None
            raise TestFailure(f"{self.name}: did not boot: {console[-2000:]}")
        pid = self._nspawn.pid
        try:
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                if Path(os.readlink(f"/proc/{child}/exe")).name == "systemd":
                    return int(child)
        except (FileNotFoundError, ProcessLookupError):
            pass
        return None

    def _is_reachable(self) -> Optional[bool]:
        if self._nspawn is None or self._nspawn.poll() is not None:
            raise TestFailure(f"{self.name}: ended while it booted: {self._console.read_text(errors='replace')[-2000:]}")
        return True if self._run("systemctl show-environment 2>/dev/null", 20)[0] == 0 else None

    def _enter_cgroups(self) -> None:
        for cgroup in self._cgroups:
            (cgroup / "cgroup.procs").write_text("0")
