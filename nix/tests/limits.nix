# What is too large for a node, or does not fit on its disk, harms nothing else; what fits again comes.
{ key, lib, member, ... }:
let
  shared = {
    imports = [ member ];
    services.mesh.files = {
      motd = [ (key "alice") ];
      image = lib.mkDefault [ (key "alice") ];
    };
  };
in
{
  nodes = {
    alpha = shared;
    beta = {
      imports = [ shared ];
      services.mesh.files.image = {
        signers = [ (key "alice") ];
        max_size = "1MiB";
      };
    };
    gamma = {
      imports = [ shared ];
      # The script gives it a small disk first.
      systemd.services.mesh.wantedBy = lib.mkForce [ ];
    };
  };

  testScript = ''
    def publish_zeros(mebibytes: int) -> str:
        return f"head --bytes {mebibytes}MiB /dev/zero >/tmp/image && mesh file update /tmp/image --key /etc/mesh-test/alice.key 2>&1"

    def has(node: Machine, mebibytes: int) -> None:
        node.wait_until_succeeds(f"test $(stat --format %s /var/lib/mesh/files/image) = {mebibytes * 2**20}")

    for node in (alpha, beta, gamma):
        node.start()
    gamma.wait_for_unit("multi-user.target")
    gamma.succeed(
        "mount -t tmpfs -o size=40m,mode=0755 tmpfs /var/lib/mesh",
        "systemctl start mesh",
    )
    start_mesh([alpha, beta, gamma])

    with subtest("a node refuses what is larger than it allows, before it reads it"):
        beta.succeed("head --bytes 2MiB /dev/zero >/tmp/large")
        beta.succeed("mesh file sign /tmp/large --name image --version 1 --network mesh-test --key /etc/mesh-test/alice.key")
        t.assertEqual(upload(beta, "image", "/tmp/large"), (413, "ERR_FILE_TOO_LARGE"))

    with subtest("and does not fetch it, while others have it"):
        alpha.succeed(publish_zeros(2))
        has(gamma, 2)
        beta.wait_until_succeeds("mesh file status image --json | jq --exit-status '.state == \"too-large\"'")
        beta.fail("test -e /var/lib/mesh/files/image")

    with subtest("a full disk: the upload is refused, and the node says why"):
        gamma.succeed("head --bytes 100MiB /dev/zero >/var/lib/mesh/filler || true")
        code, answer = gamma.execute(publish_zeros(8))
        t.assertNotEqual(code, 0)
        t.assertIn("full", answer)
        wait_for_warning(gamma, "disk-full")

    with subtest("what is published elsewhere does not come, and what was there stays"):
        alpha.succeed(publish_zeros(8))
        gamma.wait_until_succeeds("mesh file status image --json | jq --exit-status '.state == \"missing\" or .current.version == 1'")
        gamma.succeed("systemctl is-active mesh")

    with subtest("when there is room again it comes by itself"):
        gamma.succeed("rm /var/lib/mesh/filler")
        has(gamma, 8)
        gamma.wait_until_succeeds("mesh status --json | jq --exit-status 'all(.health[]; .code != \"disk-full\")'")

    with subtest("small files went on all the while"):
        publish(alpha, "motd", "small")
        wait_for_content([alpha, beta, gamma], "motd", "small")
  '';
}
