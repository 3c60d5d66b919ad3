# A file that two of three have to sign: one alone cannot change it, nor delete it.
{ key, member, ... }:
let
  shared = {
    imports = [ member ];
    services.mesh.files.policy = {
      signers = [ (key "alice") (key "bob") (key "carol") ];
      threshold = 2;
    };
  };
in
{
  nodes = {
    alpha = shared;
    beta = shared;
    gamma = shared;
  };

  testScript = ''
    nodes = [alpha, beta, gamma]
    start_mesh(nodes)

    with subtest("one signature is not enough"):
        alone = sign(alpha, "policy", 1, "one")
        t.assertEqual(upload(alpha, "policy", alone), (403, "ERR_FILE_THRESHOLD"))

    with subtest("one who signs twice is still one, and a stranger counts for nothing"):
        alpha.succeed(f"cp {alone}.stmt /tmp/stranger.stmt", "mesh file sign /tmp/stranger.stmt --force --key /etc/mesh-test/mallory.key 2>&1")
        t.assertEqual(upload(alpha, "policy", alone, "/tmp/stranger.stmt"), (403, "ERR_FILE_THRESHOLD"))
        alpha.fail("echo x | mesh file update - --name policy --key /etc/mesh-test/alice.key --key /etc/mesh-test/alice.key")

    with subtest("a statement that a second one has signed as well is taken, and is everywhere"):
        alpha.succeed(f"mesh file sign {alone}.stmt --force --key /etc/mesh-test/bob.key 2>&1")
        t.assertEqual(upload(alpha, "policy", alone), (201, "stored"))
        wait_for_content(nodes, "policy", "one")

    with subtest("both at once, another pair"):
        publish(beta, "policy", "two", key="bob", options="--key /etc/mesh-test/carol.key")
        wait_for_content(nodes, "policy", "two")

    with subtest("one alone cannot delete it, two can"):
        gamma.fail("mesh file delete policy --key /etc/mesh-test/carol.key")
        wait_for_content(nodes, "policy", "two")
        gamma.succeed("mesh file delete policy --key /etc/mesh-test/carol.key --key /etc/mesh-test/alice.key 2>&1")
        wait_until_gone(nodes, "policy")
  '';
}
