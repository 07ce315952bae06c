#!/usr/bin/env bash
# Measures whether known and unknown users can be told apart by time (tests/it/timing.rs), on a machine that has nothing else to do:
# `tests/timing.sh`. Half a minute after the build; a number of its own for each pair of logins, and 1 when any lie 5 % apart.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo test --release --test it -- timing:: --ignored --nocapture --test-threads=1
