# A new configuration takes effect without a restart: a withdrawn key no longer counts, and a bad
# configuration leaves the old one in force.
{ key, member, ... }:
{
  nodes = {
    alpha = {
      imports = [ member ];
      services.mesh.files.motd = [ (key "alice") (key "bob") ];
    };
    beta = {
      imports = [ member ];
      services.mesh.files.motd = [ (key "alice") (key "bob") ];
    };
  };

  testScript = ''
    nodes = [alpha, beta]

    def configure(node: Machine, edit: str) -> None:
        """As a switch to another generation does: another file under the same name, then a reload."""
        node.succeed(
            f"sed --regexp-extended '{edit}' /etc/mesh/dm.toml >/tmp/dm.toml",
            "rm /etc/mesh/dm.toml && cp /tmp/dm.toml /etc/mesh/dm.toml",
        )

    start_mesh(nodes)
    pids = [node.get_unit_info("mesh.service")["MainPID"] for node in nodes]
    publish(alpha, "motd", "of alice")
    publish(beta, "motd", "of bob", key="bob")
    wait_for_content(nodes, "motd", "of bob")

    with subtest("a withdrawn key no longer counts: the last version of the others is shown, and a warning"):
        for node in nodes:
            configure(node, "s/\"ssh-ed25519 [^\"]* bob [^\"]*\",?//")
            node.succeed("mesh config check /etc/mesh/dm.toml", "systemctl reload mesh")
        wait_for_content(nodes, "motd", "of alice")
        for node in nodes:
            wait_for_warning(node, "file-fell-back")

    with subtest("and may not sign any more"):
        t.assertEqual(upload(beta, "motd", sign(beta, "motd", 3, "of bob again", key="bob")), (403, "ERR_FILE_SIGNER_NOT_ALLOWED"))

    with subtest("the others go on, above what was withdrawn"):
        publish(alpha, "motd", "of alice again")
        wait_for_content(nodes, "motd", "of alice again")

    with subtest("a bad configuration is not applied, and the old one stays in force"):
        beta.succeed("cp /etc/mesh/dm.toml /tmp/good.toml")
        configure(beta, "s/^signers = .*/signers = [\"nonsense\"]/")
        beta.fail("mesh config check /etc/mesh/dm.toml")
        beta.succeed("systemctl reload mesh")
        wait_for_warning(beta, "config-reload-failed")
        publish(alpha, "motd", "still signed by alice")
        wait_for_content(nodes, "motd", "still signed by alice")

    with subtest("all that without a restart"):
        t.assertEqual([node.get_unit_info("mesh.service")["MainPID"] for node in nodes], pids)

    with subtest("with it the daemon does not start, and is not tried again and again"):
        beta.fail("systemctl restart mesh")
        beta.wait_until_succeeds("systemctl is-failed mesh")
        info = beta.get_unit_info("mesh.service")
        t.assertEqual((info["ExecMainStatus"], info["NRestarts"]), ("78", "0"))
        beta.succeed("cp /tmp/good.toml /etc/mesh/dm.toml", "systemctl restart mesh")
        wait_for_content([beta], "motd", "still signed by alice")
  '';
}
