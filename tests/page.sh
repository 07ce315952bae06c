#!/usr/bin/env bash
# Tries the status page in headless Chromium: it loads, updates by itself, shows a refusal made just now, makes text of hostile names, fits a
# phone, and makes no request outside its origin. Screenshots are left in target/page. Exit code 0 when all holds or there is no Chromium (it
# says so), 1 otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [[ -z $chromium ]]; then
    echo "skipped: no Chromium (Debian: apt-get install chromium)"
    exit 0
fi
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --locked --bin bearergate --example page
rm -rf "$target/page"
mkdir -p "$target/page"
work=$(mktemp -d)
# Chromium's last helpers may still write when it has gone.
trap 'cp "$work"/*.png "$target/page" 2>/dev/null || true; rm -rf "$work" 2>/dev/null || { sleep 1; rm -rf "$work"; }' EXIT
timeout --kill-after=10 120 "$target/debug/examples/page" "$target/debug/bearergate" "$chromium" "$work"
