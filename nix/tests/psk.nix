# Without the pre-shared key a machine gets no handshake, not even one with a good certificate.
{ member, ... }:
{
  nodes = {
    alpha = member;
    beta = member;
    gamma = {
      imports = [ member ];
      services.mesh.settings.network.psk = "/etc/mesh-test/other.psk";
    };
  };

  testScript = ''
    start_mesh([alpha, beta])
    gamma.start()
    gamma.wait_for_unit("mesh.service")

    with subtest("a node with another key reaches nobody, and says so"):
        gamma.wait_until_succeeds("mesh peers --json | jq --exit-status 'any(.peers[]; .lastError != null)'")
        gamma.succeed("mesh peers --json | jq --raw-output '.peers[].lastError' | grep --ignore-case 'pre-shared key'")
        publish(alpha, "motd", "inside")
        wait_for_content([beta], "motd", "inside")
        t.assertEqual(status(gamma)["peersConnected"], 0)
        t.assertEqual(status(alpha)["peersConnected"], 1)
        gamma.fail("test -e /var/lib/mesh/files/motd")

    with subtest("what says hello without it gets a nonce, and no word"):
        answer = gamma.succeed("(printf '\\x13/multistream/1.0.0\\n'; sleep 1) | timeout 60 nc alpha 7946 | wc --bytes")
        t.assertEqual(int(answer), 32)

    with subtest("with the right key it is in"):
        gamma.succeed("cp /etc/mesh-test/network.psk /etc/mesh-test/other.psk", "systemctl restart mesh")
        wait_for_content([gamma], "motd", "inside")
  '';
}
