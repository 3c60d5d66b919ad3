# Units that act on a file: those the module makes (`startUnits`, `restartUnits`), and a path unit by hand.
{ key, member, ... }:
let
  oneshot = script: {
    inherit script;
    serviceConfig.Type = "oneshot";
  };
in
{
  nodes = {
    alpha = member;
    beta = {
      imports = [ member ];
      services.mesh.files.motd = {
        signers = [ (key "alice") ];
        startUnits = [ "apply.service" ];
        restartUnits = [ "long-runner.service" ];
      };
      systemd.services.apply = oneshot "cat /var/lib/mesh/files/motd >/run/applied";
      systemd.services.long-runner = {
        wantedBy = [ "multi-user.target" ];
        script = "cat /var/lib/mesh/files/motd >/run/long-runner || true; exec sleep infinity";
      };

      systemd.paths.by-hand = {
        wantedBy = [ "multi-user.target" ];
        pathConfig.PathChanged = "/var/lib/mesh/files/motd";
      };
      systemd.services.by-hand = oneshot "cat /var/lib/mesh/files/motd >/run/by-hand";
    };
  };

  testScript = ''
    start_mesh([alpha, beta])
    for unit in ("by-hand.path", "mesh-changed-motd.path", "long-runner.service"):
        beta.wait_for_unit(unit)

    for content in ("one", "two"):
        with subtest(f"every consumer acts on the version {content}"):
            publish(alpha, "motd", content)
            for path in ("/run/by-hand", "/run/applied", "/run/long-runner"):
                beta.wait_until_succeeds(f"test \"$(cat {path})\" = {content}")

    with subtest("a restart of the daemon is no change"):
        started = beta.succeed("systemctl show --value --property ExecMainStartTimestampMonotonic long-runner")
        beta.succeed("rm /run/applied", "systemctl restart mesh")
        wait_for_a_peer([beta])
        beta.fail("test -e /run/applied")
        t.assertEqual(beta.succeed("systemctl show --value --property ExecMainStartTimestampMonotonic long-runner"), started)
  '';
}
