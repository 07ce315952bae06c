# shellcheck shell=bash
# Runs the unit under a systemd of its own, in a container: the next best thing to a host. To be sourced by deploy/check.sh.

check_systemd_running() {
    local lack name=bearergate-systemd
    lack=$(docker_lacks)
    if [[ -z $lack ]] && ! docker image inspect "$image" >/dev/null 2>&1; then
        lack="the image is not built; the check named image builds it"
    fi
    if [[ -z $lack ]] && ! make_local_base; then
        lack="no Debian image with systemd can be made"
    fi
    if [[ -n $lack ]]; then
        lacks "systemd running: $lack"
        return
    fi
    run "$name" --cap-add SYS_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
        --volume /sys/fs/cgroup:/sys/fs/cgroup --tmpfs /run --tmpfs /tmp --env container=docker --publish 127.0.0.1::8443 \
        "$local_base" /lib/systemd/systemd
    if ! within docker exec "$name" systemctl is-system-running; then
        lacks "systemd running: it does not come up in a container here"
        return
    fi
    # On a host systemd does this itself; without it credentials do not reach a service.
    docker exec "$name" mount --make-rshared /
    check "systemd running: installed" install_unit "$name"
    check "systemd running: start, ready" docker exec "$name" systemctl start bearergate
    local url password
    url=https://$(docker port "$name" 8443/tcp | head -1)
    password=$(docker exec "$name" sed -n 's/^password=//p' /root/client)
    check_gate_below "systemd running" "$url" /vqr "vietqr-live:$password"
    is "systemd running: seccomp, no new privileges" "2 1" \
        "$(docker exec "$name" sh -c 'cat /proc/$(systemctl show -P MainPID bearergate)/status' |
            awk '/^Seccomp:/ {seccomp = $2} /^NoNewPrivs:/ {privileges = $2} END {print seccomp, privileges}')"
    local before
    before=$(certificate "$url")
    docker exec --env RENEWED_LINEAGE=/root/2 "$name" sh /root/renewed
    check "systemd running: reload" docker exec "$name" systemctl reload bearergate
    check "systemd running: the renewed certificate is served" test "$before" != "$(certificate "$url")"
    check "systemd running: the key of tokens is a credential" docker exec "$name" \
        test -s /run/credentials/bearergate.service/token.key
    docker exec "$name" systemctl kill --signal STOP bearergate
    check "systemd running: a gate that stands still is ended by the watchdog and started again" within restarted "$name"
    check "systemd running: stop" docker exec "$name" systemctl stop bearergate
    is "systemd running: result of the stop" success "$(docker exec "$name" systemctl show -P Result bearergate)"
    docker rm --force "$name" >/dev/null
}

# The unit as it is, save for limits that a container may not raise and a watchdog that a check does not wait half a minute for.
install_unit() { # NAME
    cargo build --quiet --locked --example load
    "$(realpath "${CARGO_TARGET_DIR:-target}")/debug/examples/load" certificates "$work/certificates"
    docker create --name "$1-image" "$image" >/dev/null
    containers+=("$1-image")
    docker cp "$1-image:/usr/local/bin/bearergate" "$work/program" >/dev/null
    docker cp "$work/program" "$1:/usr/local/bin/bearergate" >/dev/null
    docker cp deploy/systemd/bearergate.service "$1:/etc/systemd/system/" >/dev/null
    docker cp deploy/systemd/bearergate.env "$1:/root/bearergate.env" >/dev/null
    docker cp deploy/systemd/renewed "$1:/root/renewed" >/dev/null
    docker cp deploy/compose/api.py "$1:/root/api.py" >/dev/null
    for number in 1 2; do
        docker cp "$work/certificates/$number" "$1:/root/$number" >/dev/null
    done
    docker exec "$1" sh -euxc "$setup"
}

# As deploy/README.md says it, with certificates of an authority of this check.
setup='
useradd --system --no-create-home --shell /usr/sbin/nologin bearergate
install -d -o root -g bearergate -m 0750 /etc/bearergate /etc/bearergate/tls
install -o root -g root -m 0600 /root/bearergate.env /etc/bearergate/bearergate.env
(umask 077 && /usr/local/bin/bearergate new-key >/etc/bearergate/token.key)
/usr/local/bin/bearergate new-client vietqr-live >/root/client
printf "{\"clients\":[%s]}\n" "$(tail -1 /root/client)" | install -o root -g bearergate -m 0640 /dev/stdin /etc/bearergate/clients.json
for number in 1 2; do
    mv "/root/$number/tls.crt" "/root/$number/fullchain.pem"
    mv "/root/$number/tls.key" "/root/$number/privkey.pem"
done
RENEWED_LINEAGE=/root/1 sh /root/renewed
mkdir /etc/systemd/system/bearergate.service.d
printf "[Service]\nLimitNOFILE=4096\nWatchdogSec=4s\n" >/etc/systemd/system/bearergate.service.d/check.conf
systemctl daemon-reload
systemd-run --unit api python3 /root/api.py
'

restarted() { # NAME
    (($(docker exec "$1" systemctl show -P NRestarts bearergate) >= 1)) && docker exec "$1" systemctl is-active bearergate
}

# The fingerprint of the certificate that is shown.
certificate() { # URL
    openssl s_client -connect "${1#https://}" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint
}
