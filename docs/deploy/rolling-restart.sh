#!/bin/sh
# Restarts the nodes of a server one after the other, each when the one before is ready again, and has its links to the
# other nodes of its cluster, if it is in one. See docs/deploying.md.
#   rolling-restart.sh a.example.org b.example.org c.example.org
# UNIT is the unit there, READY where a node says that it is ready, WAIT the seconds that it may take.
set -eu
unit=${UNIT:-chatosbot-server}
ready=${READY:-http://127.0.0.1:7780/readyz}
limit=${WAIT:-60}

if [ $# -eq 0 ]; then
  echo "usage: [UNIT=unit] [READY=url] [WAIT=seconds] rolling-restart.sh NODE…" >&2
  exit 2
fi

# Prints why a node is not ready; nothing where it is. curl runs on the node: its status endpoint need not be reachable
# from elsewhere.
problem_of() {
  answer=$(ssh -- "$1" "curl --silent --show-error --max-time 5 --write-out '\n%{http_code}\n' $ready" 2>&1) || :
  case $answer in
    *200) printf '%s\n' "$answer" | awk '
      / other nodes?(,|$)/ { others = $1; line = $0 }
      / links? up/ { up = $1; links = $3 }
      END { if (up != links || links < others) printf "%s; %d of its %d links are up\n", line, up, links }' ;;
    *) printf '%s\n' "$answer" | grep -Ev '^([0-9]{3})?$' || echo "$ready gives no answer" ;;
  esac
}

# Waits until a node is ready, or for so many seconds: then, it fails.
await_ready() {
  end=$(($(date +%s) + $2))
  while problem=$(problem_of "$1"); [ -n "$problem" ]; do
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 1
  done
}

for node in "$@"; do
  await_ready "$node" 0 || { printf '%s\n' "$node is not ready: nothing was restarted" "$problem" >&2; exit 1; }
done
for node in "$@"; do
  echo "$node: restarting"
  ssh -- "$node" "sudo systemctl restart $unit"
  await_ready "$node" "$limit" || {
    printf '%s\n' "$node is not ready after $limit s: the nodes behind it were not restarted" "$problem" >&2
    exit 1
  }
  echo "$node: ready"
done
