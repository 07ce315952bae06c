#!/usr/bin/env bash
# Gets a token from `bearergate demo` with the Java program of the Get Token documentation.
#
# VietQRTokenGenerator.java is that program, letter for letter. Its copy here is changed in the URL and the credentials alone, and
# trusts the demo's CA by a trust store: the certificate and its name are verified as the payment network verifies them.
# Exit code 0 when a token is printed or there is no JDK (it says so), 1 otherwise.
set -euo pipefail

fail() {
    echo "failed: $*" >&2
    exit 1
}

for tool in javac java keytool; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: no JDK ($tool is missing)"
        exit 0
    fi
done

cd "$(dirname "$0")/../.."
work=$(mktemp -d)
demo_pid=
cleanup() {
    if [[ -n $demo_pid ]]; then
        kill "$demo_pid" 2>/dev/null || true
        wait "$demo_pid" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap cleanup EXIT

cargo build --quiet --locked
# The caller's variables are not the demo's.
unset "${!BEARERGATE_@}"
mkfifo "$work/said"
"${CARGO_TARGET_DIR:-target}/debug/bearergate" demo --listen 127.0.0.1:0 --format env >"$work/said" 2>"$work/log" &
demo_pid=$!
exec 3<"$work/said"

url='' username='' password='' ca=''
while [[ -z $url || -z $username || -z $password || -z $ca ]]; do
    IFS= read -r -t 60 line <&3 || fail "the demo did not say url=, username=, password= and ca="$'\n'"$(cat "$work/log")"
    case $line in
        url=*) url=${line#url=} ;;
        username=*) username=${line#username=} ;;
        password=*) password=${line#password=} ;;
        ca=*) ca=${line#ca=} ;;
    esac
done
# What else the demo prints is read away, so that it never waits for us.
cat <&3 >/dev/null &
exec 3<&-

basic=$(printf '%s:%s' "$username" "$password" | base64 | tr -d '\n')
sed -e "s|https://api\.vietqr\.org/vqr/api/token_generate|${url%/}/api/token_generate|" \
    -e "s|\"Basic [A-Za-z0-9+/=]*\"|\"Basic $basic\"|" \
    tests/callers/VietQRTokenGenerator.java >"$work/VietQRTokenGenerator.java"
changed=$(diff tests/callers/VietQRTokenGenerator.java "$work/VietQRTokenGenerator.java" | grep -c '^>' || true)
[[ $changed == 2 ]] || fail "the URL and the credentials were to be the only two changed lines, not $changed"

keytool -importcert -noprompt -alias bearergate-demo -file "$ca" \
    -keystore "$work/trust.p12" -storetype PKCS12 -storepass bearergate-demo 2>"$work/keytool" ||
    fail "keytool does not take $ca"$'\n'"$(cat "$work/keytool")"
javac -encoding UTF-8 -d "$work" "$work/VietQRTokenGenerator.java"

run() {
    timeout 60 java "$@" -cp "$work" VietQRTokenGenerator 2>&1
}
trusting=(-Djavax.net.ssl.trustStore="$work/trust.p12" -Djavax.net.ssl.trustStorePassword=bearergate-demo)

said=$(run "${trusting[@]}") || fail "the program ended with an error"$'\n'"$said"
token='^Response: \{"access_token":"[^".]+\.[^".]+\.[^".]+","token_type":"Bearer","expires_in":[0-9]+\}$'
[[ $said =~ $token ]] || fail "no token in what the program printed"$'\n'"$said"
echo "ok: the Java program got a token"

said=$(run) || true
[[ $said == *SSLHandshakeException* ]] || fail "without the trust store the certificate was to be refused"$'\n'"$said"
echo "ok: without the CA it refused the certificate"
