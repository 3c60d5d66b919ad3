# node_modules as package-lock.json has it, without what only tools read: unpacked by tar, so that no
# script of a package runs. It changes with the lock file only, and is shared by all versions of mesh.
{ lib, stdenvNoCC, callPackage }:
let
  npmPackages = callPackage ./npm-packages.nix { };
in
stdenvNoCC.mkDerivation {
  name = "mesh-node-modules";
  dontUnpack = true;
  # Of a package that is part of another, the outer one is unpacked first: the list is sorted.
  installPhase = ''
    runHook preInstall
    mkdir -p $out
    cd $out
    ${lib.concatMapStrings
      ({ path, tarball }: ''
        mkdir -p ${path}
        tar -xzf ${tarball} -C ${path} --strip-components=1 --no-same-owner --no-same-permissions
      '')
      npmPackages}
    find node_modules -type f \( -name '*.musl.node' -o -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete
    chmod -R u+w,a+rX node_modules
    runHook postInstall
  '';
  # Binaries are loaded by Node, which has loaded what they need: nothing to patch or to strip.
  dontFixup = true;
  passthru = { inherit npmPackages; };
}
