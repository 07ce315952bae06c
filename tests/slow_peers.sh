#!/usr/bin/env bash
# Times bearer traffic before, while and after 5,000 slow connections of eight kinds are open (silent, slow handshake, idle, slow head, stopped body, no
# reading, silent HTTP/2, HTTP/2 without a window), each coming again when it is cut. Prints counts, p50, p99 and the memory in use; exit code 1
# when the median p99 more than doubles. Takes about 2 minutes after the release build; the machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
ulimit -n "$(ulimit -Hn)"
(($(ulimit -n) >= 20000)) || {
    echo "failed: 20000 open files are needed, this shell may have $(ulimit -n)" >&2
    exit 1
}
cargo build --quiet --locked --release --bin bearergate --example load
release=${CARGO_TARGET_DIR:-target}/release
exec "$release/examples/load" slow "$release/bearergate"
