# The rules of the daemon for names and keys, so that a slip is found at evaluation and named. The
# generated configuration is checked by the daemon's own code besides, when the system is built.
{ lib }:
let
  isPart = part:
    builtins.match "[A-Za-z0-9_.:][A-Za-z0-9_.:-]*" part != null
    && part != "." && part != ".." && builtins.stringLength part <= 255;
  # A pattern is a name whose last part is a star.
  stem = name: if lib.hasSuffix "/*" name then lib.removeSuffix "/*" name else name;
  directoriesOf = name:
    let parts = lib.splitString "/" name;
    in map (count: lib.concatStringsSep "/" (lib.take count parts)) (lib.range 1 (lib.length parts - 1));
in
rec {
  inherit directoriesOf;

  # Why a name is none, or null.
  nameFault = name:
    if name == "" then "it is empty"
    else if builtins.stringLength name > 1024 then "it is longer than 1024 bytes"
    else if !lib.all isPart (lib.splitString "/" (stem name)) then
      "a name has parts of A-Z a-z 0-9 _ . : - joined by /, none of them empty, `.', `..', longer than 255 bytes or beginning with -"
    else if lib.toLower (lib.head (lib.splitString "/" name)) == "_mesh" then "names that begin with `_mesh' are reserved for mesh itself"
    else null;

  # Pairs of names that cannot both be files in one directory tree.
  clashes = names:
    let
      byCase = lib.groupBy lib.toLower names;
      sameButCase = lib.concatMap
        (group: lib.optional (lib.length group > 1) "${lib.concatMapStringsSep " and " (name: "`${name}'") group} differ only in case")
        (lib.attrValues byCase);
      under = lib.concatMap
        (name: lib.concatMap
          (directory: map (other: "`${other}' would have to be a directory for `${name}'") (byCase.${lib.toLower directory} or [ ]))
          (directoriesOf name))
        names;
    in
    sameButCase ++ under;

  # An ed25519 public key: a line of OpenSSH, base64 of the 32 bytes, or PEM.
  isPublicKey = key:
    builtins.match "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}( .*)?[\n]?" key != null
    || builtins.match "[A-Za-z0-9+/]{43}=" key != null
    || builtins.match "[ \n]*-----BEGIN PUBLIC KEY-----\n.*-----END PUBLIC KEY-----[ \n]*" key != null;

  # As `systemd-escape`, for the characters that a name may have.
  escapeUnit = name:
    let escaped = builtins.replaceStrings [ "-" "/" ] [ "\\x2d" "-" ] name;
    in if lib.hasPrefix "." escaped then "\\x2e${lib.removePrefix "." escaped}" else escaped;
}
