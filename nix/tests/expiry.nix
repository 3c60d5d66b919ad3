# A file with an end is shown until then and no longer, on every node, whether it was there or comes back.
{ key, member, ... }:
let
  shared = {
    imports = [ member ];
    services.mesh.files = {
      motd = [ (key "alice") ];
      notice = [ (key "alice") ];
    };
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
    publish(alpha, "motd", "for ever")

    with subtest("a file with an end is shown on every node"):
        # Long enough for this machine, however slow it is; nothing here depends on how long that takes.
        for seconds in (6, 30, 150):
            publish(alpha, "notice", f"for {seconds} s", options=f"--expires {seconds}s")
            seen = 0
            for node in nodes:
                node.wait_until_succeeds("mesh file status notice --json | jq --exit-status '.state == \"shown\" or .state == \"expired\"'")
                seen += node.execute("test -e /var/lib/mesh/files/notice")[0] == 0
            if seen == len(nodes):
                break
        else:
            raise Exception("the file was never seen on all nodes before its end")
        gamma.block()

    with subtest("after its end it is on none"):
        wait_until_gone(nodes, "notice")
        for node in nodes:
            node.succeed("mesh file status notice --json | jq --exit-status '.state == \"expired\"'")
            node.fail("curl --silent --fail http://localhost:7331/files/notice")

    with subtest("and nobody brings it back"):
        gamma.unblock()
        gamma.succeed("systemctl restart mesh")
        wait_for_a_peer([gamma])
        wait_for_same_catalogue(nodes)
        for node in nodes:
            node.fail("test -e /var/lib/mesh/files/notice")

    with subtest("files without an end stay, and a next version without one is shown"):
        publish(beta, "notice", "for ever")
        wait_for_content(nodes, "notice", "for ever")
        wait_for_content(nodes, "motd", "for ever")
  '';
}
