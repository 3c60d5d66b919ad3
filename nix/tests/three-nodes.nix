# Upload at one node, read at all: with our command, and with nothing but ssh-keygen and curl.
{ member, ... }:
{
  nodes = {
    alpha = member;
    beta = member;
    gamma = member;
  };

  testScript = ''
    nodes = [alpha, beta, gamma]
    start_mesh(nodes)

    with subtest("a file uploaded with the command at one node is on every node"):
        publish(alpha, "motd", "from the command")
        wait_for_content(nodes, "motd", "from the command")

    with subtest("every node serves it, with its proof"):
        for node in nodes:
            t.assertEqual(node.succeed("curl --silent --fail http://localhost:7331/files/motd"), "from the command")
            t.assertEqual(node.succeed("mesh file get motd --signer /etc/mesh-test/alice.pub"), "from the command")

    with subtest("a file signed by ssh-keygen and uploaded with curl at another is on every node"):
        beta.succeed(
            "printf 'from ssh-keygen' >/tmp/motd",
            "printf '%s\\n' 'mesh-file 1' 'network mesh-test' 'name motd' 'version 2' "
            "\"time $(date --utc +%Y-%m-%dT%H:%M:%S.000Z)\" 'expires never' 'replaces none' "
            "\"content sha256:$(sha256sum </tmp/motd | cut -d ' ' -f 1) $(stat --format %s /tmp/motd)\" "
            "'blocks none' >/tmp/motd.statement",
            "ssh-keygen -q -Y sign -f /etc/mesh-test/alice.key -n mesh-file /tmp/motd.statement",
            "curl --silent --fail-with-body --upload-file /tmp/motd "
            "--header \"Mesh-Statement: $(base64 --wrap 0 </tmp/motd.statement)\" "
            "--header \"Mesh-Signature: $(grep -v -- ----- /tmp/motd.statement.sig | tr -d '\\n')\" "
            "http://localhost:7331/files/motd",
        )
        wait_for_content(nodes, "motd", "from ssh-keygen")

    with subtest("ssh-keygen accepts what a node shows, without mesh"):
        gamma.succeed(
            "cd /tmp && echo \"alice $(cat /etc/mesh-test/alice.pub)\" >signers",
            "cd /tmp && sed '/^-----BEGIN/,$d' /var/lib/mesh/statements/motd >text",
            "cd /tmp && sed -n '/^-----BEGIN/,/^-----END/p' /var/lib/mesh/statements/motd >signature",
            "cd /tmp && ssh-keygen -Y verify -f signers -I alice -n mesh-file -s signature <text",
            "grep \"^content sha256:$(sha256sum </var/lib/mesh/files/motd | cut -d ' ' -f 1) \" /tmp/text",
        )
  '';
}
