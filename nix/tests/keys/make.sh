#!/usr/bin/env bash
# Makes the keys of this directory again. They are TEST-ONLY: their private parts are public.
# Needs `mesh` and `ssh-keygen` in PATH: ./dev run env PATH="$PWD/bin:$PATH" nix/tests/keys/make.sh
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

note="test-only, its private part is public"
signing() { mesh generate signing-key --force --output "$1.key" --comment "$1 ($note)"; }

mesh generate psk --force --output network.psk
mesh generate psk --force --output other.psk
mesh generate network-key --force --output network.key --comment "network ($note)"
for name in alice bob carol mallory; do signing "$name"; done
for name in alpha beta gamma delta epsilon zeta eta theta iota kappa; do
  mesh generate identity-key --force --output "$name.key" --comment "$name ($note)"
  mesh peer id --key "$name.key.pub" >"$name.id"
  rm "$name.key.pub"
done
