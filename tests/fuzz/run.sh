#!/usr/bin/env bash
# Runs every fuzz target for so many seconds each, 600 without an argument, and prints how many inputs each has tried:
#     tests/fuzz/run.sh [SECONDS] [TARGET...]
# Needs a nightly toolchain, a C++ compiler and cargo-fuzz (`cargo install cargo-fuzz --locked`). Ends with 1 when a target found
# something; the input is then under tests/fuzz/artifacts, and belongs under tests/fuzz/seeds once it is mended.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-600}
[[ $# -eq 0 ]] || shift
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
    for file in tests/fuzz/targets/*.rs; do
        targets+=("$(basename "$file" .rs)")
    done
fi

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
cargo +nightly fuzz build --fuzz-dir tests/fuzz

status=0
for target in "${targets[@]}"; do
    corpus=tests/fuzz/corpus/$target
    mkdir -p "$corpus"
    found=nothing
    cargo +nightly fuzz run --fuzz-dir tests/fuzz "$target" "$corpus" "tests/fuzz/seeds/$target" -- \
        -dict=tests/fuzz/words.dict -max_total_time="$seconds" -max_len=2048 -timeout=25 -print_final_stats=1 \
        >"$logs/$target" 2>&1 || found=something
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$target")
    printf '%-16s %12s executions in %s s, found %s\n' "$target" "${executions:-no}" "$seconds" "$found"
    if [[ $found == something ]]; then
        status=1
        tail -n 40 "$logs/$target"
    fi
done
exit "$status"
