# Who has no certificate that counts is not let in, although it has the pre-shared key.
{ member, lib, ... }:
{
  nodes = {
    alpha = member;
    beta = member;
    gamma = {
      imports = [ member ];
      services.mesh.settings.network.certificate = "/etc/mesh-test/node.cert";
      # The script makes the certificate first.
      systemd.services.mesh.wantedBy = lib.mkForce [ ];
    };
  };

  testScript = ''
    def certify(network_key: str, expires: str) -> None:
        gamma.succeed(
            f"mesh certificate sign --force --network-key {network_key} --network mesh-test --name gamma "
            f"--key $(mesh peer id --key /etc/mesh-test/identity.key) --expires {expires} --output /etc/mesh-test/node.cert"
        )

    def stays_outside(warning: str) -> None:
        gamma.succeed("systemctl restart mesh")
        wait_for_warning(gamma, warning)
        # Both have tried: gamma to reach alpha, and what alpha signs meanwhile does not come.
        gamma.wait_until_succeeds("mesh peers --json | jq --exit-status 'any(.peers[]; .lastError != null)'")
        publish(alpha, "motd", f"not for gamma: {warning}")
        wait_for_content([beta], "motd", f"not for gamma: {warning}")
        t.assertEqual(status(gamma)["peersConnected"], 0)
        t.assertEqual(status(alpha)["peersConnected"], 1)
        gamma.fail("test -e /var/lib/mesh/files/motd")

    start_mesh([alpha, beta])
    gamma.start()
    gamma.wait_for_unit("multi-user.target")

    with subtest("an expired certificate"):
        certify("/etc/mesh-test/network.key", "1s")
        gamma.wait_until_fails("mesh certificate verify /etc/mesh-test/node.cert --network mesh-test")
        stays_outside("certificate-expired")

    with subtest("a certificate of another network key"):
        gamma.succeed("mesh generate network-key --force --output /tmp/stranger.key")
        certify("/tmp/stranger.key", "1d")
        stays_outside("certificate-invalid")

    with subtest("with a good one it is in"):
        certify("/etc/mesh-test/network.key", "1d")
        gamma.succeed("systemctl restart mesh")
        wait_for_content([gamma], "motd", "not for gamma: certificate-invalid")
        t.assertEqual(status(gamma)["certificate"]["name"], "gamma")
  '';
}
