#!/usr/bin/env bash
# Ray 2.60.0, Linux, Python 3.11: a token file decides for `ray start`, and not for `ray job submit`.
#
# With RAY_AUTH_MODE unset and a token in ~/.ray/auth_token, `ray start --head` starts a cluster that asks for that
# token. `ray job submit` of the same user, in the same shell, with the same file, does not show it and ends with
# AuthenticationError (HTTP 401). With RAY_AUTH_MODE=token it does. One meets it without ever having made a token: a
# plain ray.init() puts the file there, so the same two commands work before the first ray.init() and fail after it.
#
# Seen:
#   start: Token authentication is enabled for this Ray cluster.
#   submit, RAY_AUTH_MODE unset: exit 1, Authentication required: Unauthorized: Missing authentication token
#   submit, RAY_AUTH_MODE=token: exit 0
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/ray-token-XXXX)
head=
trap '[ -z "$head" ] || { kill "$head"; wait "$head" 2>/dev/null || true; }; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'ray[default]==2.60.0'
export HOME=$folder PATH=$folder/env/bin:$PATH
unset RAY_AUTH_MODE RAY_AUTH_TOKEN RAY_AUTH_TOKEN_PATH RAY_ADDRESS

ports=($(python -c '
import socket
probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*[probe.getsockname()[1] for probe in probes])'))
python -c 'import ray, sys; ray.init(address="local", num_cpus=1, include_dashboard=False, _temp_dir=sys.argv[1])' \
  "$folder/ray" >/dev/null 2>&1
[ -s "$HOME/.ray/auth_token" ] || { echo 'changed: ray.init() puts no token into ~/.ray'; exit 1; }
ray start --head --block --disable-usage-stats --num-cpus 1 --node-ip-address 127.0.0.1 --port "${ports[0]}" \
  --dashboard-port "${ports[1]}" --ray-client-server-port "${ports[2]}" --dashboard-agent-listen-port "${ports[3]}" \
  --object-store-memory 100000000 --temp-dir "$folder/ray" >"$folder/start" 2>&1 &
head=$!
address=http://127.0.0.1:${ports[1]}
for _ in $(seq 240); do
  python -c '
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1] + "/api/jobs/", timeout=5)
except urllib.error.HTTPError:
    pass' "$address" 2>/dev/null && break
  kill -0 "$head"
  sleep 0.5
done
grep -o 'Token authentication is enabled for this Ray cluster' "$folder/start"

submit() { ray job submit --address "$address" -- python -c 'print("ran")' >"$folder/submit" 2>&1; }
if submit; then echo 'changed: the job was taken without RAY_AUTH_MODE'; exit 1; fi
grep -o 'Missing authentication token' "$folder/submit"
RAY_AUTH_MODE=token submit || { echo 'changed: the job was refused with RAY_AUTH_MODE=token'; tail -5 "$folder/submit"; exit 1; }
echo 'as described: the token file turns authentication on for the cluster, not for the client'
