#!/usr/bin/env bash
# Checks what is in this folder by using it: `deploy/check.sh [--start-dockerd] [image] [compose] [rolling] [systemd] [monitoring] [kubernetes]`,
# all of them without a name. One line for each check, with its figure: `ok`, `FAILED`, or `left out` with what this machine lacks for it. Ends with
# 1 when one has failed. Needs nothing but loopback and a Docker network of its own; a daemon is started only when asked for, and stopped again.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=deploy/checks/docker.sh
source deploy/checks/docker.sh
# shellcheck source=deploy/checks/systemd.sh
source deploy/checks/systemd.sh

work=$(mktemp -d)
dockerd=
containers=()
composed=
failed=0
left_out=0

cleanup() {
    if [[ -n $composed ]]; then
        compose down --volumes --timeout 45 >/dev/null 2>&1 || true
    fi
    if ((${#containers[@]})); then
        docker rm --force "${containers[@]}" >/dev/null 2>&1 || true
    fi
    if [[ -n $dockerd ]]; then
        kill "$dockerd" && wait "$dockerd" || true
    fi
    rm -rf "$work"
}
trap cleanup EXIT

ok() {
    printf 'ok        %s\n' "$*"
}

bad() {
    printf 'FAILED    %s\n' "$*"
    failed=$((failed + 1))
}

lacks() {
    printf 'left out  %s\n' "$*"
    left_out=$((left_out + 1))
}

# Runs a command and says how it went; its own words follow when it failed.
check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        ok "$what"
    else
        bad "$what"
        sed 's/^/          /' "$work/said"
    fi
}

# Waits up to 30 seconds until a command succeeds.
within() { # COMMAND...
    for _ in $(seq 60); do
        if "$@" >/dev/null 2>&1; then
            return
        fi
        sleep 0.5
    done
    return 1
}

is() { # WHAT EXPECTED ACTUAL
    if [[ $3 == "$2" ]]; then ok "$1: $3"; else bad "$1: $3 instead of $2"; fi
}

run() { # NAME ARGUMENTS...
    local name=$1
    shift
    docker rm --force "$name" >/dev/null 2>&1 || true
    containers+=("$name")
    docker run --detach --name "$name" --ulimit nofile=4096:4096 "$@" >/dev/null
}

health() { # NAME
    docker inspect --format '{{.State.Health.Status}}' "$1"
}

is_healthy() {
    [[ $(health "$1") == healthy ]]
}

# The status of a call, and what it said in the file `answer`.
call() { # URL CURL-ARGUMENTS...
    local url=$1
    shift
    curl --insecure --silent --show-error --max-time 10 --output "$work/answer" --write-out '%{http_code}' "$@" "$url" || true
}

token() { # URL USER:PASSWORD
    call "$1/api/token_generate" --request POST --user "$2" >/dev/null
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p' "$work/answer"
}

deliver() { # URL CURL-ARGUMENTS...
    local url=$1
    shift
    call "$url/bank/api/transaction-sync" --header 'Content-Type: application/json' \
        --data '{"amount":1000,"transactionid":"T1","referencenumber":"FT1"}' "$@"
}

# A token, a delivery with it, a delivery without.
check_gate() { # WHAT URL USER:PASSWORD
    check_gate_below "$1" "$2" "" "$3"
}

check_gate_below() { # WHAT URL BASE-PATH USER:PASSWORD
    local token
    token=$(token "$2$3" "$4")
    is "$1: parts of the token" 3 "$(tr '.' '\n' <<<"$token" | grep -c .)"
    is "$1: delivery with the token" 200 "$(deliver "$2$3" --header "Authorization: Bearer $token")"
    check "$1: the API has answered: $(cut -c1-120 "$work/answer")" grep -q '"reftransactionid": *"R-T1"' "$work/answer"
    is "$1: delivery without a token" 401 "$(deliver "$2$3")"
}

check_image() {
    local lack builder
    lack=$(docker_lacks)
    if [[ -n $lack ]]; then
        lacks "image: $lack"
        return
    fi
    builder=$(stand_in "$rust_image") || return
    if [[ $builder != "$rust_image" ]]; then
        echo "note      $rust_image cannot be pulled here: the builder is Debian bookworm with this machine's $(rustc --version)"
    fi
    local before=$failed size
    check "image: built by $builder without a network" build_image "$work" "$builder"
    # One from before would pass for this one.
    ((failed == before)) || return 0
    size=$(docker image inspect --format '{{.Size}}' "$image")
    check "image: $size bytes, less than 10 MB" test "$size" -lt 10000000
    is "image: user" 65532:65532 "$(docker image inspect --format '{{.Config.User}}' "$image")"
    check "image: version $(docker run --rm "$image" --version)" \
        test "bearergate $(docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.version"}}' "$image")" \
        = "$(docker run --rm "$image" --version)"
    check_image_content
    check_image_running
}

