# What the daemon needs of npm, from package-lock.json alone.
#
# The lock file names no registry, on purpose, and its entries have no `resolved` address, which
# nixpkgs' importNpmLock and fetchNpmDeps want. So each package is a derivation of its own whose output
# is fixed by the `integrity` of its entry; npm, which knows its registry, packs it. The lock file also
# says where each package stands in node_modules, so the tree is unpacked as it is written there.
{
  lib,
  runCommand,
  stdenv,
  nodejs_24,
  cacert,
  lock ? lib.importJSON ../package-lock.json,
}:
let
  inherit (lock) packages;
  platform = stdenv.hostPlatform;
  os = if platform.isLinux then "linux" else "darwin";
  cpu = if platform.isx86_64 then "x64" else "arm64";
  libc = if platform.isMusl then "musl" else "glibc";

  # "linux", or "!win32".
  allows = rules: value:
    rules == null || lib.elem value rules
    || lib.all (lib.hasPrefix "!") rules && !(lib.elem "!${value}" rules);
  fits = entry: allows (entry.os or null) os && allows (entry.cpu or null) cpu && allows (entry.libc or null) libc;

  # As Node looks for a package: in node_modules of the asking one, then of each one around it.
  resolve = from: name:
    let
      path = if from == "" then "node_modules/${name}" else "${from}/node_modules/${name}";
      outer = lib.concatStringsSep "/node_modules/" (lib.init (lib.splitString "/node_modules/" "/${from}"));
    in
    if packages ? ${path} then path
    else if from == "" then null
    else resolve (lib.removePrefix "/" outer) name;
  needsOf = path:
    let
      entry = packages.${path};
      optionalPeers = lib.attrNames (lib.filterAttrs (_: peer: peer.optional or false) (entry.peerDependenciesMeta or { }));
      names = lib.attrNames (
        entry.dependencies or { } // entry.optionalDependencies or { }
        // removeAttrs (entry.peerDependencies or { }) optionalPeers
      );
    in
    lib.filter (found: found != null && fits packages.${found}) (map (resolve path) names);

  # Everything that is reached from the project's own dependencies: neither tools for its tests nor
  # other platforms' binaries.
  paths = map (each: each.key) (builtins.genericClosure {
    startSet = map (key: { inherit key; }) (needsOf "");
    operator = each: map (key: { inherit key; }) (needsOf each.key);
  });

  tarballOf = path:
    let
      entry = packages.${path};
      name = entry.name or (lib.last (lib.splitString "node_modules/" path));
      file = builtins.replaceStrings [ "@" "/" ] [ "" "-" ] name;
    in
    runCommand "${file}-${entry.version}.tgz"
      {
        outputHashMode = "flat";
        outputHash = entry.integrity;
        nativeBuildInputs = [ nodejs_24 ];
        NODE_EXTRA_CA_CERTS = "${cacert}/etc/ssl/certs/ca-bundle.crt";
        # Whoever has a registry of their own may say so.
        impureEnvVars = lib.fetchers.proxyImpureEnvVars ++ [ "NPM_CONFIG_REGISTRY" ];
      }
      ''
        export HOME=$PWD npm_config_cache=$PWD/cache
        npm pack --silent --ignore-scripts --fetch-retries=5 ${lib.escapeShellArg "${name}@${entry.version}"}
        mv -- *.tgz $out
      '';
in
# { path = "node_modules/lmdb"; tarball = «derivation»; }, sorted so that what contains comes first.
map (path: { inherit path; tarball = tarballOf path; }) (lib.sort (a: b: a < b) paths)
