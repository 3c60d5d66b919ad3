"""The network of a test: a bridge in the namespace of the driver, and one namespace per node.

The driver lives in a network namespace of its own (driver.py), so names need not be unique and the
kernel removes everything with it.
"""

import subprocess
from pathlib import Path

BRIDGE = "vlan1"
# As the real driver calls and numbers it: eth1, 192.168.1.N in the order of the names.
INTERFACE = "eth1"


def ip(*args: str) -> None:
    done = subprocess.run(["ip", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(args)}: {done.stdout.strip()}")


def address_of(index: int) -> str:
    return f"192.168.1.{index}"


def create_bridge() -> None:
    ip("link", "set", "lo", "up")
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("link", "set", BRIDGE, "up")


class Port:
    """One socket of the switch, and the network namespace of the node that is plugged into it."""

    def __init__(self, name: str, index: int):
        self._plug = f"port{index}"
        self.namespace_path = Path("/run/netns") / name
        ip("netns", "add", name)
        ip("link", "add", self._plug, "type", "veth", "peer", "name", INTERFACE, "netns", name)
        ip("link", "set", self._plug, "master", BRIDGE, "up")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "address", "add", f"{address_of(index)}/24", "dev", INTERFACE)
        ip("-n", name, "link", "set", INTERFACE, "up")

    def load_firewall(self, rules: str) -> None:
        load = ["nsenter", f"--net={self.namespace_path}", "nft", "--file", "-"]
        subprocess.run(load, input=rules, text=True, check=True)

    def set_up(self, up: bool) -> None:
        ip("link", "set", self._plug, "up" if up else "down")
