# The module system: options are declared and defined by many modules, and merged.
{ lib }:
let
  inherit (lib) attrNames concatMap concatStringsSep filter foldl' head isAttrs isFunction mapAttrs;

  typeOf = value: if isAttrs value then value._type or "" else "";

  # mkIf, mkMerge and mkOverride wrap a definition; these undo them.
  properties = rec {
    # A definition, as the list of what it amounts to: mkIf and mkMerge are gone.
    discharge = value:
      if typeOf value == "merge" then concatMap discharge value.contents
      else if typeOf value == "if" then (if value.condition then discharge value.content else [ ])
      else [ value ];
    # The same for a definition of many options at once: the conditions go down to each of them, so
    # that which options are defined can be seen without asking a condition.
    pushDown = value:
      if typeOf value == "merge" then concatMap pushDown value.contents
      else if typeOf value == "if" then map (mapAttrs (_: mkIf value.condition)) (pushDown value.content)
      else if typeOf value == "override" then map (mapAttrs (_: mkOverride value.priority)) (pushDown value.content)
      else [ value ];
    # Of discharged definitions, those of the strongest priority.
    prefer = definitions:
      let
        weighed = map (each: if typeOf each == "override" then each else mkOverride 100 each) definitions;
        strongest = foldl' (least: each: if each.priority < least then each.priority else least) 9999 weighed;
      in
      concatMap (each: discharge each.content) (filter (each: each.priority == strongest) weighed);
  };
  inherit (properties) discharge prefer pushDown;

  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkOption = option: option // { _type = "option"; };

  types = import ./types.nix { inherit lib evalModules properties; };

  show = concatStringsSep ".";

  mergeOption = path: option: given:
    let
      definitions = concatMap discharge given;
      fallback = lib.optional (option ? default) (mkOverride 1500 option.default);
      values =
        if option.type.mergesDefault or false && definitions != [ ] then prefer definitions
        else prefer (definitions ++ fallback);
      merged =
        if values != [ ] then option.type.merge path values
        else if option.type ? empty then option.type.merge path [ option.type.empty ]
        else throw "The option `${show path}' was accessed but has no value defined. Try setting the option.";
    in
    if option ? readOnly && option.readOnly && builtins.length values > 1 then throw "The option `${show path}' is read-only."
    else (option.apply or lib.id) merged;

  evalModules = { modules, specialArgs ? { }, prefix ? [ ] }:
    let
      load = module:
        let
          file = if builtins.isPath module || lib.isString module then import module else module;
          set = if isFunction file then file ({ inherit lib config options; } // specialArgs) else file;
          isFull = set ? config || set ? options || set ? imports || set ? freeformType;
          extra = removeAttrs set [ "_class" "_file" "config" "disabledModules" "freeformType" "imports" "key" "meta" "options" ];
          full = if isFull then set // { config = mkMerge [ (set.config or { }) extra ]; } else { config = set; };
        in
        [ full ] ++ concatMap load (full.imports or [ ]);
      loaded = concatMap load modules;

      declare = old: new:
        if typeOf new == "option" then new
        else old // mapAttrs (name: value: if old ? ${name} then declare old.${name} value else value) new;
      declared = foldl' declare { } (map (module: module.options or { }) loaded);
      freeform = foldl' (found: module: module.freeformType or found) null loaded;

      build = path: declarations: definitions:
        let
          sets = concatMap pushDown definitions;
          of = name: concatMap (set: lib.optional (set ? ${name}) set.${name}) sets;
          isUnknown = name: !(declarations ? ${name}) && name != "_module" && concatMap discharge (of name) != [ ];
          unknown = filter isUnknown (lib.unique (concatMap attrNames sets));
          known = mapAttrs
            (name: each:
              (if typeOf each == "option" then mergeOption else build) (path ++ [ name ]) each (of name))
            declarations;
        in
        if unknown == [ ] then known
        else if freeform != null && lib.length path == lib.length prefix then
          freeform.merge path (map (set: removeAttrs set (attrNames declarations)) sets) // known
        else throw "The option `${show (path ++ [ (head unknown) ])}' does not exist.";

      config = build prefix declared (map (module: module.config) loaded);
      options = locate prefix declared;
      locate = path: mapAttrs (name: each:
        if typeOf each == "option" then each // { loc = path ++ [ name ]; }
        else locate (path ++ [ name ]) each);
    in
    { inherit config options; };

  # As nixpkgs: every option of a tree, with those of submodules, for the reference.
  optionAttrSetToDocList = tree:
    let
      below = option: option.type.getSubOptions option.loc;
      entry = option: {
        inherit (option) loc;
        name = show option.loc;
        description = option.description or null;
        type = option.type.description or "unspecified";
        visible = option.visible or true;
        internal = option.internal or false;
        readOnly = option.readOnly or false;
        declarations = [ ];
      } // lib.optionalAttrs (option ? default || option ? defaultText) {
        default = literal (option.defaultText or option.default);
      } // lib.optionalAttrs (option ? example) { example = literal option.example; };
      literal = value: if typeOf value != "" && value ? text then value else lib.literalExpression (lib.generators.toPretty { } value);
    in
    concatMap
      (name:
        let each = tree.${name}; in
        if typeOf each == "option" then [ (entry each) ] ++ optionAttrSetToDocList (below each)
        else optionAttrSetToDocList each)
      (filter (name: name != "_module") (attrNames tree));
in
{
  inherit evalModules mkIf mkMerge mkOption mkOverride optionAttrSetToDocList types;
  mkDefault = mkOverride 1000;
  mkOptionDefault = mkOverride 1500;
  mkForce = mkOverride 50;
  mkBefore = lib.id;
  mkAfter = lib.id;
  mkEnableOption = what: mkOption {
    type = types.bool;
    default = false;
    example = true;
    description = "Whether to enable ${what}.";
  };
  mkPackageOption = packages: name: _: mkOption {
    type = types.package;
    default = packages.${name};
    defaultText = lib.literalExpression "pkgs.${name}";
    description = "The ${name} package to use.";
  };
  literalExpression = text: { _type = "literalExpression"; inherit text; };
  literalMD = text: { _type = "literalMD"; inherit text; };
}
