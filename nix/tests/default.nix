# Every test by its name: `nix build .#checks.x86_64-linux.three-nodes` runs one in VMs, and
# `nix/ci/run three-nodes` the same one in containers.
{ pkgs, mesh }:
let
  common = import ./lib.nix { inherit pkgs mesh; };
  tests = [
    "certificates"
    "consumers"
    "expiry"
    "hardening"
    "late-join"
    "limits"
    "namespaces"
    "partition"
    "psk"
    "refusals"
    "reload"
    "restarts"
    "secrets"
    "skewed-clock"
    "ten-nodes"
    "three-nodes"
    "threshold"
    "tombstone"
    "trees"
    "upgrade"
  ];
in
common.lib.genAttrs tests (name: common.test name (import (./. + "/${name}.nix") common))
