# A deletion is for ever: a node that was away and still has the file cannot bring it back.
{ member, ... }:
{
  nodes = {
    alpha = member;
    beta = member;
    gamma = member;
  };

  testScript = ''
    nodes = [alpha, beta, gamma]
    start_mesh(nodes)
    publish(alpha, "motd", "one")
    wait_for_content(nodes, "motd", "one")

    with subtest("a file is deleted while one node is cut off and keeps it"):
        gamma.block()
        alpha.succeed("mesh file delete motd --key /etc/mesh-test/alice.key 2>&1")
        wait_until_gone([alpha, beta], "motd")
        wait_for_content([gamma], "motd", "one")

    with subtest("the node that returns learns of it, and nobody gets the file back"):
        gamma.unblock()
        wait_until_gone([gamma], "motd")
        wait_for_same_catalogue(nodes)
        for node in nodes:
            t.assertEqual(version_of(node, "motd"), 2)
            node.fail("test -e /var/lib/mesh/files/motd", "curl --silent --fail http://localhost:7331/files/motd")

    with subtest("not by sending the old version again, either"):
        t.assertEqual(upload(gamma, "motd", sign(gamma, "motd", 1, "one")), (409, "ERR_FILE_NOT_NEWER"))

    with subtest("a signer may publish over it"):
        publish(gamma, "motd", "again")
        wait_for_content(nodes, "motd", "again")
  '';
}
