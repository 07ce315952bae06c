#!/usr/bin/env bash
# Restarts two gates one after the other under load, as containers on one Docker network behind HAProxy, with the drain settings of the manifests:
# `bearergate drain` as a preStop hook, then SIGTERM, then a new container. Prints the counts; exit code 0 when no payment failed, was lost or
# was doubled, and tokens of each gate are good at the other. Takes about a minute. The image must be built (deploy/check.sh image).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=deploy/checks/docker.sh
source deploy/checks/docker.sh

name=bearergate-rolling
# As in the manifests; tests/it/deploy.rs holds these to them.
drain_delay=5s
drain_timeout=30s
grace=45

say() {
    echo "[${SECONDS}s] $*"
}

fail() {
    echo "failed: $*" >&2
    exit 1
}

lack=$(docker_lacks)
[[ -z $lack ]] || fail "$lack"
docker image inspect "$image" >/dev/null 2>&1 || fail "there is no image $image; deploy/check.sh image builds it"
haproxy=$(stand_in haproxy:2.8) || fail "no HAProxy"

work=$(mktemp -d)
payments=
cleanup() {
    [[ -z $payments ]] || kill "$payments" 2>/dev/null || true
    docker rm --force "$name-1" "$name-2" "$name-haproxy" >/dev/null 2>&1 || true
    docker network rm "$name" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

cargo build --quiet --locked --example load
load=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/examples/load
SECONDS=0

# Waits until a command succeeds.
wait_for() { # WHAT COMMAND...
    local what=$1 end=$((SECONDS + 30))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "$what: not within 30 seconds"
        sleep 0.2
    done
}

logged() { # CONTAINER OUTCOME
    docker logs "$1" 2>/dev/null | grep -c "\"outcome\":\"$2\"" || true
}

has_delivered() { # CONTAINER COUNT
    (($(logged "$1" delivered) >= $2))
}

is_healthy() { # CONTAINER
    [[ $(docker inspect --format '{{.State.Health.Status}}' "$1") == healthy ]]
}

start_gate() { # NUMBER
    docker run --detach --name "$name-$1" --network "$name" --network-alias "gate-$1" --ulimit nofile=4096:4096 --read-only --cap-drop ALL \
        --security-opt no-new-privileges:true --memory 64m --volume "$work/secrets:/run/secrets:ro" \
        --env "BEARERGATE_UPSTREAM_URL=$upstream" --env BEARERGATE_ADMIN_LISTEN=0.0.0.0:9090 \
        --env BEARERGATE_TLS_CERT_FILE=/run/secrets/tls.crt --env BEARERGATE_TLS_KEY_FILE=/run/secrets/tls.key \
        --env BEARERGATE_CLIENTS_FILE=/run/secrets/clients.json --env BEARERGATE_TOKEN_KEY_FILE=/run/secrets/token.key \
        --env "BEARERGATE_DRAIN_DELAY=$drain_delay" --env "BEARERGATE_DRAIN_TIMEOUT=$drain_timeout" "$image" >/dev/null
}

address() { # CONTAINER
    docker inspect --format "{{(index .NetworkSettings.Networks \"$name\").IPAddress}}" "$1"
}

# --- a network, one key, one client, one certificate
docker network create "$name" >/dev/null
gateway=$(docker network inspect --format '{{(index .IPAM.Config 0).Gateway}}' "$name")
"$load" certificates "$work/certificates"
mkdir "$work/secrets"
cp "$work"/certificates/1/tls.* "$work/secrets/"
docker run --rm "$image" new-key >"$work/secrets/token.key" 2>/dev/null
docker run --rm "$image" new-client vietqr-live >"$work/client" 2>/dev/null
grep -E '^(username|password)=' "$work/client" >"$work/network"
printf '{"clients":[%s]}\n' "$(tail -1 "$work/client")" >"$work/secrets/clients.json"
chown -R :65532 "$work/secrets"
chmod 0750 "$work/secrets" && chmod 0640 "$work"/secrets/*
chmod 0711 "$work"

# --- the API, and the network's side of the payments
mkfifo "$work/said" "$work/told"
"$load" payments --ca "$work/certificates/ca.pem" --credentials "$work/network" --upstream "$gateway:0" --upstream-ms 200 \
    <"$work/told" >"$work/said" 2>"$work/payments.err" &
payments=$!
exec 4>"$work/told" 3<"$work/said"
IFS= read -r -t 15 upstream <&3 || fail "the payments did not begin"
upstream=${upstream#upstream=}

# --- two gates, and HAProxy before them, which asks who is ready
start_gate 1
start_gate 2
cat >"$work/haproxy.cfg" <<CONFIG
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
resolvers docker
    nameserver dns 127.0.0.11:53
    hold valid 1s
frontend payments
    bind :8443
    default_backend gates
backend gates
    balance roundrobin
    option redispatch 1
    option httpchk GET /readyz
    default-server check port 9090 inter 500ms fall 2 rise 2 resolvers docker init-addr libc,none
    server one gate-1:8443
    server two gate-2:8443
CONFIG
chmod 0644 "$work/haproxy.cfg"
docker run --detach --name "$name-haproxy" --network "$name" --ulimit nofile=4096:4096 --volume "$work/haproxy.cfg:/haproxy.cfg:ro" \
    "$haproxy" haproxy -db -f /haproxy.cfg >/dev/null
wait_for "gate 1 is healthy" is_healthy "$name-1"
wait_for "gate 2 is healthy" is_healthy "$name-2"

# --- a token of each is good at the other
password=$(sed -n 's/^password=//p' "$work/network")
crossed=0
for pair in "1 2" "2 1"; do
    read -r from to <<<"$pair"
    call=(curl --silent --cacert "$work/certificates/ca.pem" --max-time 10)
    token=$("${call[@]}" --connect-to "localhost:8443:$(address "$name-$from"):8443" --user "vietqr-live:$password" --request POST \
        https://localhost:8443/api/token_generate | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
    status=$("${call[@]}" --connect-to "localhost:8443:$(address "$name-$to"):8443" --header "Authorization: Bearer $token" \
        --json "{\"transactionid\":\"of $from at $to\"}" --output /dev/null --write-out '%{http_code}' \
        https://localhost:8443/bank/api/transaction-sync)
    say "a token of gate $from at gate $to: $status"
    [[ $status != 200 ]] || crossed=$((crossed + 1))
done

# --- under load, one after the other
echo "instances $(address "$name-haproxy"):8443" >&4
wait_for "gate 1 delivers" has_delivered "$name-1" 20
wait_for "gate 2 delivers" has_delivered "$name-2" 20
stopped_well=0
for number in 1 2; do
    gate=$name-$number
    began=$SECONDS
    docker exec "$gate" /usr/local/bin/bearergate drain
    drained=$((SECONDS - began))
    docker stop --time "$grace" "$gate" >/dev/null
    code=$(docker inspect --format '{{.State.ExitCode}}' "$gate")
    say "gate $number: drained after ${drained}s, ended after $((SECONDS - began))s with $code," \
        "tokens $(logged "$gate" token_issued), deliveries $(logged "$gate" delivered)"
    [[ $code != 0 ]] || stopped_well=$((stopped_well + 1))
    docker rm "$gate" >/dev/null
    start_gate "$number"
    wait_for "gate $number is healthy again" is_healthy "$gate"
    wait_for "gate $number delivers again" has_delivered "$gate" 20
    say "gate $number is back and delivers"
done

exec 4>&-
good=0
wait "$payments" || good=1
payments=
# The two above are delivered besides those that were sent.
cat <&3
cat "$work/payments.err" >&2
say "gates that ended with 0: $stopped_well of 2; tokens good at the other gate: $crossed of 2"
((good == 0 && stopped_well == 2 && crossed == 2))
