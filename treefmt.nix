# What the check `formatting` looks at: shell scripts. TypeScript is `./dev check`'s, by the version of
# Biome that package-lock.json names. `nix fmt` formats the Nix files as well (flake.nix); the check
# does not hold them to it, as no machine of ours without the binary cache can run nixfmt.
{ ... }:
{
  projectRootFile = "flake.nix";
  programs.shellcheck.enable = true;
  settings.formatter.shellcheck.includes = [ "*.sh" "dev" "bin/mesh" ".ci/run" ];
  settings.formatter.shellcheck.options = [ "--shell=bash" ];
}
