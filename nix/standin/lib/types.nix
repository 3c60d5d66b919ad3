# Option types: what a value must be (`check`), and how several definitions become one (`merge`).
# `submodules`, `description` and `getSubOptions` are there for the option reference.
{ lib, evalModules, properties }:
let
  inherit (lib) concatMap concatStringsSep filter head isAttrs isFunction isInt isList isString length;
  inherit (properties) discharge prefer pushDown;

  show = path: concatStringsSep "." path;
  refuse = path: type: value:
    throw "A definition for option `${show path}' is not of type `${type.description}'. Definition value: ${
      if isString value || isInt value || builtins.isBool value then builtins.toJSON value else "a ${builtins.typeOf value}"}";

  # A type whose definitions must all be the same.
  simple = name: description: check:
    let
      self = {
        _type = "option-type";
        inherit name description check;
        getSubOptions = _: { };
        merge = path: values:
          let wrong = filter (value: !check value) values; in
          if wrong != [ ] then refuse path self (head wrong)
          # One definition is not compared with itself: that would look into all of it.
          else if length values == 1 || lib.all (value: value == head values) values then head values
          else throw "The option `${show path}' has conflicting definition values:${
            lib.concatMapStrings (value: "\n- ${builtins.toJSON value}") values}";
      };
    in
    self;

  # As nixpkgs: descriptions of several words stand in brackets inside others.
  inner = type: if builtins.match ".* .*" type.description == null then type.description else "(${type.description})";
  isPackage = value: isAttrs value && value ? outPath;
in
rec {
  inherit simple;
  bool = simple "bool" "boolean" builtins.isBool;
  int = simple "int" "signed integer" isInt;
  float = simple "float" "floating point number" builtins.isFloat;
  number = either int float;
  str = simple "str" "string" isString;
  nonEmptyStr = simple "nonEmptyStr" "non-empty string" (value: isString value && builtins.match "[ \t\n]*" value == null);
  singleLineStr = simple "singleLineStr" "string that doesn't contain newlines" (value: isString value && !lib.hasInfix "\n" value);
  lines = (simple "lines" "strings concatenated with \"\\n\"" isString) // { merge = _: concatStringsSep "\n"; };
  package = simple "package" "package" isPackage;
  raw = simple "raw" "raw value" (_: true);
  unspecified = raw // { description = "unspecified value"; };
  path = simple "path" "absolute path" (value:
    builtins.isPath value || isPackage value || (isString value && lib.hasPrefix "/" value));
  port = ints.between 0 65535 // { description = "16 bit unsigned integer; between 0 and 65535 (both inclusive)"; };
  ints = {
    positive = simple "positiveInt" "positive integer, meaning >0" (value: isInt value && value > 0);
    unsigned = simple "unsignedInt" "unsigned integer, meaning >=0" (value: isInt value && value >= 0);
    between = least: most:
      simple "intBetween" "integer between ${toString least} and ${toString most} (both inclusive)"
        (value: isInt value && value >= least && value <= most);
  };
  strMatching = pattern:
    simple "strMatching" "string matching the pattern ${pattern}" (value: isString value && builtins.match pattern value != null);
  enum = values: simple "enum" "one of ${lib.concatMapStringsSep ", " builtins.toJSON values}" (value: lib.elem value values);

  nullOr = type: type // {
    name = "nullOr";
    description = "null or ${inner type}";
    check = value: value == null || type.check value;
    merge = path: values:
      if lib.all (value: value == null) values then null
      else if lib.any (value: value == null) values then throw "The option `${show path}' is defined both null and not null."
      else type.merge path values;
  };
  either = left: right:
    let
      self = {
        _type = "option-type";
        name = "either";
        description = "${inner left} or ${inner right}";
        check = value: left.check value || right.check value;
        getSubOptions = path: left.getSubOptions path // right.getSubOptions path;
        merge = path: values:
          if lib.all left.check values then left.merge path values
          else if lib.all right.check values then right.merge path values
          else refuse path self (head (filter (value: !self.check value) values ++ values));
      };
    in
    self;
  oneOf = types: lib.foldl' either (head types) (lib.tail types);
  coercedTo = from: convert: to: to // {
    name = "coercedTo";
    description = "${inner to} or ${inner from} convertible to it";
    check = value: to.check value || (from.check value && to.check (convert value));
    merge = path: values: to.merge path (map (value: if from.check value then convert value else value) values);
  };
  listOf = type:
    let
      self = {
        _type = "option-type";
        name = "listOf";
        description = "list of ${inner type}";
        check = isList;
        empty = [ ];
        getSubOptions = path: type.getSubOptions (path ++ [ "*" ]);
        merge = path: values: concatMap
          (value:
            if !isList value then refuse path self value
            else lib.genList (n: type.merge (path ++ [ "[definition 1-entry ${toString (n + 1)}]" ]) [ (lib.elemAt value n) ]) (length value))
          values;
      };
    in
    self;
  attrsOf = type:
    let
      self = {
        _type = "option-type";
        name = "attrsOf";
        description = "attribute set of ${inner type}";
        check = isAttrs;
        empty = { };
        getSubOptions = path: type.getSubOptions (path ++ [ "<name>" ]);
        merge = path: values:
          let
            wrong = filter (value: !isAttrs value) values;
            sets = concatMap pushDown values;
            definitions = name: concatMap discharge (concatMap (set: lib.optional (set ? ${name}) set.${name}) sets);
            names = filter (name: definitions name != [ ]) (lib.unique (concatMap lib.attrNames sets));
          in
          if wrong != [ ] then refuse path self (head wrong)
          else lib.genAttrs names (name: type.merge (path ++ [ name ]) (prefer (definitions name)));
      };
    in
    self;
  lazyAttrsOf = attrsOf;
  attrs = attrsOf anything;
  anything =
    let
      self = simple "anything" "anything" (_: true) // {
        merge = path: values:
          let first = head values; in
          if isAttrs first && !isPackage first then (attrsOf self).merge path values
          else if isList first then lib.concatLists values
          else (simple "anything" "anything" (_: true)).merge path values;
      };
    in
    self;

  submodule = modules: submoduleWith { modules = lib.toList modules; };
  submoduleWith = { modules, specialArgs ? { }, ... }:
    let
      evaluate = path: values: evalModules {
        modules = modules ++ map (value: if isFunction value || builtins.isPath value then value else { config = value; }) values;
        specialArgs = specialArgs // { name = if path == [ ] then "‹name›" else lib.last path; };
        prefix = path;
      };
    in
    {
      _type = "option-type";
      name = "submodule";
      description = "submodule";
      check = value: isAttrs value || isFunction value || builtins.isPath value;
      empty = { };
      # An option of this type has a default and definitions at the same time: both are modules.
      mergesDefault = true;
      merge = path: values: (evaluate path values).config;
      getSubOptions = path: (evaluate path [ ]).options;
    };
  deferredModule = raw;
}
