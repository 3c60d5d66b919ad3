# `nix run .#demo`: what `./dev demo` does, with the package.
{ writeShellApplication, mesh, openssh, curl }:
writeShellApplication {
  name = "mesh-demo";
  runtimeInputs = [ mesh mesh.nodejs openssh curl ];
  text = ''
    MESH_DEMO_PROGRAM=${mesh}/bin/mesh exec node ${../scripts/demo.ts} "$@"
  '';
}
