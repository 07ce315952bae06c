#!/usr/bin/env bash
# Moves the clock of the built program 400 s forth and back, and an hour back, while it serves (libfaketime; Debian: apt-get install libfaketime).
# Prints what becomes of each token, of a request across the jumps, and of idle connections; exit code 1 when one is judged wrongly or anything
# hangs. Takes about 15 seconds after the build. Without libfaketime it says so and passes.
set -euo pipefail
cd "$(dirname "$0")/.."
library=${LIBFAKETIME:-$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | head -1 || true)}
if [[ ! -e $library ]]; then
    echo "skipped: there is no libfaketime here; install it (Debian: apt-get install libfaketime) or name its file in LIBFAKETIME" >&2
    exit 0
fi
cargo build --quiet --locked --bin bearergate --example load
target=${CARGO_TARGET_DIR:-target}/debug
exec "$target/examples/load" clock "$target/bearergate" "$library"
