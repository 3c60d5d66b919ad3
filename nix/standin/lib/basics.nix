# The plain functions of nixpkgs' lib that this project uses, under the same names.
let
  inherit (builtins) attrNames concatMap elemAt filter foldl' isAttrs isList isString length listToAttrs map;
in
rec {
  inherit (builtins)
    all any attrNames attrValues concatLists concatMap concatStringsSep elem elemAt filter foldl'
    fromJSON functionArgs genList genericClosure hasAttr head intersectAttrs isAttrs isBool isFloat
    isFunction isInt isList isPath isString length listToAttrs map mapAttrs match removeAttrs
    replaceStrings sort stringLength substring tail toJSON trace;

  id = value: value;
  const = value: _: value;
  flip = f: a: b: f b a;
  pipe = foldl' (value: f: f value);
  importJSON = file: builtins.fromJSON (builtins.readFile file);
  toList = value: if isList value then value else [ value ];
  last = list: elemAt list (length list - 1);
  init = list: builtins.genList (elemAt list) (length list - 1);
  imap0 = f: list: builtins.genList (n: f n (elemAt list n)) (length list);
  range = first: last: if first > last then [ ] else builtins.genList (n: first + n) (last - first + 1);
  toInt = text: builtins.fromJSON text;
  take = count: list: builtins.genList (elemAt list) (if count < length list then count else length list);
  flatten = value: if isList value then concatMap flatten value else [ value ];
  unique = foldl' (seen: value: if builtins.elem value seen then seen else seen ++ [ value ]) [ ];
  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  optionalAttrs = condition: set: if condition then set else { };
  optionalString = condition: text: if condition then text else "";
  throwIf = condition: message: value: if condition then throw message else value;

  nameValuePair = name: value: { inherit name value; };
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  mapAttrs' = f: set: listToAttrs (mapAttrsToList f set);
  filterAttrs = keep: set: listToAttrs (filter ({ name, value }: keep name value) (mapAttrsToList nameValuePair set));
  filterAttrsRecursive = keep: set:
    builtins.mapAttrs (_: value: if isAttrs value then filterAttrsRecursive keep value else value) (filterAttrs keep set);
  concatMapAttrs = f: set: foldl' (all: name: all // f name set.${name}) { } (attrNames set);
  concatMapStringsSep = separator: f: list: builtins.concatStringsSep separator (map f list);
  concatStrings = builtins.concatStringsSep "";
  concatMapStrings = concatMapStringsSep "";
  concatLines = concatMapStrings (line: line + "\n");
  attrByPath = path: default: set:
    if path == [ ] then set
    else if isAttrs set && set ? ${builtins.head path} then attrByPath (builtins.tail path) default set.${builtins.head path}
    else default;
  getAttrFromPath = path: set: attrByPath path (throw "no ${builtins.concatStringsSep "." path}") set;
  setAttrByPath = path: value: builtins.foldl' (inner: name: { ${name} = inner; }) value (reverseList path);
  reverseList = list: builtins.genList (n: elemAt list (length list - n - 1)) (length list);
  recursiveUpdate = left: right:
    left // builtins.mapAttrs
      (name: value:
        if left ? ${name} && isAttrs left.${name} && isAttrs value then recursiveUpdate left.${name} value else value)
      right;
  groupBy = key: foldl' (groups: value: groups // { ${key value} = (groups.${key value} or [ ]) ++ [ value ]; }) { };

  hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
  hasSuffix = suffix: text:
    let cut = builtins.stringLength text - builtins.stringLength suffix;
    in cut >= 0 && builtins.substring cut (-1) text == suffix;
  hasInfix = infix: text: length (builtins.split (escapeRegex infix) text) > 1;
  removePrefix = prefix: text: if hasPrefix prefix text then builtins.substring (builtins.stringLength prefix) (-1) text else text;
  removeSuffix = suffix: text:
    if hasSuffix suffix text then builtins.substring 0 (builtins.stringLength text - builtins.stringLength suffix) text else text;
  splitString = separator: text: filter isString (builtins.split (escapeRegex separator) text);
  stringToCharacters = text: builtins.genList (n: builtins.substring n 1 text) (builtins.stringLength text);
  escape = characters: builtins.replaceStrings characters (map (c: "\\${c}") characters);
  escapeRegex = escape (stringToCharacters "\\[{()^$?*+|.");
  escapeShellArg = value:
    let text = toString value;
    in if builtins.match "[[:alnum:],._+:@%/-]+" text != null then text else "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] text}'";
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;
  stringAsChars = f: text: builtins.concatStringsSep "" (map f (stringToCharacters text));
  lowerChars = stringToCharacters "abcdefghijklmnopqrstuvwxyz";
  upperChars = stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  toLower = builtins.replaceStrings upperChars lowerChars;
  toUpper = builtins.replaceStrings lowerChars upperChars;
  boolToString = value: if value then "true" else "false";

  makeBinPath = concatMapStringsSep ":" (package: "${package}/bin");
  getExe = package: getExe' package (package.meta.mainProgram or package.pname);
  getExe' = package: name: "${package}/bin/${name}";
  getBin = id;
  isDerivation = value: isAttrs value && value.type or "" == "derivation";
  cleanSource = id;
  fetchers.proxyImpureEnvVars = [ "http_proxy" "https_proxy" "ftp_proxy" "all_proxy" "no_proxy" ];

  licenses.mit = { spdxId = "MIT"; fullName = "MIT License"; };
  platforms.linux = [ "x86_64-linux" "aarch64-linux" ];
  systems.flakeExposed = platforms.linux;
  maintainers = { };
}
