# The NixOS options that this project sets or reads, typed, so that a slip is found; and what NixOS
# makes of them: units as text, and the refusal of a system whose assertions fail.
{ lib }:
{ pkgs, modules, specialArgs ? { } }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  strings = option (types.listOf types.str) [ ];
  texts = option (types.attrsOf types.anything) { };
  text = option types.str "";

  # What every kind of unit may say.
  unitOptions = {
    enable = option types.bool true;
    description = text;
    documentation = strings;
    after = strings;
    before = strings;
    wants = strings;
    requires = strings;
    bindsTo = strings;
    partOf = strings;
    conflicts = strings;
    wantedBy = strings;
    requiredBy = strings;
    aliases = strings;
    unitConfig = texts;
    overrideStrategy = option types.str "asDropinIfExists";
    restartTriggers = option (types.listOf types.unspecified) [ ];
    reloadTriggers = option (types.listOf types.unspecified) [ ];
    startLimitBurst = option (types.nullOr types.int) null;
    startLimitIntervalSec = option (types.nullOr types.int) null;
  };
  serviceOptions = unitOptions // {
    environment = option (types.attrsOf (types.nullOr (types.oneOf [ types.str types.path types.package ]))) { };
    path = option (types.listOf types.package) [ ];
    serviceConfig = texts;
    script = option types.lines "";
    restartIfChanged = option types.bool true;
    reloadIfChanged = option types.bool false;
    stopIfChanged = option types.bool true;
    enableDefaultPath = option types.bool true;
  };
  units = options: option (types.attrsOf (types.submodule { inherit options; })) { };

  sinks = {
    options = {
      assertions = option (types.listOf types.unspecified) [ ];
      warnings = option (types.listOf types.str) [ ];
      environment.etc = option
        (types.attrsOf (types.submodule {
          options = {
            text = option (types.nullOr types.lines) null;
            source = option (types.nullOr types.path) null;
            mode = option types.str "symlink";
            user = text;
            group = text;
          };
        }))
        { };
      environment.systemPackages = option (types.listOf types.package) [ ];
      environment.variables = texts;
      networking.hostName = option types.str "nixos";
      networking.firewall = {
        enable = option types.bool true;
        allowedTCPPorts = option (types.listOf types.port) [ ];
        allowedUDPPorts = option (types.listOf types.port) [ ];
      };
      nixpkgs.overlays = option (types.listOf types.unspecified) [ ];
      services.openssh = texts;
      systemd.package = option types.package pkgs.systemd;
      systemd.services = units serviceOptions;
      systemd.paths = units (unitOptions // { pathConfig = texts; });
      systemd.sockets = units (unitOptions // { socketConfig = texts; });
      systemd.timers = units (unitOptions // { timerConfig = texts; });
      systemd.targets = units unitOptions;
      systemd.tmpfiles.rules = strings;
      system.build = texts;
      system.stateVersion = option types.str "26.05";
      time.timeZone = option (types.nullOr types.str) null;
      users.groups = option
        (types.attrsOf (types.submodule { options = { gid = option (types.nullOr types.int) null; members = strings; }; }))
        { };
      users.users = option
        (types.attrsOf (types.submodule {
          options = {
            uid = option (types.nullOr types.int) null;
            group = text;
            extraGroups = strings;
            home = option types.path "/var/empty";
            createHome = option types.bool false;
            isSystemUser = option types.bool false;
            isNormalUser = option types.bool false;
            description = text;
            password = option (types.nullOr types.str) null;
          };
        }))
        { };
      virtualisation = texts;
    };
  };

  evaluated = lib.evalModules {
    modules = [ sinks ] ++ modules;
    specialArgs = { inherit pkgs; utils = { }; modulesPath = ./.; } // specialArgs;
  };
  inherit (evaluated) config;

  value = each: if lib.isBool each then lib.boolToString each else toString each;
  # A list is one line for each item, as in NixOS.
  section = title: settings:
    "[${title}]\n" + lib.concatStrings (lib.concatLists (lib.mapAttrsToList
      (key: setting: map (each: "${key}=${value each}\n") (lib.toList setting))
      settings));
  unitSection = unit: section "Unit" (lib.filterAttrs (_: each: each != "" && each != [ ] && each != null)
    ({
      Description = unit.description;
      Documentation = toString unit.documentation;
      After = toString unit.after;
      Before = toString unit.before;
      Wants = toString unit.wants;
      Requires = toString unit.requires;
      BindsTo = toString unit.bindsTo;
      PartOf = toString unit.partOf;
      Conflicts = toString unit.conflicts;
      StartLimitBurst = unit.startLimitBurst;
      StartLimitIntervalSec = unit.startLimitIntervalSec;
      X-Restart-Triggers = toString unit.restartTriggers;
      X-Reload-Triggers = toString unit.reloadTriggers;
    } // unit.unitConfig));
  serviceSection = service:
    let
      path = service.path ++ lib.optionals service.enableDefaultPath [ pkgs.coreutils pkgs.findutils pkgs.gnugrep pkgs.gnused pkgs.systemd ];
      environment = service.environment // { PATH = lib.makeBinPath path; };
      lines = lib.mapAttrsToList (name: each: "Environment=${builtins.toJSON "${name}=${each}"}\n")
        (lib.filterAttrs (_: each: each != null) environment);
      start = lib.optionalAttrs (service.script != "") { ExecStart = pkgs.writeShellScript "unit-script" "set -e\n${service.script}"; };
    in
    section "Service" (service.serviceConfig // start) + lib.concatStrings lines;
  render = suffix: kind: set: lib.mapAttrs'
    (name: unit: lib.nameValuePair "${name}.${suffix}" (unitSection unit + "\n" + kind unit))
    (lib.filterAttrs (_: unit: unit.enable) set);

  unitTexts =
    render "service" serviceSection config.systemd.services
    // render "path" (unit: section "Path" unit.pathConfig) config.systemd.paths
    // render "socket" (unit: section "Socket" unit.socketConfig) config.systemd.sockets
    // render "timer" (unit: section "Timer" unit.timerConfig) config.systemd.timers
    // render "target" (_: "") config.systemd.targets;

  # Which units pull in which: `{ "multi-user.target" = [ "mesh.service" ]; }`.
  links = which:
    let
      of = suffix: set: lib.concatLists (lib.mapAttrsToList
        (name: unit: map (target: { inherit target; unit = "${name}.${suffix}"; }) unit.${which})
        set);
      all = of "service" config.systemd.services ++ of "path" config.systemd.paths
        ++ of "socket" config.systemd.sockets ++ of "timer" config.systemd.timers ++ of "target" config.systemd.targets;
    in
    lib.mapAttrs (_: map (link: link.unit)) (lib.groupBy (link: link.target) all);

  failed = map (each: each.message) (lib.filter (each: !each.assertion) config.assertions);
  checked = given:
    if failed != [ ] then throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (each: "- ${each}") failed}"
    else given;

  system = checked {
    inherit (config.networking) hostName;
    units = unitTexts;
    wants = links "wantedBy";
    requires = links "requiredBy";
    etc = lib.mapAttrs
      (_: each: { inherit (each) mode user group; } // (if each.text == null then { source = "${each.source}"; } else { inherit (each) text; }))
      config.environment.etc;
    tmpfiles = config.systemd.tmpfiles.rules;
    users = config.users.users;
    groups = config.users.groups;
    packages = map (each: "${each}") config.environment.systemPackages;
    firewall = { tcp = config.networking.firewall.allowedTCPPorts; udp = config.networking.firewall.allowedUDPPorts; };
    inherit (config) warnings;
  };
  file = pkgs.writeText "system-${config.networking.hostName}.json" (builtins.toJSON system);
in
evaluated // {
  config = config // {
    system = config.system // {
      build = config.system.build // {
        # A file that names everything the system is made of; its content, as a value.
        toplevel = file // { inherit system; };
      };
    };
  };
}
