# A daemon or a machine may end in any way: what was acknowledged is there afterwards.
{ member, ... }:
{
  nodes = {
    alpha = member;
    beta = member;
  };

  testScript = ''
    def restarts() -> int:
        return int(beta.get_unit_info("mesh.service")["NRestarts"])

    def wait_for_restart(before: int) -> None:
        beta.wait_until_succeeds(f"test $(systemctl show --value --property NRestarts mesh) -gt {before}")
        beta.wait_until_succeeds("systemctl is-active mesh")

    start_mesh([alpha, beta])
    peer_id = status(beta)["peerId"]
    publish(alpha, "motd", "one")
    wait_for_content([alpha, beta], "motd", "one")

    with subtest("a restart in order"):
        beta.succeed("systemctl restart mesh")
        t.assertEqual(version_of(beta, "motd"), 1)
        t.assertEqual(status(beta)["peerId"], peer_id)
        t.assertEqual(beta.get_unit_info("mesh.service")["Result"], "success")

    with subtest("kill -9 right after an upload: systemd starts it again, and the upload is there"):
        publish(beta, "motd", "two")
        before = restarts()
        beta.succeed("systemctl kill --signal KILL mesh")
        wait_for_restart(before)
        wait_for_content([alpha, beta], "motd", "two")
        t.assertEqual(version_of(beta, "motd"), 2)

    with subtest("an event loop that stands still is found by the watchdog"):
        beta.succeed(
            "mkdir -p /run/systemd/system/mesh.service.d",
            "printf '[Service]\\nWatchdogSec=6\\n' >/run/systemd/system/mesh.service.d/watchdog.conf",
            "systemctl daemon-reload",
            "systemctl restart mesh",
        )
        before = restarts()
        beta.succeed("systemctl kill --signal STOP mesh")
        wait_for_restart(before)
        beta.succeed("journalctl --unit mesh --grep 'Watchdog timeout'")

    with subtest("the machine crashes right after an upload that nobody else has heard of"):
        beta.block()
        publish(beta, "motd", "three")
        beta.crash()
        beta.start()
        beta.wait_for_unit("mesh.service")
        wait_for_content([beta], "motd", "three")
        beta.unblock()
        wait_for_content([alpha], "motd", "three")

    with subtest("and it is who it was"):
        t.assertEqual(status(beta)["peerId"], peer_id)
        wait_for_same_catalogue([alpha, beta])
  '';
}
