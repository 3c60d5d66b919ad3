{
  description = "Distributes cryptographically signed files across machines that talk to each other directly, without a server";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    treefmt-nix.url = "github:numtide/treefmt-nix";
    treefmt-nix.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    {
      self,
      nixpkgs,
      treefmt-nix,
    }:
    let
      inherit (nixpkgs) lib;
      forSystems =
        f:
        lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
          system:
          f rec {
            pkgs = nixpkgs.legacyPackages.${system};
            mesh = self.packages.${system}.mesh;
            treefmt = treefmt-nix.lib.evalModule pkgs ./treefmt.nix;
            formatter = treefmt-nix.lib.evalModule pkgs {
              imports = [ ./treefmt.nix ];
              programs.nixfmt.enable = true;
            };
          }
        );
      module = import ./nix/module.nix self;
    in
    {
      packages = forSystems (
        { pkgs, ... }:
        rec {
          mesh = pkgs.callPackage ./nix/package.nix { };
          default = mesh;
        }
      );

      overlays.default = import ./nix/overlay.nix;

      nixosModules.mesh = module;
      nixosModules.default = module;

      checks = forSystems (
        {
          pkgs,
          mesh,
          treefmt,
          ...
        }:
        {
          package = mesh;
          formatting = treefmt.config.build.check self;
        }
        // lib.optionalAttrs (builtins.pathExists ./nix/tests/default.nix) (
          import ./nix/tests {
            inherit pkgs;
            mesh = {
              inherit module;
              package = mesh;
            };
          }
        )
      );

      formatter = forSystems ({ formatter, ... }: formatter.config.build.wrapper);

      devShells = forSystems (
        { pkgs, formatter, ... }:
        {
          default = pkgs.mkShell {
            packages = [
              pkgs.nodejs_24
              pkgs.openssh
              pkgs.curl
              formatter.config.build.wrapper
            ];
          };
        }
      );

      apps = forSystems (
        { pkgs, mesh, ... }:
        let
          demo = pkgs.callPackage ./nix/demo.nix { inherit mesh; };
        in
        {
          default = {
            type = "app";
            program = lib.getExe mesh;
          };
          demo = {
            type = "app";
            program = lib.getExe demo;
          };
        }
      );
    };
}
