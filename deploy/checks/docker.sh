# shellcheck shell=bash
# What the checks beside this folder do with Docker: a daemon, base images, the image. To be sourced from the top of the tree.

# Debian's client and daemon are of one version, and BuildKit is a plugin that need not be there.
export DOCKER_BUILDKIT=0
rust_image=rust:1.95-bookworm
local_base=bearergate-local-base
image=${GATE_IMAGE:-bearergate}

has() {
    command -v "$1" >/dev/null
}

# Prints why Docker cannot be used, if it cannot.
docker_lacks() {
    if ! has docker; then
        echo "docker is not installed"
    elif ! docker info >/dev/null 2>&1; then
        echo "no Docker daemon answers; --start-dockerd starts one for the time of the checks"
    fi
}

# Starts a daemon when none answers; its number is in `dockerd`.
start_dockerd() { # LOG
    if docker info >/dev/null 2>&1 || ! has dockerd; then
        return
    fi
    dockerd >"$1" 2>&1 &
    dockerd=$!
    for _ in $(seq 60); do
        if docker info >/dev/null 2>&1; then
            return
        fi
        sleep 0.5
    done
}

# Whether an image is here, or can be had.
has_image() { # NAME
    docker image inspect "$1" >/dev/null 2>&1 || timeout 300 docker pull --quiet "$1" >/dev/null 2>&1
}

# Debian with a C compiler, Python, HAProxy and systemd, and this machine's Rust: where no image can be pulled, it stands in for all of them, and
# it is where a unit can be tried.
make_local_base() {
    if docker image inspect "$local_base" >/dev/null 2>&1; then
        return
    fi
    if ! has debootstrap || ! has rustc || [[ $(id -u) != 0 ]]; then
        echo "no image can be pulled here, and making one takes root, debootstrap and Rust" >&2
        return 1
    fi
    local root toolchain
    root=$(mktemp -d)
    toolchain=$(rustc --print sysroot)
    debootstrap --variant=minbase --include=gcc,libc6-dev,ca-certificates,python3,haproxy,systemd,dbus bookworm "$root" >/dev/null
    mkdir -p "$root/usr/local/rust"
    cp -a "$toolchain/bin" "$toolchain/lib" "$root/usr/local/rust/"
    tar --directory "$root" --exclude='./var/cache/*' --exclude='./var/lib/apt/*' --exclude='./proc/*' --exclude='./sys/*' \
        --exclude='./dev/*' --create . |
        docker import --change 'ENV PATH=/usr/local/rust/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$local_base" >/dev/null
    rm -rf "$root"
}

# The name of an image that can be used for this one.
stand_in() { # NAME
    if has_image "$1"; then
        echo "$1"
    else
        make_local_base && echo "$local_base"
    fi
}

# Builds the image without a network: the crates are fetched by the cargo of this machine and put into the context.
build_image() { # WORK BUILDER
    local context=$1/context
    mkdir -p "$context"
    cp -r --parents .cargo .dockerignore Cargo.toml Cargo.lock src deploy/Dockerfile "$context"
    cargo vendor --locked "$context/.cargo/vendor" 2>/dev/null |
        sed 's#^directory = .*#directory = ".cargo/vendor"#' >>"$context/.cargo/config.toml"
    docker build --quiet --network none --file "$context/deploy/Dockerfile" --tag "$image" --build-arg "BUILDER=$2" \
        --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
        --build-arg "CREATED=$(git log -1 --format=%cI 2>/dev/null || echo unknown)" "$context" >/dev/null
}
