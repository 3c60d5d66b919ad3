# With nothing but `enable`: a daemon that starts, that only its own machine reaches, and that can do little.
{ mesh, pkgs, ... }:
let
  minimal = {
    services.mesh.enable = true;
    services.mesh.package = mesh.package;
    environment.systemPackages = [ pkgs.jq ];
  };
in
{
  nodes = {
    alone = minimal;
    other = { };
  };

  testScript = ''
    start_all()
    alone.wait_for_unit("mesh.service")

    with subtest("it runs, and is well"):
        alone.succeed("mesh status")
        t.assertIn("serving", alone.get_unit_info("mesh.service")["StatusText"])
        alone.succeed("mesh status --json | jq --exit-status 'all(.health[]; .severity != \"error\")'")

    with subtest("it listens on loopback only"):
        addresses = alone.succeed("ss --listening --tcp --numeric --no-header | grep -E ':(7331|7946) ' | tr --squeeze-repeats ' ' | cut -d ' ' -f 4").split()
        t.assertGreaterEqual(len(addresses), 2)
        for address in addresses:
            t.assertRegex(address, r"^(127\.0\.0\.1|\[::1\]):")
        other.wait_until_succeeds("ping -c 1 alone")
        for port in (7331, 7946):
            other.fail(f"nc -z -w 5 alone {port}")

    with subtest("systemd rates its exposure below 2.0"):
        print(alone.succeed("systemd-analyze security --no-pager --threshold=20 mesh.service | tail --lines 1"))

    with subtest("the process is as the unit says"):
        pid = alone.get_unit_info("mesh.service")["MainPID"]
        state = dict(line.split(":\t", 1) for line in alone.succeed(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)
        t.assertEqual(state["CapEff"].strip("0"), "")
        t.assertEqual(state["CapBnd"].strip("0"), "")
        t.assertEqual((state["NoNewPrivs"], state["Seccomp"]), ("1", "2"))
        t.assertNotEqual(state["Uid"].split()[0], "0")
  '';
}
