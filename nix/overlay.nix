# `pkgs.mesh`
final: _prev: {
  mesh = final.callPackage ./package.nix { };
}
