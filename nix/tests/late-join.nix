# A machine that comes later needs no change on the others, and gets what is there from whoever has it.
{ addressOf, key, member, ... }:
let
  either = {
    imports = [ member ];
    services.mesh.settings.cluster.bootstrap_peers = [ (addressOf "alpha") (addressOf "beta") ];
    services.mesh.files = {
      motd = [ (key "alice") ];
      "hosts.d/site" = [ (key "alice") ];
      gone = [ (key "alice") ];
    };
  };
in
{
  nodes = {
    alpha = either;
    beta = either;
    gamma = either;
  };

  testScript = ''
    start_mesh([alpha, beta])
    publish(alpha, "motd", "one")
    publish(alpha, "motd", "two")
    publish(beta, "hosts.d/site", "192.0.2.1 site")
    publish(alpha, "gone", "not for long")
    alpha.succeed("mesh file delete gone --key /etc/mesh-test/alice.key 2>&1")
    wait_for_content([alpha, beta], "motd", "two")
    wait_for_content([alpha, beta], "hosts.d/site", "192.0.2.1 site")
    wait_for_same_catalogue([alpha, beta])

    with subtest("the node where the files were uploaded is off for good"):
        alpha.shutdown()

    with subtest("a node that boots for the first time gets them from another"):
        gamma.start()
        gamma.wait_for_unit("mesh.service")
        wait_for_content([gamma], "motd", "two")
        wait_for_content([gamma], "hosts.d/site", "192.0.2.1 site")
        wait_for_same_catalogue([beta, gamma])
        gamma.fail("test -e /var/lib/mesh/files/gone")
  '';
}
