# A namespace in which every node has one file of its own: who has it in the certificate may, others may not.
{ certificates, member, ... }:
let
  shared = {
    imports = [ member ];
    services.mesh.files."health/*".signers = "self";
  };
  certified = name: {
    imports = [ shared ];
    services.mesh.settings.network.certificate = "${certificates}/${name}-health.cert";
  };
in
{
  nodes = {
    alpha = certified "alpha";
    beta = certified "beta";
    gamma = shared;
  };

  testScript = ''
    nodes = [alpha, beta, gamma]
    start_mesh(nodes)

    def own_name(node: Machine) -> str:
        """The one name that a node may write: the namespace, and its public key in hex."""
        return "health/" + node.succeed(
            "ssh-keygen -y -f /etc/mesh-test/identity.key | cut -d ' ' -f 2 | base64 --decode | tail --bytes 32 | od --address-radix n --format x1 | tr -d ' \\n'"
        )

    def tell(node: Machine, name: str, content: str, certificate: str) -> tuple[int, str]:
        return node.execute(
            f"printf {content} | mesh file update - --name {name} --key /etc/mesh-test/identity.key "
            f"--certificate ${certificates}/{certificate}.cert 2>&1"
        )

    names = {node.name: own_name(node) for node in nodes}

    with subtest("nodes that have the namespace in their certificate write their own files"):
        for node in (alpha, beta):
            code, output = tell(node, names[node.name], f"{node.name}-is-well", f"{node.name}-health")
            t.assertEqual(code, 0, output)
        for node in (alpha, beta):
            wait_for_content(nodes, names[node.name], f"{node.name}-is-well")

    with subtest("nobody writes the file of another"):
        code, output = tell(beta, names["alpha"], "alpha-is-ill", "beta-health")
        t.assertNotEqual(code, 0)
        # Not even with the certificate of the other, which is no secret.
        code, output = tell(beta, names["alpha"], "alpha-is-ill", "alpha-health")
        t.assertNotEqual(code, 0)

    with subtest("a node whose certificate does not name the namespace writes nothing in it"):
        for certificate in ("gamma", "alpha-health"):
            code, output = tell(gamma, names["gamma"], "gamma-is-well", certificate)
            t.assertNotEqual(code, 0)

    with subtest("a signer of other files writes nothing in it, either"):
        for name in (names["alpha"], "health/alice"):
            alpha.fail(f"echo x | mesh file update - --name {name} --key /etc/mesh-test/alice.key --certificate ${certificates}/alpha-health.cert")

    with subtest("after all that every node has the two files, as their nodes wrote them"):
        wait_for_same_catalogue(nodes)
        for node in nodes:
            listed = node.succeed("cd /var/lib/mesh/files && find health -type f | sort").split()
            t.assertEqual(listed, sorted([names["alpha"], names["beta"]]))
            t.assertEqual(node.succeed(f"cat /var/lib/mesh/files/{names['alpha']}"), "alpha-is-well")
  '';
}
