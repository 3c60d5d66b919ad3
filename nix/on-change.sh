# on-change.sh FILE RELOAD RESTART START: acts on the units named, once for each content of FILE.
#
# systemd's path unit says only that something happened, looks away while this runs, and also fires
# when the daemon touches a file without changing it. So what was acted on is kept by its digest, and
# compared until nothing has changed meanwhile.
set -u
file=$1 reload=$2 restart=$3 start=$4
seen=$RUNTIME_DIRECTORY/$(printf %s "$file" | sha256sum | cut -d ' ' -f 1)
status=0

# A directory, for a pattern, stands for the files that are directly in it.
digest() {
  if [ -d "$file" ]; then find "$file" -maxdepth 1 -type f -exec sha256sum {} + | sort | sha256sum
  else sha256sum <"$file" 2>/dev/null || echo absent; fi
}

while now=$(digest); [ "$now" != "$(cat "$seen" 2>/dev/null)" ]; do
  # Before acting: a change from here on is seen at the next turn.
  printf '%s\n' "$now" >"$seen"
  # Lists of units: split on purpose.
  # shellcheck disable=SC2086
  {
    [ -z "$reload" ] || systemctl try-reload-or-restart $reload || status=1
    [ -z "$restart" ] || systemctl try-restart $restart || status=1
    [ -z "$start" ] || systemctl start $start || status=1
  }
done
exit "$status"
