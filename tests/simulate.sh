#!/usr/bin/env bash
# The network at 200 payments a second for a minute, twice, against `run` with the sample upstream behind it: once undisturbed, and once with the
# upstream killed for 5 seconds in the middle. Prints what `simulate` prints; exit code 0 when the first loses and doubles nothing and the second
# loses nothing. Bookings that the killed upstream could no longer answer for are made again: the second prints how many.
#     tests/simulate.sh [seconds of each, 60]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
cargo build --quiet --locked --release --bin bearergate
bearergate=$(realpath "${CARGO_TARGET_DIR:-target}")/release/bearergate
# The caller's variables are not those of the gate.
unset "${!BEARERGATE_@}"

work=$(mktemp -d)
gate=
upstream=
cleanup() {
    for pid in $gate $upstream; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work"

fail() {
    echo "failed: $*" >&2
    exit 1
}

wait_for() { # FILE PATTERN
    for _ in $(seq 100); do
        if grep -q -- "$2" "$1" 2>/dev/null; then return; fi
        sleep 0.1
    done
    fail "no $2 in $1"$'\n'"$(tail -5 "$1")"
}

start_upstream() { # ADDRESS
    : >upstream.log
    "$bearergate" demo --only-upstream "$1" --ledger ledger >upstream.log 2>&1 &
    upstream=$!
    wait_for upstream.log 'the sample upstream is at'
}
start_upstream 127.0.0.1:0
address=$(grep -o 'http://[0-9.:]*' upstream.log | cut -d/ -f3)

"$bearergate" init gate --upstream "http://$address" >credentials 2>/dev/null
# simulate may ask what was booked.
sed -i 's|"POST /bank/api/transaction-sync"|&, "GET /counts"|' gate/secret/clients.json
(
    set -a
    . gate/env
    BEARERGATE_LISTEN=127.0.0.1:0 BEARERGATE_ADMIN_LISTEN=off BEARERGATE_DRAIN_DELAY=0s exec "$bearergate" run
) >gate.log 2>gate.err &
gate=$!
wait_for gate.log '"message":"serving"'
url=https://localhost:$(grep -o '"address":"[^"]*"' gate.log | grep -o '[0-9]*"$' | tr -d '"')

play() {
    SIMULATE_PASSWORD=$(grep ^password= credentials | cut -d= -f2-) "$bearergate" simulate "$url" --username vietqr-live \
        --ca-file gate/tls/ca.pem --rate 200/s --for "${seconds}s"
}
count() { # NAME FILE
    grep -E "^$1 " "$2" | grep -oE '[0-9]+' | head -1
}

echo "== undisturbed"
play | tee first || fail "a payment was lost or doubled"
[[ $(count done first) == "$(count sent first)" && $(count doubled first) == 0 ]] || fail "not every payment was done, once"

echo
echo "== with the upstream killed for 5 s in the middle"
(
    sleep $((seconds / 2))
    kill -9 "$upstream"
) &
killer=$!
(
    sleep $((seconds / 2 + 5))
    echo go
) >again &
again=$!
play >second &
playing=$!
wait "$killer"
wait "$upstream" 2>/dev/null || true
wait "$again"
start_upstream "$address"
# Exit code 1 is also that of a payment that was booked, not answered for, and booked again.
wait "$playing" || true
cat second
[[ $(count lost second) == 0 && $(count final second) == 0 && $(count done second) == "$(count sent second)" ]] || fail "a payment was lost"
(($(count retried second) > 0)) || fail "the upstream was not down"
echo
echo "none lost"
