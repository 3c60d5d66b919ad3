# NixOS module: `services.mesh`. With nothing but `enable` a daemon runs that only this machine can
# reach; docs/nixos.md goes on from there.
self:
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkIf mkOption types unique;
  cfg = config.services.mesh;
  names = import ./names.nix { inherit lib; };
  schema = import ./settings.nix { inherit lib; };
  toml = pkgs.formats.toml { };

  # What is not set is left out, and so is a table that has nothing else.
  dropNull = set:
    lib.filterAttrs (_: value: value != null && value != { })
      (lib.mapAttrs (_: value: if lib.isAttrs value && !lib.isDerivation value then dropNull value else value) set);
  get = path: lib.attrByPath (lib.splitString "." path) null cfg.settings;

  # --- files -------------------------------------------------------------------------------------
  fileType = types.submodule ({ name, ... }: {
    options = schema.fileOptions // {
      reloadUnits = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "nginx.service" ];
        description = "Units that are reloaded (or restarted, if they cannot reload) when the content of the file has changed. Units that do not run are left alone. Of a pattern: when a file directly in the directory has.";
      };
      restartUnits = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "unbound.service" ];
        description = "Units that are restarted when the content of the file has changed. Units that do not run are left alone.";
      };
      startUnits = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "apply-hosts.service" ];
        description = "Units that are started when the content of the file has changed: usually of `Type=oneshot`, and doing something with it.";
      };
      requiredBy = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "nginx.service" ];
        description = "Services that start only once the file has been delivered for the first time.";
      };
    };
  });
  signersType = types.either (types.enum [ "self" ]) (types.listOf types.str);
  isPattern = lib.hasSuffix "/*";
  # Options of ours; everything else of an entry is the daemon's.
  ownOptions = [ "reloadUnits" "restartUnits" "startUnits" "requiredBy" "_module" ];
  entryOf = file: dropNull (removeAttrs file ownOptions);

  fileNames = lib.attrNames cfg.files;
  watched = lib.filterAttrs (_: file: file.reloadUnits ++ file.restartUnits ++ file.startUnits != [ ]) cfg.files;
  stateDir = if get "state_dir" == null then schema.defaultOf "state_dir" else toString (get "state_dir");
  isDefaultState = stateDir == schema.defaultOf "state_dir";
  socket = if get "http.socket" == null then "/run/mesh/mesh.sock" else toString (get "http.socket");
  # What a path unit watches: of a pattern, the directory.
  watchedPath = name: "${stateDir}/files/${lib.removeSuffix "/*" name}";
  waitFor = name: "mesh-file@${names.escapeUnit name}.service";

  # --- secrets -----------------------------------------------------------------------------------
  storeDir = builtins.storeDir;
  inStore = value: builtins.isPath value || lib.hasPrefix "${storeDir}/" "${toString value}";
  # A certificate is shown to every peer: it may be anywhere.
  isPublic = key: key == "network.certificate";
  secretValues = lib.concatMap
    (key: map (value: { inherit key value; }) (lib.optionals (get key != null) (lib.toList (get key))))
    schema.secrets;
  # systemd reads a secret as root and shows a copy to the daemon alone, whoever owns the original.
  credentials = lib.concatLists (lib.imap0
    (index: { key, value }: lib.optional (!(isPublic key && inStore value)) {
      inherit key value;
      name = "${lib.last (lib.splitString "." key)}-${toString index}";
    })
    secretValues);
  credentialFor = key: value:
    let found = lib.filter (each: each.key == key && each.value == value) credentials;
    in if found == [ ] then "${value}" else (lib.head found).name;
  withCredentials = settings: lib.foldl'
    (all: key:
      let
        path = lib.splitString "." key;
        value = lib.attrByPath path null all;
        named = if lib.isList value then map (credentialFor key) value else credentialFor key value;
      in
      if value == null then all else lib.recursiveUpdate all (lib.setAttrByPath path named))
    settings
    schema.secrets;

  # --- configuration -----------------------------------------------------------------------------
  settings = withCredentials (dropNull cfg.settings);
  document = settings // lib.optionalAttrs (cfg.files != { }) { files = lib.mapAttrs (_: entryOf) cfg.files; };
  unchecked = toml.generate "mesh.toml" document;
  configFile = pkgs.runCommand "dm.toml" { passthru = { inherit document; }; } ''
    cp ${unchecked} dm.toml
    ${lib.getExe cfg.package} config check ./dm.toml
    cp dm.toml $out
  '';

  # What a running daemon takes over at a reload; a change of anything else restarts it.
  reloadable = [ "log_level" "network.keys" "network.certificate" ];
  restartWith = builtins.toJSON (lib.foldl'
    (all: key: lib.recursiveUpdate all (lib.setAttrByPath (lib.splitString "." key) null))
    settings
    reloadable);

  clusterPort = if get "cluster.port" == null then schema.defaultOf "cluster.port" else get "cluster.port";
  # The port in an address such as /ip4/0.0.0.0/tcp/7946.
  portsOf = address:
    let found = builtins.match ".*/tcp/([0-9]+)(/.*)?" address;
    in lib.optional (found != null) (lib.toInt (lib.head found));
  clusterPorts =
    if get "cluster.listen" == null then [ clusterPort ] else unique (lib.concatMap portsOf (get "cluster.listen"));

  # --- checks ------------------------------------------------------------------------------------
  allKeys =
    map (key: { inherit key; where = "services.mesh.settings.network.keys"; }) (if get "network.keys" == null then [ ] else get "network.keys")
    ++ lib.concatLists (lib.mapAttrsToList
      (name: file: lib.concatMap
        (option: map (key: { inherit key; where = "services.mesh.files.\"${name}\".${option}"; })
          (lib.optionals (lib.isList (file.${option} or null)) file.${option}))
        [ "signers" "delete_signers" ])
      cfg.files);
  badKeys = lib.filter ({ key, ... }: !names.isPublicKey key) allKeys;
  badNames = lib.filter (name: names.nameFault name != null) fileNames;
  leaked = lib.filter ({ key, value }: !isPublic key && inStore value) secretValues;
  shorten = text: if builtins.stringLength text > 60 then "${builtins.substring 0 60 text}…" else text;

  hardening = {
    CapabilityBoundingSet = "";
    AmbientCapabilities = "";
    DevicePolicy = "closed";
    LockPersonality = true;
    # V8 writes code and runs it: no MemoryDenyWriteExecute.
    NoNewPrivileges = true;
    PrivateDevices = true;
    PrivateTmp = true;
    PrivateUsers = true;
    ProcSubset = "pid";
    ProtectClock = true;
    ProtectControlGroups = true;
    ProtectHome = true;
    ProtectHostname = true;
    ProtectKernelLogs = true;
    ProtectKernelModules = true;
    ProtectKernelTunables = true;
    ProtectProc = "invisible";
    ProtectSystem = "strict";
    RemoveIPC = true;
    # Netlink: which addresses this machine has.
    RestrictAddressFamilies = [ "AF_INET AF_INET6 AF_UNIX AF_NETLINK" ];
    RestrictNamespaces = true;
    RestrictRealtime = true;
    RestrictSUIDSGID = true;
    SystemCallArchitectures = "native";
    SystemCallErrorNumber = "EPERM";
    SystemCallFilter = [ "@system-service" "~@privileged @resources" ];
    UMask = "0077";
  };
