# Two sides of a cut write the same file; when it heals all nodes show the same, whoever wrote it.
{ key, member, ... }:
let
  shared = {
    imports = [ member ];
    services.mesh.files.motd = [ (key "alice") (key "bob") ];
  };
in
{
  nodes = {
    alpha = shared;
    beta = shared;
    gamma = shared;
  };

  testScript = ''
    nodes = [alpha, beta, gamma]
    start_mesh(nodes)
    publish(alpha, "motd", "one")
    wait_for_content(nodes, "motd", "one")

    with subtest("both sides of a partition take writes"):
        gamma.block()
        publish(alpha, "motd", "two of alice", key="alice")
        publish(gamma, "motd", "two of bob", key="bob")
        wait_for_content([alpha, beta], "motd", "two of alice")
        wait_for_content([gamma], "motd", "two of bob")

    with subtest("healed, all nodes have the same, and say that two wrote at once"):
        gamma.unblock()
        for node in nodes:
            wait_for_warning(node, "file-conflict")
        wait_for_same_catalogue(nodes)
        shown = alpha.succeed("cat /var/lib/mesh/files/motd")
        t.assertIn(shown, ("two of alice", "two of bob"))
        wait_for_content(nodes, "motd", shown)
        # Of the same version the later one wins: the last of the two that were signed.
        t.assertEqual(shown, "two of bob")

    with subtest("the next version settles it"):
        publish(beta, "motd", "three")
        wait_for_content(nodes, "motd", "three")
        for node in nodes:
            node.wait_until_succeeds("mesh status --json | jq --exit-status 'all(.health[]; .code != \"file-conflict\")'")

    with subtest("the side that wrote more often wins, whichever was last"):
        gamma.block()
        publish(gamma, "motd", "four")
        publish(gamma, "motd", "five")
        publish(alpha, "motd", "four, and later")
        gamma.unblock()
        wait_for_content(nodes, "motd", "five")
  '';
}
