#!/usr/bin/env bash
# Checks deploy/kustomize and deploy/helm on a machine without a cluster: deploy/check-kubernetes.sh
# One line a check, exit code 1 when one fails, 2 when something to check with is missing. It installs nothing.
#   PYTHON      a Python with the packages below (default: python3)
#   KUBECTL     one kubectl, or several with blanks between, which must build the same (default: kubectl)
#   BEARERGATE  the program (default: target/release/bearergate, else target/debug/bearergate)
set -euo pipefail
cd "$(dirname "$0")/.."

missing() {
    echo "check-kubernetes: $1" >&2
    exit 2
}

python=${PYTHON:-python3}
"$python" -c 'import helm_python, kubernetes_validate, yaml' 2>/dev/null || missing "$python lacks packages; make a place for them and name it:
    python3 -m venv target/checks && target/checks/bin/pip install kubernetes-validate helm-python-sdk pyyaml
    PYTHON=target/checks/bin/python $0"
for each in ${KUBECTL:-kubectl}; do
    command -v "$each" >/dev/null || missing "$each is not there: install kubectl, or name one in KUBECTL"
done
command -v openssl >/dev/null || missing "openssl is not there"
program=${BEARERGATE:-}
for each in target/release/bearergate target/debug/bearergate; do
    [[ -n $program || ! -x $each ]] || program=$each
done
[[ -x $program ]] || missing "the program is not built: cargo build, or name it in BEARERGATE"

# What Helm says about links in the chart is known, and on standard error.
PYTHONDONTWRITEBYTECODE=1 exec "$python" deploy/checks/kubernetes.py "$(realpath "$program")" 2> >(grep -v 'found symbolic link in path' >&2)
