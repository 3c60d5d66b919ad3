# Ten machines that know one address: all find each other, and agree.
{ lib, member, names, ... }:
{
  nodes = lib.genAttrs names (_: member);

  testScript = ''
    start_mesh(machines)

    with subtest("all ten find each other"):
        for node in machines:
            wait_for_peers(node, len(machines) - 1)

    with subtest("a file is everywhere, wherever it is uploaded"):
        publish(kappa, "motd", "from kappa")
        wait_for_content(machines, "motd", "from kappa")
        publish(beta, "motd", "from beta")
        wait_for_content(machines, "motd", "from beta")

    with subtest("without the one whose address they were given"):
        alpha.crash()
        others = [node for node in machines if node.name != "alpha"]
        publish(theta, "motd", "without alpha")
        wait_for_content(others, "motd", "without alpha")

    with subtest("which catches up when it is back"):
        alpha.start()
        wait_for_content([alpha], "motd", "without alpha")
        wait_for_same_catalogue(machines)
  '';
}
