# A signed tar as a tree, and the daemon's own hooks, in the sandbox of its unit: both through `services.mesh`.
{ key, member, pkgs, ... }:
let
  remember = pkgs.writeShellScript "remember" ''echo "$1 $3 $(</var/lib/mesh/trees/site/page)" >>/var/lib/mesh/remembered'';
in
{
  nodes = {
    alpha = {
      imports = [ member ];
      services.mesh.files.site = [ (key "alice") ];
    };
    beta = {
      imports = [ member ];
      services.mesh.files.site = {
        signers = [ (key "alice") ];
        unpack = "tar";
        on_change = [ "${remember}" ];
      };
      services.mesh.settings.hooks.timeout = "30s";
    };
  };

  testScript = ''
    def publish_tree(content: str) -> None:
        alpha.succeed(
            "rm -rf /tmp/site && mkdir -p /tmp/site",
            f"echo {content} >/tmp/site/page",
            "tar --directory /tmp/site --create --file /tmp/site.tar page",
            f"mesh file update /tmp/site.tar --name site --key {KEYS}/alice.key 2>&1",
        )

    start_mesh([alpha, beta])
    for content in ("one", "two"):
        with subtest(f"the tree says {content}, and the hook has run when it did"):
            publish_tree(content)
            beta.wait_until_succeeds(f"grep --line-regexp {content} /var/lib/mesh/trees/site/page")
            beta.wait_until_succeeds(f"grep --line-regexp 'site shown {content}' /var/lib/mesh/remembered")

    with subtest("a tar that leads out changes nothing, and health names it"):
        alpha.succeed(
            "ln -sf /etc/passwd /tmp/site/page",
            "tar --directory /tmp/site --create --file /tmp/site.tar page",
            f"mesh file update /tmp/site.tar --name site --key {KEYS}/alice.key 2>&1",
        )
        wait_for_warning(beta, "tree-refused")
        beta.succeed("grep --line-regexp two /var/lib/mesh/trees/site/page")

    with subtest("where it is only a file, it is only a file"):
        alpha.fail("test -e /var/lib/mesh/trees/site")
  '';
}
