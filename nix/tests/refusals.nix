# What nobody may do: unlisted signers, wrong signatures, replays, older versions, other networks.
{ key, member, ... }:
{
  nodes = {
    alpha = member;
    beta = member;
    # Believes somebody whom the others do not.
    gamma = {
      imports = [ member ];
      services.mesh.files.motd = [ (key "alice") (key "mallory") ];
    };
  };

  testScript = ''
    nodes = [alpha, beta, gamma]
    start_mesh(nodes)
    first = sign(alpha, "motd", 1, "one")
    t.assertEqual(upload(alpha, "motd", first), (201, "stored"))
    wait_for_content(nodes, "motd", "one")

    with subtest("a signer who is not listed is refused"):
        forged = sign(alpha, "motd", 2, "of mallory", key="mallory")
        t.assertEqual(upload(alpha, "motd", forged), (403, "ERR_FILE_SIGNER_NOT_ALLOWED"))
        alpha.fail("echo x | mesh file update - --name motd --key /etc/mesh-test/mallory.key")

    with subtest("each node decides by its own list: what one believes does not spread to the others"):
        t.assertEqual(upload(gamma, "motd", sign(gamma, "motd", 2, "of mallory", key="mallory")), (201, "stored"))
        wait_for_content([gamma], "motd", "of mallory")
        publish(alpha, "motd", "two")
        publish(alpha, "motd", "three")
        wait_for_content(nodes, "motd", "three")
        for node in (alpha, beta):
            history = json.loads(node.succeed("mesh file history motd --json"))
            t.assertNotIn("mallory", json.dumps(history))
            t.assertNotIn(alpha.succeed("cut -d ' ' -f 2 /etc/mesh-test/mallory.pub").strip(), json.dumps(history))

    with subtest("a signature of another text does not hold"):
        good, other = sign(alpha, "motd", 9, "nine"), sign(alpha, "motd", 10, "ten")
        alpha.succeed(
            f"sed '/^-----BEGIN/,$d' {good}.stmt >/tmp/mixed.stmt",
            f"sed -n '/^-----BEGIN/,$p' {other}.stmt >>/tmp/mixed.stmt",
        )
        t.assertEqual(upload(alpha, "motd", good, "/tmp/mixed.stmt"), (403, "ERR_SIGNATURE_INVALID"))

    with subtest("content other than what was signed is refused"):
        t.assertEqual(upload(alpha, "motd", other, f"{good}.stmt")[1], "ERR_FILE_CONTENT_MISMATCH")

    with subtest("an old version sent again is refused, and so is a new text with an old number"):
        t.assertEqual(upload(alpha, "motd", first), (409, "ERR_FILE_NOT_NEWER"))
        t.assertEqual(upload(beta, "motd", sign(beta, "motd", 2, "late")), (409, "ERR_FILE_NOT_NEWER"))

    with subtest("the current version sent again changes nothing"):
        current = sign(alpha, "motd", 4, "four")
        t.assertEqual(upload(alpha, "motd", current), (201, "stored"))
        t.assertEqual(upload(alpha, "motd", current), (200, "known"))

    with subtest("a statement for another network is refused"):
        t.assertEqual(upload(alpha, "motd", sign(alpha, "motd", 5, "five", network="elsewhere")), (403, "ERR_FILE_NETWORK_MISMATCH"))

    with subtest("after all that every node shows what alice signed last"):
        wait_for_content(nodes, "motd", "four")
  '';
}
