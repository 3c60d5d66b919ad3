# A stand-in for treefmt-nix: the options in use are looked at, nothing is formatted.
{
  inputs.nixpkgs.url = "path:..";
  outputs = { self, nixpkgs }: {
    lib.evalModule = pkgs: module:
      let
        inherit (nixpkgs) lib;
        sink = lib.mkOption { type = lib.types.attrsOf lib.types.anything; default = { }; };
        declared = {
          options = {
            projectRootFile = lib.mkOption { type = lib.types.str; };
            programs = sink;
            settings = sink;
          };
        };
        evaluated = lib.evalModules { modules = [ declared module ]; specialArgs = { inherit pkgs; }; };
        found = builtins.deepSeq evaluated.config.programs (builtins.toJSON evaluated.config.settings);
      in
      evaluated // {
        config = evaluated.config // {
          build = {
            wrapper = pkgs.runCommand "treefmt" { inherit found; } "mkdir -p $out/bin";
            check = _: pkgs.runCommand "treefmt-check" { inherit found; } "touch $out";
          };
        };
      };
  };
}
