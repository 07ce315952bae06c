#!/usr/bin/env bash
# Holds the dependency tree to .deny.toml (licences, one version of each crate, sources, one crypto provider, floors) with cargo-deny, and writes
# the bill of materials of the program (CycloneDX 1.5, JSON) with cargo-cyclonedx: `tests/supply_chain.sh [--advisories] [FILE]`.
# With --advisories it also asks for known vulnerabilities, which needs a network. FILE: default target/bearergate.cdx.json. Installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

checks=(licenses bans sources)
if [[ ${1:-} == --advisories ]]; then
    checks=(advisories "${checks[@]}")
    shift
fi
bill=${1:-${CARGO_TARGET_DIR:-target}/bearergate.cdx.json}

for tool in cargo-deny cargo-cyclonedx; do
    command -v "$tool" >/dev/null || {
        echo "$tool is missing: cargo install --locked $tool" >&2
        exit 1
    }
done

cargo deny --locked --config .deny.toml check "${checks[@]}"

# It writes beside Cargo.toml, under the name it is told.
made=bearergate-bill
trap 'rm -f "$made.json"' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --override-filename "$made"
mkdir -p "$(dirname "$bill")"
# Where the checkout lies is nobody's business.
sed "s#path+file://$PWD#path+file://.#g" "$made.json" >"$bill"
printf '%s: %s components\n' "$bill" "$(grep -c '"type": "library"' "$bill")"
