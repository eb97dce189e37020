#!/bin/sh
# Restarts the nodes of a server one after the other, each when the one before is ready again. See docs/deploying.md.
#   rolling-restart.sh a.example.org b.example.org c.example.org
# UNIT is the unit there, READY where a node says that it is ready, WAIT the seconds that it may take.
set -eu
unit=${UNIT:-chatosbot-server}
ready=${READY:-http://127.0.0.1:7780/readyz}
limit=${WAIT:-60}

# curl runs on the node: its status endpoint need not be reachable from elsewhere.
is_ready() {
  ssh -- "$1" "curl --silent --show-error --fail --output /dev/null --max-time 5 $2 $ready"
}

for node in "$@"; do
  is_ready "$node" '' || { echo "$node is not ready: nothing was restarted" >&2; exit 1; }
done
for node in "$@"; do
  echo "$node: restarting"
  ssh -- "$node" "sudo systemctl restart $unit"
  is_ready "$node" "--retry $limit --retry-delay 1 --retry-max-time $limit --retry-all-errors" || {
    echo "$node is not ready after $limit s: the nodes behind it were not restarted" >&2
    exit 1
  }
  echo "$node: ready"
done
