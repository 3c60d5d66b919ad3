# A fleet is upgraded one machine after the other; old and new are one mesh meanwhile, and nothing is lost.
{ member, mesh, pkgs, ... }:
let
  # The same program under a later version number: its own tree, the packages shared.
  next = pkgs.runCommand "mesh-next" { } ''
    mkdir -p $out/bin $out/lib/mesh
    cp -r ${mesh.package}/lib/mesh/src $out/lib/mesh/src
    ln -s ${mesh.package}/lib/mesh/node_modules $out/lib/mesh/node_modules
    sed 's/"version": "[^"]*"/"version": "99.0.0"/' ${mesh.package}/lib/mesh/package.json >$out/lib/mesh/package.json
    sed "s#${mesh.package}#$out#g" ${mesh.package}/bin/mesh >$out/bin/mesh
    chmod +x $out/bin/mesh
  '';
in
{
  nodes = {
    alpha = member;
    beta = member;
    gamma = member;
  };

  testScript = ''
    nodes = [alpha, beta, gamma]
    start_mesh(nodes)
    publish(alpha, "motd", "before")
    wait_for_content(nodes, "motd", "before")
    before = [status(node) for node in nodes]

    for index, node in enumerate(nodes):
        with subtest(f"{node.name} is upgraded while the others go on"):
            # As a switch to another generation does: another program in the unit, then a restart.
            node.succeed(
                "mkdir -p /run/systemd/system/mesh.service.d",
                "printf '[Service]\\nExecStart=\\nExecStart=${next}/bin/mesh server --config /etc/mesh/dm.toml\\n' "
                ">/run/systemd/system/mesh.service.d/upgrade.conf",
                "systemctl daemon-reload",
                "systemctl restart mesh",
            )
            after = status(node)
            t.assertEqual((after["version"], after["peerId"]), ("99.0.0", before[index]["peerId"]))
            t.assertNotEqual(before[index]["version"], "99.0.0")
            wait_for_a_peer([node])
            publish(node, "motd", f"upgraded {node.name}")
            wait_for_content(nodes, "motd", f"upgraded {node.name}")

    with subtest("and back"):
        alpha.succeed("rm /run/systemd/system/mesh.service.d/upgrade.conf", "systemctl daemon-reload", "systemctl restart mesh")
        t.assertEqual(status(alpha)["version"], before[0]["version"])
        publish(alpha, "motd", "back")
        wait_for_content(nodes, "motd", "back")
        wait_for_same_catalogue(nodes)
  '';
}
