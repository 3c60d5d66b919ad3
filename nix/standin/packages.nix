# The packages in use. Each is a real derivation: nix builds it, with what the machine has installed.
{ lib, system }:
let
  path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  # stdenv.mkDerivation, as far as this project goes: unpack, patch, build, install, check.
  mkDerivation = attributes:
    let
      given = if lib.isFunction attributes then attributes final else attributes;
      name = given.name or "${given.pname}-${given.version}";
      environment = removeAttrs given [ "meta" "passthru" "env" ] // (given.env or { });
      final = derivation
        (environment // {
          inherit name system;
          builder = "/bin/bash";
          args = [ ./builder.sh ];
          tools = lib.concatMapStrings (each: "${each}/bin:") (given.nativeBuildInputs or [ ]) + path;
        })
      // given.passthru or { } // {
        inherit name;
        meta = given.meta or { };
        passthru = given.passthru or { };
      } // lib.optionalAttrs (given ? pname) { inherit (given) pname version; };
    in
    final;

  runCommand = name: attributes: script:
    mkDerivation (attributes // { inherit name; buildCommand = script; });

  # Programs of this machine, by the name of the package that has them elsewhere.
  machine = pname: programs: mkDerivation {
    inherit pname programs;
    version = "machine";
    buildCommand = ''
      mkdir -p $out/bin
      for each in $programs; do ln -s "$(command -v "$each" || echo "/usr/bin/$each")" "$out/bin/$each"; done
    '';
    meta.mainProgram = lib.head programs;
  };

  formatOf = render: _: {
    type = let
      value = lib.types.nullOr (lib.types.oneOf [ lib.types.bool lib.types.int lib.types.float lib.types.str lib.types.path (lib.types.attrsOf value) (lib.types.listOf value) ]) // { description = "TOML value"; };
    in
    value;
    generate = name: value: pkgs.writeText name (render value);
  };

  pkgs = {
    inherit lib runCommand system;
    path = ./.;
    stdenv = { inherit mkDerivation; hostPlatform = pkgs.hostPlatform; };
    stdenvNoCC = pkgs.stdenv;
    hostPlatform = {
      inherit system;
      isLinux = true;
      isx86_64 = system == "x86_64-linux";
      isAarch64 = system == "aarch64-linux";
      isMusl = false;
      node = { platform = "linux"; arch = if system == "x86_64-linux" then "x64" else "arm64"; };
    };
    runtimeShell = "/bin/sh";
    callPackage = file: arguments:
      let f = if lib.isFunction file then file else import file; in
      f (lib.intersectAttrs (lib.functionArgs f) pkgs // arguments);
    extend = overlay: let extended = pkgs // overlay (extended // { callPackage = f: a: pkgs.callPackage f (lib.intersectAttrs (lib.functionArgs (if lib.isFunction f then f else import f)) extended // a); }) pkgs; in extended;

    writeTextFile = { name, text, executable ? false, destination ? "" }: runCommand name
      { inherit text destination; passAsFile = [ "text" ]; mode = if executable then "555" else "444"; }
      ''install -D -m "$mode" "$textPath" "$out$destination"'';
    writeText = name: text: pkgs.writeTextFile { inherit name text; };
    writeShellScript = name: text: pkgs.writeTextFile { inherit name; executable = true; text = "#!/bin/bash\n${text}"; };
    writeShellScriptBin = name: text: pkgs.writeTextFile { inherit name; executable = true; destination = "/bin/${name}"; text = "#!/bin/bash\n${text}"; } // { meta.mainProgram = name; pname = name; };
    writeShellApplication = { name, text, runtimeInputs ? [ ], ... }:
      pkgs.writeShellScriptBin name "set -o errexit -o nounset -o pipefail\nexport PATH=${lib.makeBinPath runtimeInputs}:$PATH\n${text}";
    symlinkJoin = { name, paths }: runCommand name { inherit paths; } "mkdir $out; for each in $paths; do cp -rs $each/. $out/; chmod -R u+w $out; done";
    formats.toml = formatOf lib.generators.toTOML;
    formats.json = formatOf builtins.toJSON;
    mkShell = attributes: mkDerivation ({ name = "shell"; buildCommand = "touch $out"; } // attributes);

    installShellFiles = runCommand "install-shell-files" { } "mkdir -p $out/bin";
    cacert = runCommand "cacert" { }
      "mkdir -p $out/etc/ssl/certs; ln -s /etc/ssl/certs/ca-certificates.crt $out/etc/ssl/certs/ca-bundle.crt";
    nodejs_24 = mkDerivation {
      pname = "nodejs";
      version = "24";
      node = builtins.getEnv "MESH_STANDIN_NODE";
      buildCommand = ''
        mkdir -p $out/bin
        cp "''${node:?name a Node 24 in MESH_STANDIN_NODE, and evaluate with --impure}" $out/bin/node
        ln -s "$(command -v npm)" $out/bin/npm
      '';
      meta = { mainProgram = "node"; platforms = lib.platforms.linux; };
    };
    systemd = machine "systemd" [ "systemctl" "systemd-notify" "systemd-analyze" ];
    iproute2 = machine "iproute2" [ "ip" ];
    bash = machine "bash" [ "bash" "sh" ];
    coreutils = machine "coreutils" [ "cat" "chmod" "cp" "cut" "date" "install" "ls" "mkdir" "mktemp" "rm" "sha256sum" "sleep" "sort" "tail" "touch" ];
    findutils = machine "findutils" [ "find" "xargs" ];
    gnugrep = machine "gnugrep" [ "grep" ];
    gnused = machine "gnused" [ "sed" ];
    curl = machine "curl" [ "curl" ];
    gnutar = machine "gnutar" [ "tar" ];
    gzip = machine "gzip" [ "gzip" ];
    jq = machine "jq" [ "jq" ];
    libfaketime = runCommand "libfaketime" { } "mkdir -p $out/lib; ln -s /usr/lib/${if system == "x86_64-linux" then "x86_64" else "aarch64"}-linux-gnu/faketime/libfaketime.so.1 $out/lib/libfaketime.so.1";
    openssh = machine "openssh" [ "ssh-keygen" "ssh-agent" "ssh-add" ];
    biome = machine "biome" [ "biome" ];
    nixfmt = machine "nixfmt" [ "nixfmt" ];
    git = machine "git" [ "git" ];
    nix = machine "nix" [ "nix" ];

    testers.runNixOSTest = import ./vm-test.nix { inherit lib pkgs; };
  };
in
pkgs