# Nothing but the program and what the resolver and TLS read.
check_image_content() {
    local expected=" etc/group etc/nsswitch.conf etc/passwd etc/ssl/certs/ca-certificates.crt usr/local/bin/bearergate"
    docker save "$image" | tar --extract --to-stdout --wildcards '*/layer.tar' 2>/dev/null >"$work/layers" || true
    local files
    files=$(tar --list --ignore-zeros --file "$work/layers" | grep -v '/$' | sort | tr '\n' ' ')
    is "image: files" "${expected# }" "${files% }"
    local static
    tar --extract --ignore-zeros --to-stdout --file "$work/layers" usr/local/bin/bearergate >"$work/bearergate"
    static=$(file --brief "$work/bearergate" 2>/dev/null | grep -o 'static-pie linked\|statically linked' || echo dynamic)
    check "image: the program is $static" test "$static" != dynamic
}

check_image_running() {
    local python name=bearergate-check
    python=$(stand_in python:3-alpine) || return
    docker network inspect "$name" >/dev/null 2>&1 || docker network create "$name" >/dev/null
    # An API that listens for others too, by a name that only Docker's own name server knows.
    sed 's/127\.0\.0\.1/0.0.0.0/' deploy/compose/api.py >"$work/api.py"
    run "$name-api" --network "$name" --network-alias legacy-api --volume "$work/api.py:/api.py:ro" "$python" python3 /api.py
    run "$name-gate" --network "$name" --publish 127.0.0.1::8443 --memory 32m --memory-swap 32m --cpus 0.5 --read-only \
        --cap-drop ALL --security-opt no-new-privileges:true \
        --env BEARERGATE_UPSTREAM_URL=http://legacy-api:8080 --env BEARERGATE_TLS=self-signed \
        --env BEARERGATE_CLIENT_USERNAME=vietqr-live --env BEARERGATE_CLIENT_PASSWORD=for-this-check-alone \
        --env "BEARERGATE_TOKEN_KEY=$(head -c 24 /dev/urandom | base64)" \
        --env BEARERGATE_DRAIN_DELAY=0s --env BEARERGATE_DRAIN_TIMEOUT=5s "$image"
    check "image: HEALTHCHECK comes to healthy in 32 MiB, 0.5 CPU, read-only, without capabilities" within is_healthy "$name-gate"
    local url
    url=https://$(docker port "$name-gate" 8443/tcp | head -1)
    # The upstream's name is known to Docker's name server alone: the static resolver works.
    check_gate "image" "$url" vietqr-live:for-this-check-alone
    is "image: its user by the kernel" "65532 65532" \
        "$(docker top "$name-gate" -eo pid,uid,gid,args | awk '/bearergate/ {print $2, $3}')"
    check "image: $(docker stats --no-stream --format '{{.MemUsage}}' "$name-gate") in use" true
    check "image: no shell" bash -c "! docker exec '$name-gate' /bin/sh -c true"
    docker stop --time 15 "$name-gate" >/dev/null
    is "image: exit code after SIGTERM" 0 "$(docker inspect --format '{{.State.ExitCode}}' "$name-gate")"
    check_names "$name" "$(docker inspect --format "{{(index .NetworkSettings.Networks \"$name\").IPAddress}}" "$name-api")"
    docker rm --force "$name-api" "$name-gate" >/dev/null
    docker network rm "$name" >/dev/null
}

# The static program's resolver also knows /etc/hosts.
check_names() { # NAME ADDRESS
    local upstream
    for upstream in 'http://localhost:8080' 'http://hosts-file-api:8080'; do
        local place=(--network "$1" --add-host "hosts-file-api:$2")
        if [[ $upstream == *localhost* ]]; then
            place=(--network "container:$1-api")
        fi
        run "$1-gate" "${place[@]}" --env "BEARERGATE_UPSTREAM_URL=$upstream" --env BEARERGATE_TLS=self-signed \
            --env BEARERGATE_CLIENT_USERNAME=vietqr-live --env BEARERGATE_CLIENT_PASSWORD=for-this-check-alone \
            --env "BEARERGATE_TOKEN_KEY=$(head -c 24 /dev/urandom | base64)" \
            --env BEARERGATE_DRAIN_DELAY=0s --env BEARERGATE_DRAIN_TIMEOUT=5s "$image"
        check "image: ready with $upstream by /etc/hosts" within docker exec "$1-gate" /usr/local/bin/bearergate health
    done
}

compose() {
    env PYTHON_IMAGE="$python_image" GATE_IMAGE="$image" PORT="$compose_port" SECRETS="$secrets" \
        "${compose_command[@]}" --project-name bearergate-check --file deploy/compose.yaml "$@"
}

find_compose() {
    if docker compose version >/dev/null 2>&1; then
        compose_command=(docker compose)
    elif has docker-compose; then
        compose_command=(docker-compose)
    else
        return 1
    fi
}

gate_is_healthy() {
    is_healthy "$(compose ps --quiet gate)"
}

check_compose() {
    local lack
    lack=$(docker_lacks)
    if [[ -z $lack ]] && ! find_compose; then
        lack="neither docker compose nor docker-compose is installed"
    fi
    if [[ -z $lack ]] && ! docker image inspect "$image" >/dev/null 2>&1; then
        lack="the image is not built; the check named image builds it"
    fi
    if [[ -n $lack ]]; then
        lacks "compose: $lack"
        return
    fi
    python_image=$(stand_in python:3-alpine) || return
    compose_port=18443
    echo "note      compose is $("${compose_command[@]}" version --short 2>/dev/null | head -1), the sample API runs in $python_image"
    secrets=secrets
    check_compose_up "compose"
    compose down --volumes --timeout 45 >/dev/null 2>&1
    # Secrets of one's own, unreadable for the gate as they come.
    secrets=$work/secrets
    mkdir -m 0700 "$secrets"
    (umask 077 && docker run --rm "$image" new-key >"$secrets/token.key" 2>/dev/null)
    cp "$secrets/token.key" "$work/token.key"
    check_compose_up "compose with a folder"
    check "compose with a folder: the key that was there is still the same" cmp "$secrets/token.key" "$work/token.key"
    compose down --volumes --timeout 45 >/dev/null 2>&1
    composed=
}

check_compose_up() { # WHAT
    composed=yes
    check "$1: up" compose up --detach --no-build
    check "$1: the gate comes to healthy" within gate_is_healthy
    local password
    password=$(compose logs --no-color prepare | grep -o "vietqr-live:[A-Za-z0-9_-]*" | head -1)
    check_gate "$1" "https://127.0.0.1:$compose_port" "$password"
    compose restart --timeout 5 api >/dev/null 2>&1
    check "$1: after a restart of the API it delivers again" within delivers "https://127.0.0.1:$compose_port" "$password"
}

delivers() { # URL USER:PASSWORD
    [[ $(deliver "$1" --header "Authorization: Bearer $(token "$1" "$2")") == 200 ]]
}

check_rolling() {
    local lack
    lack=$(docker_lacks)
    if [[ -z $lack ]] && ! has cargo; then
        lack="the load is driven by a Rust program, and there is no cargo"
    fi
    if [[ -n $lack ]]; then
        lacks "rolling: $lack"
        return
    fi
    check "rolling: two gates restarted one after the other under load, no payment failed" deploy/rolling.sh
    # Its counts, where they have not been shown as those of a failure.
    sed -n 's/^payments sent/          &/p' "$work/said"
}

check_systemd() {
    if ! has systemd-analyze; then
        lacks "systemd: systemd-analyze is not installed"
        return
    fi
    # Where the program is not installed, another one takes its place: what is asked here is the unit.
    local unit=$work/bearergate.service program=/usr/local/bin/bearergate
    [[ -x $program ]] || program=/bin/true
    sed "s#/usr/local/bin/bearergate#$program#" deploy/systemd/bearergate.service >"$unit"
    check "systemd: verify says nothing" bash -c "! systemd-analyze verify '$unit' 2>&1 | grep ."
    local exposure
    exposure=$(systemd-analyze security --offline=true --no-pager "$unit" | grep -o 'Overall exposure level.*: [0-9.]*' | grep -o '[0-9.]*$')
    check "systemd: exposure $exposure, at most 2.0" awk "BEGIN { exit !($exposure <= 2.0) }"
    check_systemd_running
}

check_monitoring() {
    if ! has promtool; then
        lacks "monitoring: promtool (Debian's package prometheus) is not installed"
        return
    fi
    check "monitoring: rules" promtool check rules deploy/monitoring/alerts.yaml
    check "monitoring: tests of the rules" promtool test rules deploy/monitoring/alerts_test.yaml
}

check_kubernetes() {
    local program=${BEARERGATE:-} ended=0
    if [[ -z $program ]] && has cargo; then
        cargo build --quiet --locked
        program=target/debug/bearergate
    fi
    BEARERGATE=$program deploy/check-kubernetes.sh || ended=$?
    case $ended in
        0) ok "kubernetes" ;;
        2) lacks "kubernetes: what was just said" ;;
        *) bad "kubernetes" ;;
    esac
}

main() {
    local wanted=()
    for word in "$@"; do
        case $word in
            --start-dockerd) start_dockerd "$work/dockerd.log" ;;
            image | compose | rolling | systemd | monitoring | kubernetes) wanted+=("$word") ;;
            *)
                echo "unknown: $word" >&2
                exit 2
                ;;
        esac
    done
    if ((${#wanted[@]} == 0)); then
        wanted=(image compose rolling systemd monitoring kubernetes)
    fi
    for part in "${wanted[@]}"; do
        "check_$part"
    done
    echo "$failed failed, $left_out left out"
    ((failed == 0))
}

main "$@"
