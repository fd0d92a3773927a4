#!/usr/bin/env bash
# What cross-building for 64-bit ARM Linux and running the result takes on Debian machines for x86-64.
#
#   aarch64.sh tools ROOT     compilers for C and C++ (installed, if missing) and below ROOT a user-mode emulator that
#                             knows the CPU models of phones: ROOT/usr/bin/qemu-aarch64
#   aarch64.sh rust ROOT      a Rust compiler with the standard library for ARM: ROOT/bin/rustc, ROOT/bin/rustdoc; for
#                             machines whose own toolchain has none and cannot fetch it
#   aarch64.sh counter ROOT   below ROOT an emulator that loads plugins: ROOT/bin/qemu-aarch64-plugin
#
# Ends with 3, and the reason, where the machine is none of these. Below ROOT packages are only unpacked: apt is given a
# state of its own.
set -euo pipefail

EMULATOR_RELEASE=trixie # its emulator knows cortex-a55 and cortex-a710, and shows the guest's own /proc/cpuinfo
COUNTER_RELEASE=bookworm # the last whose emulator is linked dynamically, which plugins need

cannot() { echo "$*" >&2; exit 3; }

# apt-get with a state below $1, for the machine's own release ("") or another ($2), and architectures ($3...).
private_apt() {
    local state=$1 release=$2 mirror VERSION_CODENAME
    shift 2
    mkdir -p "$state"/{lists/partial,archives/partial}
    : > "$state/status"
    {
        echo "Dir::State \"$state\"; Dir::State::lists \"$state/lists\"; Dir::State::status \"$state/status\";"
        echo "Dir::Cache \"$state\"; Dir::Cache::archives \"$state/archives\"; APT::Sandbox::User \"root\";"
        echo 'APT::Install-Recommends "false"; Acquire::Languages "none"; APT::Architecture "amd64";'
        printf 'APT::Architectures { "amd64"; %s };\n' "$(printf '"%s"; ' "$@")"
    } > "$state/apt.conf"
    if [ -n "$release" ]; then
        . /etc/os-release
        # The mirror that this machine uses for its own release has the others too.
        # shellcheck disable=SC2016
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' \
            "Codename: ${VERSION_CODENAME-}" | sort -u | head -1)
        [ -n "$mirror" ] || cannot "apt knows no Debian mirror: run apt-get update"
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" > "$state/sources.list"
        echo "Dir::Etc::sourcelist \"$state/sources.list\"; Dir::Etc::sourceparts \"/dev/null\";" >> "$state/apt.conf"
    fi
    export APT_CONFIG="$state/apt.conf"
    apt-get update --quiet=2
}

# Unpacks packages below $1, only the paths that follow `--` if any.
unpack() {
    local root=$1 packages=() file
    shift
    while (($#)) && [ "$1" != -- ]; do packages+=("$1") && shift; done
    (($# == 0)) || shift
    (cd "$work" && rm -f -- *.deb && apt-get download --quiet=2 "${packages[@]}")
    mkdir -p "$root"
    for file in "$work"/*.deb; do
        dpkg-deb --fsys-tarfile "$file" | tar --extract --keep-directory-symlink --directory "$root" \
            --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/lintian' "$@"
    done
}

tools() {
    local missing=() package
    for package in gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross; do
        dpkg-query --show --showformat='${db:Status-Status}' "$package" 2> /dev/null | grep -qx installed ||
            missing+=("$package")
    done
    if ((${#missing[@]})); then
        apt-get update --quiet=2
        DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends "${missing[@]}" > /dev/null
    fi
    private_apt "$work/apt" "$EMULATOR_RELEASE"
    unpack "$1" qemu-user -- ./usr/bin/qemu-aarch64
    "$1/usr/bin/qemu-aarch64" --version
}

rust() {
    local root=$1 driver program
    private_apt "$work/apt" "" arm64
    # The versioned library that the compiler loads is named by the package of the standard library.
    driver=$(apt-cache show --no-all-versions libstd-rust-web-dev 2> /dev/null |
        sed -n 's/^Depends:.*\(libstd-rust-web-[0-9.]*\).*/\1/p')
    [ -n "$driver" ] || cannot "this release has no Rust that is new enough for ARM:" \
        "rustup target add aarch64-unknown-linux-gnu"
    unpack "$root" rustc-web libstd-rust-web-dev libstd-rust-web-dev:arm64 "$driver" \
        "$(apt-cache show --no-all-versions "$driver" | sed -n 's/^Depends:.*\(libllvm[0-9.]*\).*/\1/p')"
    mkdir -p "$root/bin"
    for program in rustc rustdoc; do
        printf '#!/bin/sh\nLD_LIBRARY_PATH="%s"${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "%s" "$@"\n' \
            "$root/usr/lib/x86_64-linux-gnu" "$root/usr/bin/$program" > "$root/bin/$program"
        chmod +x "$root/bin/$program"
    done
    "$root/bin/rustc" --version
}

counter() {
    local root=$1 names
    private_apt "$work/apt" "$COUNTER_RELEASE"
    # With all libraries that it needs, down to the loader: those of this machine may be others.
    mapfile -t names < <(apt-get install --simulate qemu-user | awk '/^Inst/ { print $2 }')
    unpack "$root" "${names[@]}"
    mkdir -p "$root/bin"
    printf '#!/bin/sh\nexec "%s" --library-path "%s:%s" "%s" "$@"\n' "$root/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" \
        "$root/lib/x86_64-linux-gnu" "$root/usr/lib/x86_64-linux-gnu" "$root/usr/bin/qemu-aarch64" \
        > "$root/bin/qemu-aarch64-plugin"
    chmod +x "$root/bin/qemu-aarch64-plugin"
    "$root/bin/qemu-aarch64-plugin" -h | grep -q -- -plugin || cannot "this emulator loads no plugins"
}

[ $# = 2 ] || { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
[ "$(uname -m)" = x86_64 ] || cannot "the recipe is for x86-64 machines"
command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null || cannot "needs Debian's apt"
[ "$(id -u)" = 0 ] || cannot "needs root: packages are fetched and unpacked by apt"
mkdir -p "$2"
root=$(cd "$2" && pwd)
work=$root.work
rm -rf "$work" && mkdir "$work"
trap 'rm -rf "$work"' EXIT
case $1 in
    tools | rust | counter) "$1" "$root" ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
