# A stand-in for nixpkgs, for machines that reach no binary cache: what flake.nix of this project uses
# of it, under the same names. Evaluation is pure and takes a moment; what is built is built with the
# machine's own tools (`--option sandbox false`), the Node of $MESH_STANDIN_NODE among them.
{
  outputs = { self }:
    let
      lib = import ./lib // { inherit nixosSystem; };
      systems = [ "x86_64-linux" "aarch64-linux" ];
      legacyPackages = lib.genAttrs systems (system: import ./packages.nix { inherit lib system; });
      nixosSystem = { system ? "x86_64-linux", modules, specialArgs ? { } }:
        import ./nixos.nix { inherit lib; } {
          inherit modules specialArgs;
          pkgs = legacyPackages.${system};
        };
    in
    {
      inherit legacyPackages lib;
    };
}
