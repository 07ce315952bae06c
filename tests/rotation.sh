#!/usr/bin/env bash
# Rotates password, signing key and certificate of two running instances that share the files, by the steps of the README, while payments go on:
# each is a new TLS connection and a token from one instance, a new TLS connection and the delivery at the other. Prints the counts; exit code 0
# when none failed, was lost or was doubled, 1 otherwise. Takes about a minute, most of it the life of a token.
set -euo pipefail

settle=4
ttl=30

say() {
    echo "[${SECONDS}s] $*"
}

fail() {
    echo "failed: $*" >&2
    exit 1
}

cd "$(dirname "$0")/.."
work=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT

cargo build --quiet --locked --bin bearergate --example load
target=$(realpath "${CARGO_TARGET_DIR:-target}")/debug
bearergate=$target/bearergate
load=$target/examples/load
# The caller's variables are not those of the instances.
unset "${!BEARERGATE_@}"
cd "$work"
SECONDS=0

# Waits until a file has at least so many lines that fit.
wait_for() { # FILE COUNT PATTERN
    local end=$((SECONDS + 15))
    until (($(grep -c -- "$3" "$1" || true) >= $2)); do
        ((SECONDS < end)) || fail "no $3 in $1"$'\n'"$(grep -v '"message":"request"' "$1" | tail -5)"
        sleep 0.1
    done
}

both_reloaded() { # WHAT COUNT
    wait_for one.log "$2" "\"message\":\"reloaded\",\"what\":\"$1\""
    wait_for two.log "$2" "\"message\":\"reloaded\",\"what\":\"$1\""
    say "both instances have reloaded: $1"
}

# How many of an instance's last 40 tokens were asked for with the client's first password.
recent_first() { # FILE
    grep '"outcome":"token_issued"' "$1" | tail -40 | grep -c '"password":0' || true
}

# --- before: one client, one key, one certificate
"$load" certificates certificates
mkdir tls keys
cp certificates/1/tls.crt certificates/1/tls.key tls/
"$bearergate" new-key >keys/2026-10-01 2>/dev/null
"$bearergate" new-client vietqr-live >new-client 2>/dev/null
first=$(grep -o 'sha256:[0-9a-f]*' new-client | head -1)
grep -E '^(username|password)=' new-client >network

clients() { # the password lines
    local list
    list=$(printf '"%s",' "$@")
    printf '{"clients":[{"name":"vietqr","username":"vietqr-live","passwords":[%s]}]}\n' "${list%,}"
}
clients "$first" >clients.json

mkfifo said told
"$load" payments --ca certificates/ca.pem --credentials network <told >said 2>payments.err &
payments=$!
pids+=("$payments")
exec 4>told 3<said
IFS= read -r -t 15 upstream <&3 || fail "the payments did not begin"

start() { # NAME
    BEARERGATE_UPSTREAM_URL=${upstream#upstream=} BEARERGATE_LISTEN=127.0.0.1:0 BEARERGATE_ADMIN_LISTEN=off BEARERGATE_LOG_FORMAT=json \
        BEARERGATE_TLS_CERT_FILE=tls/tls.crt BEARERGATE_TLS_KEY_FILE=tls/tls.key BEARERGATE_CLIENTS_FILE=clients.json \
        BEARERGATE_TOKEN_KEYS_DIR=keys BEARERGATE_TOKEN_AUDIENCE=pay.example.com \
        BEARERGATE_TOKEN_KEY_SETTLE=${settle}s BEARERGATE_TOKEN_TTL=${ttl}s "$bearergate" >"$1.log" 2>"$1.err" 3<&- 4>&- &
    pids+=($!)
    wait_for "$1.log" 1 '"message":"serving"'
}
start one
start two
address() { # NAME
    grep -o '"address":"[^"]*"' "$1.log" | cut -d'"' -f4
}
echo "instances $(address one) $(address two)" >&4
wait_for one.log 20 '"outcome":"delivered"'
wait_for two.log 20 '"outcome":"delivered"'
say "payments go on through $(address one) and $(address two)"

# --- the password
"$bearergate" new-client vietqr-live >new-client 2>/dev/null
second=$(grep -o 'sha256:[0-9a-f]*' new-client | head -1)
clients "$first" "$second" >clients.new && mv clients.new clients.json
both_reloaded clients 1
grep -E '^(username|password)=' new-client >network.new && mv network.new network
say "the network has the second password"
end=$((SECONDS + 15))
until [[ $(recent_first one.log) == 0 && $(recent_first two.log) == 0 ]]; do
    ((SECONDS < end)) || fail "the first password is still used"
    sleep 0.2
done
say "only \"password\":1 comes"
clients "$second" >clients.new && mv clients.new clients.json
both_reloaded clients 2

# --- the key
"$bearergate" new-key >key.new 2>/dev/null && mv key.new keys/2026-11-01
both_reloaded keys 1
sleep $((settle + 1))
say "the new key has settled and signs"
sleep $((ttl + 1))
rm keys/2026-10-01
both_reloaded keys 2

# --- the certificate
for file in tls.crt tls.key; do
    cp "certificates/2/$file" "$file.new" && mv "$file.new" "tls/$file"
done
both_reloaded certificate 1

# --- and some more payments with all of it
lines=$(grep -c '"outcome":"delivered"' one.log)
wait_for one.log $((lines + 40)) '"outcome":"delivered"'
exec 4>&-
end=$((SECONDS + 15))
while kill -0 "$payments" 2>/dev/null; do
    ((SECONDS < end)) || fail "the payments do not end"
    sleep 0.1
done
good=0
wait "$payments" || good=1
cat <&3
cat payments.err >&2
say "done"
exit "$good"
