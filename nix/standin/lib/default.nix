# A small stand-in for nixpkgs' lib: what this project uses of it, with the same names and behaviour.
let
  lib = import ./basics.nix // import ./modules.nix { inherit lib; } // { generators = import ./generators.nix { inherit lib; }; };
in
lib
