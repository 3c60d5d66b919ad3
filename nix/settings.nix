# The keys of `dm.toml` as options. settings.json is made from the daemon's own schema
# (`node scripts/docs.ts`), so that there is one truth about names, types, defaults and meaning.
# A setting that is not set is `null`, and left to the daemon.
{ lib }:
let
  inherit (lib) types;
  settings = lib.importJSON ./settings.json;
  isOfFile = setting: lib.hasPrefix "files.NAME." setting.key;
  isTable = setting: lib.hasPrefix "table" setting.type;
  isRequired = setting: setting.defaultText == "required";

  path = types.either types.path types.str;
  key = types.str;
  byName = {
    boolean = types.bool;
    number = types.ints.unsigned;
    string = types.str;
    path = path;
    "path or list of paths" = types.either path (types.listOf path);
    duration = types.strMatching "[0-9]+(ms|s|m|h|d)";
    size = types.strMatching "[0-9]+(B|KiB|MiB|GiB|TiB)";
    "file mode" = types.strMatching "0?[0-7]{3}";
    "list of public keys" = types.listOf key;
    "list of public keys, or `\"self\"`" = types.either (types.enum [ "self" ]) (types.listOf key);
  };
  typeOf = setting:
    byName.${setting.type} or (
      if lib.hasPrefix "list of " setting.type then types.listOf types.str
      else throw "nix/settings.nix knows no option type for `${setting.key}', a ${setting.type}"
    );

  optionOf = setting: lib.mkOption ({
    type = if isRequired setting then typeOf setting else types.nullOr (typeOf setting);
    description = setting.about;
  } // lib.optionalAttrs (!isRequired setting) {
    default = null;
    defaultText = lib.literalMD (if setting.defaultText == "" then "none" else setting.defaultText);
  });

  tree = prefix: list: lib.foldl'
    (all: setting:
      lib.recursiveUpdate all
        (lib.setAttrByPath (lib.splitString "." (lib.removePrefix prefix setting.key)) (optionOf setting)))
    { }
    (lib.filter (setting: !isTable setting) list);
in
{
  # What `services.mesh.settings` has.
  options = tree "" (lib.filter (setting: !isOfFile setting) settings);
  # What `services.mesh.files.<name>` has of the daemon's.
  fileOptions = tree "files.NAME." (lib.filter isOfFile settings);
  # Dotted names of those that name secret files.
  secrets = map (setting: setting.key) (lib.filter (setting: setting.secret) settings);
  # The fixed default of a setting, as a value.
  defaultOf = name:
    builtins.fromJSON (lib.head (lib.filter (setting: setting.key == name) settings)).default;
}
