# What every script begins with (lib.nix puts it there).
import json
import shlex

KEYS = "/etc/mesh-test"
FILES = "/var/lib/mesh/files"


def publish(node: Machine, name: str, content: str, key: str = "alice", options: str = "") -> str:
    """Signs and uploads at one node, with the command."""
    return node.succeed(
        f"printf %s {shlex.quote(content)} | mesh file update - --name {name} --key {KEYS}/{key}.key {options} 2>&1"
    )


def sign(node: Machine, name: str, version: int, content: str, key: str = "alice", network: str = "mesh-test") -> str:
    """Signs without a daemon; answers the path of the content, beside which the statement is (.stmt)."""
    path = f"/tmp/{name}-{version}-{key}-{network}"
    node.succeed(
        f"printf %s {shlex.quote(content)} >{path}",
        f"mesh file sign {path} --force --name {name} --version {version} --network {network} --key {KEYS}/{key}.key 2>&1",
    )
    return path


def upload(node: Machine, name: str, path: str, statement: str = "") -> tuple[int, str]:
    """Uploads with curl; answers the status and the error's code, or what became of it."""
    status, answer = node.succeed(
        "curl --silent --output /tmp/answer --write-out '%{http_code}' "
        f"--upload-file {path} $(mesh file headers {statement or path + '.stmt'}) http://localhost:7331/files/{name}; "
        "echo; jq --raw-output '.code // .outcome' /tmp/answer"
    ).split()
    return int(status), answer


def wait_for_content(nodes: list[Machine], name: str, content: str) -> None:
    for node in nodes:
        node.wait_until_succeeds(f'test "$(cat {FILES}/{name})" = {shlex.quote(content)}')


def wait_until_gone(nodes: list[Machine], name: str) -> None:
    for node in nodes:
        node.wait_until_fails(f"test -e {FILES}/{name}")


def wait_for_peers(node: Machine, count: int) -> None:
    node.wait_until_succeeds(f"mesh peers --json | jq --exit-status '[.peers[] | select(.connected)] | length == {count}'")


def wait_for_warning(node: Machine, code: str) -> None:
    node.wait_until_succeeds(f"mesh status --json | jq --exit-status 'any(.health[]; .code == \"{code}\")'")


def status(node: Machine) -> dict:
    return json.loads(node.succeed("mesh status --json"))


def version_of(node: Machine, name: str) -> int:
    """The version that wins at a node; 0 if there is none."""
    return int(node.succeed(f"mesh file list --json | jq '[.files[] | select(.name == \"{name}\") | .current.version][0] // 0'"))


def wait_for_same_catalogue(nodes: list[Machine]) -> None:
    """Until every node keeps the same statements as the first."""
    digest = status(nodes[0])["catalogueDigest"]
    for node in nodes[1:]:
        node.wait_until_succeeds(f"mesh status --json | jq --exit-status '.catalogueDigest == \"{digest}\"'")


def wait_for_a_peer(nodes: list[Machine]) -> None:
    for node in nodes:
        node.wait_until_succeeds("test $(mesh status --json | jq .peersConnected) -ge 1")


def start_mesh(nodes: list[Machine]) -> None:
    """Boots these nodes, and waits until each has found another."""
    for node in nodes:
        node.start()
    for node in nodes:
        node.wait_for_unit("mesh.service")
    wait_for_a_peer(nodes)


