#!/usr/bin/env bash
# Fails a login from a million addresses, half of them IPv6, as a trusted proxy reports them. Prints the memory in use on the way; exit code 1 when
# it grows by more than 16 MiB. Takes about 20 seconds after the release build.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --locked --release --bin bearergate --example load
release=${CARGO_TARGET_DIR:-target}/release
exec "$release/examples/load" addresses "$release/bearergate"
