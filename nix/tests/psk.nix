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
        wait_for_warning(gamma, "no-peers")
        publish(alpha, "motd", "inside")
        wait_for_content([beta], "motd", "inside")
        t.assertEqual(status(gamma)["peersConnected"], 0)
        t.assertEqual(status(alpha)["peersConnected"], 1)
        gamma.fail("test -e /var/lib/mesh/files/motd")

    with subtest("nothing that it could read comes back from the port"):
        for hello in ("\\x13/multistream/1.0.0\\n", "GET / HTTP/1.1\\r\\n\\r\\n"):
            answer = gamma.succeed(f"(printf '{hello}'; sleep 2) | timeout 20 nc alpha 7946 | base64 --wrap 0 || true")
            readable = gamma.succeed(f"echo '{answer}' | base64 --decode | tr -cd '[:print:]'")
            for word in ("multistream", "noise", "HTTP", "mesh"):
                t.assertNotIn(word, readable)

    with subtest("with the right key it is in"):
        gamma.succeed("cp /etc/mesh-test/network.psk /etc/mesh-test/other.psk", "systemctl restart mesh")
        wait_for_content([gamma], "motd", "inside")
  '';
}
