# The tests of nix/tests over the stand-in for nixpkgs, for machines that reach no binary cache. Each is
# a file that says what its nodes are made of; ./run boots them as containers.
{ system ? builtins.currentSystem }:
let
  standin = (import ../standin/flake.nix).outputs { self = null; };
  pkgs = standin.legacyPackages.${system};
in
import ../tests {
  inherit pkgs;
  mesh = {
    module = import ../module.nix null;
    package = pkgs.callPackage ../package.nix { };
  };
}
