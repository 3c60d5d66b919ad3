# No clock decides: one machine is a year ahead, another believes that it is 1971. libfaketime lies to the
# daemon, and to nothing else, in VMs and containers alike.
{ lib, member, pkgs, ... }:
let
  preload = "${pkgs.libfaketime}/lib/libfaketime.so.1";
  believing = offset: {
    imports = [ member ];
    systemd.services.mesh.environment = {
      LD_PRELOAD = preload;
      FAKETIME = offset;
      # Timeouts go on as they are.
      FAKETIME_DONT_FAKE_MONOTONIC = "1";
    };
  };
in
{
  nodes = {
    alpha = member;
    beta = believing "-55y";
    gamma = believing "+1y";
  };

  testScript = ''
    AT = "LD_PRELOAD=${preload} FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME="
    nodes = [alpha, beta, gamma]

    def publish_at(offset: str, node: Machine, content: str) -> str:
        return node.succeed(f"printf '{content}' | {AT}{offset} mesh file update - --name motd --key /etc/mesh-test/alice.key 2>&1")

    start_mesh(nodes)

    with subtest("the daemons do believe it"):
        def year(node: Machine) -> int:
            return int(status(node)["startedAt"][:4])

        t.assertLess(year(beta), 1980)
        t.assertGreater(year(gamma), year(alpha))

    with subtest("all three are in one mesh, and a file reaches all"):
        publish(alpha, "motd", "one")
        wait_for_content(nodes, "motd", "one")

    with subtest("what is signed in 1971 is newer when its number is"):
        publish_at("-55y", beta, "two")
        wait_for_content(nodes, "motd", "two")

    with subtest("what is signed a year ahead does not lock out what comes after"):
        publish_at("+1y", gamma, "three")
        wait_for_content([gamma], "motd", "three")
        publish(alpha, "motd", "four")
        publish(alpha, "motd", "five")
        wait_for_content(nodes, "motd", "five")
        publish_at("-55y", beta, "six")
        wait_for_content(nodes, "motd", "six")
  '';
}
