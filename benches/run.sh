#!/usr/bin/env bash
# Measures bearergate beside its peers; benches/README.md says what and why. Installs nothing, needs two cores, takes under six minutes
# after the build. The whole run (no arguments) writes RESULTS.md and results.svg; parts of it only print:
#     benches/run.sh --suite keepalive,newconn --rounds 3 --only bearergate,haproxy
#     benches/run.sh --help
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
need() {
    command -v "$1" >/dev/null || missing+=("$1: $2")
}
# They are at home where only root's PATH leads.
PATH=$PATH:/usr/sbin:/sbin
need cargo "Rust, see README.md"
need taskset "apt-get install util-linux"
need haproxy "apt-get install haproxy"
need nginx "apt-get install nginx-light"
need node "Node 20 or newer"
[[ -d benches/node/node_modules/express ]] || missing+=("the Node gateway's packages: (cd benches/node && npm ci)")
[[ " $* " != *crosscheck* ]] || need wrk "apt-get install wrk"
[[ " $* " != *crosscheck* ]] || need h2load "apt-get install nghttp2-client"
cores=()
for part in $(taskset -cp $$ | sed 's/.*: //; s/,/ /g'); do
    cores+=($(seq "${part%-*}" "${part#*-}"))
done
((${#cores[@]} >= 2)) || missing+=("a second core: peers and callers must not share one")
# 5,000 connections, and as many behind each.
ulimit -n "$(ulimit -Hn)"
[[ $(ulimit -n) == unlimited ]] || (($(ulimit -n) >= 13000)) || missing+=("13000 descriptors: ulimit -n")
if ((${#missing[@]})); then
    printf 'missing: %s\n' "${missing[@]}" >&2
    exit 1
fi

cargo build --quiet --locked --release --bin bearergate --example bench
release=$(realpath "${CARGO_TARGET_DIR:-target}/release")

work=$(mktemp -d)
driver=
# Every process group that the driver has started has a file of its number there, as long as it lives.
end_all() {
    [[ -z $driver ]] || kill -KILL "$driver" 2>/dev/null || true
    for group in "$work"/groups/*; do
        [[ ! -e $group ]] || kill -KILL -- "-${group##*/}" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap end_all EXIT
trap 'exit 130' INT TERM HUP

taskset -c "${cores[1]}" "$release/examples/bench" --program "$release/bearergate" --benches "$PWD/benches" --work "$work" \
    --core "${cores[0]}" "$@" &
driver=$!
wait "$driver" && code=0 || code=$?
driver=
exit "$code"
