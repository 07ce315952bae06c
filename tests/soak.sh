#!/usr/bin/env bash
# Payments for some minutes (30 unless told otherwise) while everything fails: the upstream closes, hangs, breaks off and is restarted, files are
# changed and broken, slow callers, bad requests, wrong logins and uploads that break off come in between. Each payment is tried again as the
# network does, in fast motion. Prints every minute the memory, descriptors and counts; exit code 1 when memory has grown by more than 10 % since
# minute 5 (with fewer than ten minutes: since the middle), a descriptor is left open, or a payment was sent twice by us, lost, or not answered.
#     tests/soak.sh [minutes]
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --locked --release --bin bearergate --example load
release=${CARGO_TARGET_DIR:-target}/release
exec "$release/examples/load" soak "$release/bearergate" "${1:-30}"
