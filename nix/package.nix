# mesh: the daemon, the command, its completions and manual pages.
#
# Node runs the TypeScript as it is, but not below a folder named node_modules: so the tree is
# installed as lib/mesh, with a link to the packages of npm in it.
{
  lib,
  stdenvNoCC,
  runtimeShell,
  nodejs_24,
  installShellFiles,
  callPackage,
}:
let
  package = lib.importJSON ../package.json;
  nodeModules = callPackage ./node-modules.nix { };
  # What runs; a change of tests or documents is no new package.
  wanted = [ "bin" "src" "package.json" "LICENSE" ];
  root = toString ../.;
  source = builtins.path {
    name = "mesh-source";
    path = ../.;
    filter = path: _: lib.any
      (name: path == "${root}/${name}" || lib.hasPrefix "${root}/${name}/" path)
      wanted;
  };
in
stdenvNoCC.mkDerivation {
  pname = "mesh";
  inherit (package) version;
  src = source;
  nativeBuildInputs = [ nodejs_24 installShellFiles ];

  installPhase = ''
    runHook preInstall
    mkdir -p $out/lib/mesh $out/bin
    cp -r package.json src LICENSE $out/lib/mesh/
    ln -s ${nodeModules}/node_modules $out/lib/mesh/node_modules
    cat >$out/bin/mesh <<END
    #!${runtimeShell}
    # The small young generation halves what a daemon holds beyond its own data; it can be set here only.
    # Two arenas are enough for malloc: with one for each thread, freed memory stays in all of them.
    export MALLOC_ARENA_MAX="\''${MALLOC_ARENA_MAX:-2}"
    exec ${nodejs_24}/bin/node --max-semi-space-size=2 $out/lib/mesh/src/cli/start.js "\$@"
    END
    chmod 755 $out/bin/mesh

    mkdir generated
    for shell in bash zsh fish; do $out/bin/mesh completion $shell >generated/mesh.$shell; done
    installShellCompletion --cmd mesh --bash generated/mesh.bash --zsh generated/mesh.zsh --fish generated/mesh.fish
    $out/bin/mesh manual --output generated/man
    installManPage generated/man/*
    runHook postInstall
  '';

  # The native parts load, and a configuration is read.
  doInstallCheck = true;
  installCheckPhase = ''
    runHook preInstallCheck
    test "$($out/bin/mesh --version)" = ${package.version}
    (cd $out/lib/mesh && ${nodejs_24}/bin/node --input-type=module -e "
      import { open } from 'lmdb'
      const store = open({ path: process.env.NIX_BUILD_TOP + '/store' })
      await store.put('a', 1)
      if (store.get('a') !== 1) throw new Error('lmdb does not store')
    ")
    runHook postInstallCheck
  '';

  passthru = { inherit nodeModules; nodejs = nodejs_24; };

  meta = {
    inherit (package) description;
    license = lib.licenses.mit;
    mainProgram = "mesh";
    platforms = lib.platforms.linux;
  };
}
