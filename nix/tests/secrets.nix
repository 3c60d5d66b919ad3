# Secrets belong to root and reach the daemon through LoadCredential; who is in the group gets on, who is
# not sees what everybody may see.
{ key, member, ... }:
{
  nodes.alpha = {
    imports = [ member ];
    services.mesh.files = {
      motd = [ (key "alice") ];
      private = {
        signers = [ (key "alice") ];
        mode = "0640";
      };
    };
    users.users.reader = {
      isNormalUser = true;
      group = "mesh";
    };
    users.groups.strangers = { };
    users.users.stranger = {
      isNormalUser = true;
      group = "strangers";
    };
  };

  testScript = ''
    as_reader, as_stranger, as_mesh = (f"runuser --user {user} -- " for user in ("reader", "stranger", "mesh"))
    alpha.wait_for_unit("mesh.service")

    with subtest("the daemon has the keys, and only root can read where they are from"):
        expected = alpha.succeed("mesh peer id --key /etc/mesh-test/identity.key")
        t.assertEqual(alpha.succeed("mesh peer id"), expected)
        for secret in ("identity.key", "network.psk"):
            alpha.fail(f"{as_mesh} cat /etc/mesh-test/{secret}")

    with subtest("no secret is in the configuration, the environment or the command line"):
        pid = alpha.get_unit_info("mesh.service")["MainPID"]
        alpha.succeed(f"cat /etc/mesh/dm.toml /proc/{pid}/environ /proc/{pid}/cmdline >/tmp/open")
        for secret in ("identity.key", "network.psk"):
            alpha.fail(f"sed --quiet 3p /etc/mesh-test/{secret} | grep --fixed-strings --text --file - /tmp/open")
        alpha.fail("grep --text 'PRIVATE KEY' /tmp/open")

    with subtest("nobody else can read the daemon's copies"):
        directory = alpha.succeed("ls --directory /run/credentials/mesh.service").strip()
        alpha.fail(f"{as_stranger} ls {directory}", f"{as_reader} ls {directory}")

    with subtest("the group may use the socket and read its files"):
        publish(alpha, "motd", "for all")
        publish(alpha, "private", "for the group")
        wait_for_content([alpha], "private", "for the group")
        t.assertEqual(alpha.succeed(f"{as_reader} cat /var/lib/mesh/files/private"), "for the group")
        alpha.succeed(f"{as_reader} mesh peers --socket /run/mesh/mesh.sock")
        t.assertEqual(alpha.succeed(f"{as_reader} mesh file get private"), "for the group")

    with subtest("others may not, and read what everybody may read"):
        t.assertEqual(alpha.succeed(f"{as_stranger} cat /var/lib/mesh/files/motd"), "for all")
        t.assertEqual(alpha.succeed(f"{as_stranger} mesh file get motd"), "for all")
        alpha.fail(f"{as_stranger} cat /var/lib/mesh/files/private", f"{as_stranger} mesh file get private")
        alpha.fail(f"{as_stranger} mesh peers --socket /run/mesh/mesh.sock", f"{as_stranger} mesh peers")

    with subtest("nobody but the daemon writes what it shows or reads what it keeps"):
        for user in (as_reader, as_stranger):
            alpha.fail(f"{user} touch /var/lib/mesh/files/x", f"{user} ls /var/lib/mesh/store")

    with subtest("without its secret the daemon does not start, and systemd says which is missing"):
        alpha.succeed("mv /etc/mesh-test/network.psk /etc/mesh-test/away")
        alpha.fail("systemctl restart mesh")
        alpha.succeed("journalctl --unit mesh | grep --ignore-case credential")
        alpha.succeed("mv /etc/mesh-test/away /etc/mesh-test/network.psk", "systemctl restart mesh")
        wait_for_content([alpha], "motd", "for all")
  '';
}
