# shellcheck shell=bash
# What the stand-ins for ssh, scp and systemctl share. A machine is a directory of $MESH_FLEET: `etc` is its
# /etc/mesh, `state` its /var/lib/mesh. $MESH_FLEET/ports has a line for each: name, port for daemons, port for HTTP.
set -euo pipefail

has_machine() { [ -d "$MESH_FLEET/$1" ]; }

# A text about a machine's own paths, as one about its directory.
translate() { # MACHINE TEXT
  local at=$MESH_FLEET/$1 text=$2
  text=${text//\/etc\/mesh/$at/etc}
  text=${text//\/var\/lib\/mesh/$at/state}
  printf '%s' "${text//\/run\/mesh/$at}"
}

# The machine's dm.toml, or another configuration there, with its directory and ports in it, as all machines here
# are one.
render() { # MACHINE [FILE]
  local at=$MESH_FLEET/$1 file=${2:-dm.toml} name cluster http rules=() own=()
  [ -f "$at/etc/$file" ] || return 0
  while read -r name cluster http; do
    rules+=(-e "s|/dns/$name\.example/tcp/7946|/ip4/127.0.0.1/tcp/$cluster|")
    [ "$name" = "$1" ] || continue
    own=(
      -e "s|/etc/mesh|$at/etc|g"
      -e "s|^\[cluster\]|&\nlisten = [\"/ip4/127.0.0.1/tcp/$cluster\"]\npush_pull_interval = \"2s\"|"
      -e "s|^\[files\]|[http]\nport = $http\nsocket = \"$at/mesh.sock\"\n&|"
      -e "1i state_dir = \"$at/state\""
    )
  done <"$MESH_FLEET/ports"
  sed "${rules[@]}" "${own[@]}" "$at/etc/$file" >"$at/$file.new"
  mv "$at/$file.new" "$at/$file"
}

# Until a command succeeds; a minute on a quiet machine is an eternity.
until_true() { # WHAT COMMAND...
  local what=$1 tries
  shift
  for ((tries = 0; tries < 600; tries++)); do
    if "$@"; then return 0; fi
    sleep 0.1
  done
  echo "gave up waiting until $what" >&2
  return 1
}