in
{
  options.services.mesh = {
    enable = lib.mkEnableOption "mesh, which distributes signed files across machines";

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ./package.nix { };
      defaultText = lib.literalMD "the package `mesh` of this flake";
      description = "The mesh package to use, for the daemon and for the `mesh` command.";
    };

    user = mkOption {
      type = types.str;
      default = "mesh";
      description = "User that the daemon runs as. Made by the module if it is `mesh`.";
    };

    group = mkOption {
      type = types.str;
      default = "mesh";
      description = "Group of the daemon and of what it shows. Whoever is in it may use the unix socket and read files of mode `0640`. Made by the module if it is `mesh`.";
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether to let other daemons in: opens the TCP port, or ports, of `settings.cluster`. Never opens the HTTP API.";
    };

    settings = mkOption {
      type = types.submodule { options = schema.options; };
      default = { };
      example = lib.literalExpression ''
        {
          network.id = "mesh-7c3k…";
          network.keys = [ "ssh-ed25519 AAAA… network" ];
          network.psk = config.sops.secrets."mesh/psk".path;
          network.identity_key = config.sops.secrets."mesh/identity".path;
          network.certificate = ./certificates/alpha.cert;
          cluster.bootstrap_peers = [ "/dns/beta.example/tcp/7946/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5" ];
        }
      '';
      description = ''
        `dm.toml`, as in docs/configuration.md: every key of it is an option here, except the files, which
        are `services.mesh.files`. Secrets are named by path, which must not be in the Nix store; systemd
        hands them to the daemon, so that they may belong to root.
      '';
    };

    files = mkOption {
      type = types.attrsOf (types.coercedTo signersType (signers: { inherit signers; }) fileType);
      default = { };
      example = lib.literalExpression ''
        {
          motd = [ "ssh-ed25519 AAAA… alice" ];
          "certs/site.pem" = {
            signers = [ "ssh-ed25519 AAAA… alice" ];
            mode = "0640";
            reloadUnits = [ "nginx.service" ];
          };
        }
      '';
      description = "The files that this machine takes part in, by name: who may sign each, and what happens when it changes. A list of keys is short for `{ signers = …; }`.";
    };

    directories = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "certs" ];
      description = "Directories below `files/` that exist from boot on, for programs that watch a directory. Those of the configured names do so anyway.";
    };

    extraArgs = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Further arguments of `mesh server`.";
    };

    configFile = mkOption {
      type = types.path;
      readOnly = true;
      default = configFile;
      defaultText = lib.literalMD "made from `settings` and `files`";
      description = "The configuration as the daemon reads it, checked by `mesh config check` when it is built.";
    };
  };

  config = mkIf cfg.enable {
    assertions =
      map
        (name: {
          assertion = false;
          message = "services.mesh.files: `${name}' cannot be the name of a file: ${names.nameFault name}.";
        })
        badNames
      ++ map (clash: { assertion = false; message = "services.mesh.files: ${clash}; rename one."; }) (names.clashes fileNames)
      ++ map
        ({ key, where }: {
          assertion = false;
          message = "${where}: `${shorten key}' is not an ed25519 public key; write `ssh-ed25519 AAAA… comment', base64 of the 32 bytes, or PEM.";
        })
        badKeys
      ++ map
        ({ key, value }: {
          assertion = false;
          message = "services.mesh.settings.${key}: ${toString value} is in the Nix store, where everybody can read it; give the path of a file that exists on the machine only, as a string, such as config.sops.secrets.\"mesh\".path.";
        })
        leaked
      ++ lib.concatLists (lib.mapAttrsToList
        (name: file: map (check: check // { message = "services.mesh.files.\"${name}\"${check.message}"; }) [
          {
            assertion = file.signers != [ ];
            message = ".signers is empty: nobody could ever sign this file.";
          }
          {
            assertion = !lib.isList file.signers || file.threshold or null == null
              || file.threshold <= lib.length (unique file.signers);
            message = ".threshold asks for ${toString file.threshold} signatures, and there are ${toString (lib.length (unique file.signers))} signers.";
          }
          {
            assertion = file.signers != "self" || isPattern name;
            message = ".signers: \"self\" is for patterns: write \"${name}/*\".";
          }
          {
            assertion = file.requiredBy == [ ] || !isPattern name;
            message = ".requiredBy: a pattern is never complete; name one file of it.";
          }
        ])
        cfg.files)
      ++ map
        (unit: {
          assertion = builtins.match ".*\\.[a-z]+" unit != null;
          message = "services.mesh.files: `${unit}' is not the full name of a unit; write `${unit}.service'.";
        })
        (unique (lib.concatMap (file: file.reloadUnits ++ file.restartUnits ++ file.startUnits) (lib.attrValues cfg.files)));

    environment.etc."mesh/dm.toml".source = configFile;
    environment.systemPackages = [ cfg.package ];
    networking.firewall.allowedTCPPorts = mkIf cfg.openFirewall clusterPorts;

    users.users = mkIf (cfg.user == "mesh") {
      mesh = {
        isSystemUser = true;
        group = cfg.group;
        home = stateDir;
        description = "mesh daemon";
      };
    };
    users.groups = mkIf (cfg.group == "mesh") { mesh = { }; };

    # Directories that consumers watch are there before their consumers, and before the first file.
    systemd.tmpfiles.rules =
      let
        below = unique (lib.concatMap names.directoriesOf fileNames
          ++ lib.concatMap (name: names.directoriesOf "${name}/.") cfg.directories);
      in
      map (path: "d ${path} 0755 ${cfg.user} ${cfg.group} -") ([ stateDir "${stateDir}/files" ] ++ map (name: "${stateDir}/files/${name}") below);

    systemd.services = {
      mesh = {
        description = "mesh: signed files from and for the other machines";
        documentation = [ "man:mesh(1)" ];
        wantedBy = [ "multi-user.target" ];
        wants = [ "network-online.target" ];
        after = [ "network-online.target" ];
        # systemd-notify, and ip, which knows the alternative names of interfaces (http.listen).
        path = [ config.systemd.package pkgs.iproute2 ];
        # Signers, network keys and the certificate are read again; everything else is a restart.
        reloadTriggers = [ configFile ];
        restartTriggers = [ (builtins.hashString "sha256" restartWith) ];
        startLimitIntervalSec = 0;
        serviceConfig = hardening // {
          Type = "notify-reload";
          # Each message is a run of systemd-notify: Node has no datagram sockets of that kind.
          NotifyAccess = "all";
          ExecStart = lib.escapeShellArgs ([ (lib.getExe cfg.package) "server" "--config" "/etc/mesh/dm.toml" ] ++ cfg.extraArgs);
          User = cfg.user;
          Group = cfg.group;
          LoadCredential = map ({ name, value, ... }: "${name}:${toString value}") credentials;
          RuntimeDirectory = "mesh";
          RuntimeDirectoryMode = "0755";
          CacheDirectory = "mesh";
          CacheDirectoryMode = "0700";
          WorkingDirectory = "/";
          Restart = "always";
          RestartSec = 2;
          # 78: the configuration is wrong, and trying again does not mend it.
          RestartPreventExitStatus = 78;
          WatchdogSec = 60;
          TimeoutStartSec = 120;
          TimeoutStopSec = 15;
          LimitNOFILE = 65536;
        } // (if isDefaultState then {
          StateDirectory = "mesh";
          StateDirectoryMode = "0755";
        } else {
          ReadWritePaths = [ stateDir ];
        });
      };

      # `Requires=mesh-file@NAME.service` and `After=` the same: start once the file is here.
      "mesh-file@" = {
        description = "First delivery of the signed file %I";
        documentation = [ "man:mesh(1)" ];
        wants = [ "mesh.service" ];
        after = [ "mesh.service" ];
        serviceConfig = hardening // {
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = "${lib.getExe cfg.package} file wait %I --timeout never --socket ${socket}";
          TimeoutStartSec = "infinity";
          User = cfg.user;
          Group = cfg.group;
          PrivateNetwork = true;
          RestrictAddressFamilies = [ "AF_UNIX" ];
        };
      };
    }
    // lib.mapAttrs'
      (name: file: lib.nameValuePair "mesh-changed-${names.escapeUnit (lib.removeSuffix "/*" name)}" {
        description = "Acts on a change of the signed file ${name}";
        path = [ config.systemd.package ];
        # As root, who alone may tell systemd to restart something, and with nothing else of root's than
        # reading files that are not for everybody.
        serviceConfig = removeAttrs hardening [ "PrivateUsers" ] // {
          Type = "oneshot";
          CapabilityBoundingSet = "CAP_DAC_READ_SEARCH";
          PrivateNetwork = true;
          RestrictAddressFamilies = [ "AF_UNIX" ];
          RuntimeDirectory = "mesh-changed";
          RuntimeDirectoryPreserve = true;
          ExecStart = lib.escapeShellArgs [
            "${pkgs.writeShellScript "mesh-changed" (builtins.readFile ./on-change.sh)}"
            (watchedPath name)
            (toString file.reloadUnits)
            (toString file.restartUnits)
            (toString file.startUnits)
          ];
        };
      })
      watched
    // lib.foldl' lib.recursiveUpdate { } (lib.concatLists (lib.mapAttrsToList
      (name: file: map
        (unit: {
          ${lib.removeSuffix ".service" unit} = {
            requires = [ (waitFor name) ];
            after = [ (waitFor name) ];
          };
        })
        file.requiredBy)
      cfg.files));

    systemd.paths = lib.mapAttrs'
      (name: _: lib.nameValuePair "mesh-changed-${names.escapeUnit (lib.removeSuffix "/*" name)}" {
        description = "Watches the signed file ${name}";
        wantedBy = [ "multi-user.target" ];
        before = [ "mesh.service" ];
        pathConfig = {
          PathChanged = watchedPath name;
          TriggerLimitIntervalSec = 0;
        };
      })
      watched;
  };
}
