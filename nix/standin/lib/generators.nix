# Values as text: Nix, TOML and the `key=value` of systemd.
{ lib }:
let
  inherit (builtins) isAttrs isBool isList isString toJSON;
  key = name: if builtins.match "[A-Za-z0-9_-]+" name != null then name else toJSON name;
  inline = value:
    if isList value then "[${lib.concatMapStringsSep ", " inline value}]"
    else if isAttrs value && !(value ? outPath) then
      "{ ${lib.concatStringsSep ", " (lib.mapAttrsToList (name: each: "${key name} = ${inline each}") value)} }"
    else toJSON value;
  isTable = value: isAttrs value && !(value ? outPath);
in
rec {
  toPretty = options: value:
    if isString value then toJSON value
    else if isBool value then lib.boolToString value
    else if value == null then "null"
    else if isList value then (if value == [ ] then "[ ]" else "[ ${lib.concatMapStringsSep " " (toPretty options) value} ]")
    else if isAttrs value then
      (if value == { } then "{ }" else "{ ${lib.concatStringsSep " " (lib.mapAttrsToList (name: each: "${key name} = ${toPretty options each};") value)} }")
    else toString value;

  toTOML = table:
    let
      section = path: value:
        let
          own = lib.filterAttrs (_: each: !isTable each) value;
          below = lib.filterAttrs (_: isTable) value;
          lines = lib.mapAttrsToList (name: each: "${key name} = ${inline each}\n") own;
        in
        lib.optionalString (path != [ ]) "\n[${lib.concatMapStringsSep "." key path}]\n"
        + lib.concatStringsSep "" lines
        + lib.concatStringsSep "" (lib.mapAttrsToList (name: section (path ++ [ name ])) below);
    in
    section [ ] table;
}
