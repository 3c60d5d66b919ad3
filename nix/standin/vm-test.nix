# runNixOSTest: each node evaluated, and what it amounts to written down (`specFile`), so that a test
# driver of our own can boot the nodes as containers.
{ lib, pkgs }:
test:
let
  given = if lib.isFunction test then test { inherit pkgs lib; } else if builtins.isPath test then import test { inherit pkgs lib; } else test;
  nodes = lib.mapAttrs
    (name: module: (lib.nixosSystem {
      inherit (pkgs) system;
      modules = [ { networking.hostName = lib.mkDefault name; } (given.defaults or { }) module ];
      specialArgs = { inherit nodes; } // (given.node.specialArgs or { });
    }).config)
    given.nodes;
  script = if lib.isFunction given.testScript then given.testScript { inherit nodes; } else given.testScript;
  spec = {
    inherit (given) name;
    testScript = script;
    nodes = lib.mapAttrs (_: node: node.system.build.toplevel.system) nodes;
  };
  specFile = pkgs.writeText "vm-test-${given.name}.json" (builtins.toJSON spec);
in
specFile // { inherit nodes spec specFile; name = "vm-test-run-${given.name}"; }
