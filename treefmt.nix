# `nix fmt`, and the check `formatting`. Biome has its own configuration and decides on TypeScript.
{ ... }:
{
  projectRootFile = "flake.nix";
  programs.nixfmt.enable = true;
  programs.shellcheck.enable = true;
  programs.biome.enable = true;
  settings.formatter.biome.options = [ "--config-path=./biome.json" ];
  settings.global.excludes = [ "*.lock" "*.json" "LICENSE" "test/vectors/*" ];
}
