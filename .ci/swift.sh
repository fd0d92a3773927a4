#!/usr/bin/env bash
# A Swift compiler for Debian machines, unpacked into one folder from the distribution's own packages.
#
#   swift.sh install ROOT               fetches and unpacks it; needs root, apt and a Debian mirror in apt's sources
#   swift.sh run ROOT FOLDER... -- COMMAND...
#                                       runs COMMAND with the folders at their own paths, in the first of them;
#                                       variables named SWIFT_ENV_X become X
#
# Nothing is installed on the machine: apt is given a state of its own, and the packages are only unpacked.
set -euo pipefail

RELEASE=trixie # the first Debian with Swift 6
PACKAGES=(swiftlang libc6-dev libstdc++-14-dev libgcc-14-dev bash coreutils dash sed grep libc-bin libpcre2-8-0 libselinux1
    libacl1 libattr1 libcap2)
# What a compiler, a linker and a test runner do not need.
LEAVE_OUT=(usr/share/doc usr/share/man usr/share/locale usr/libexec/swift/lib/swift/embedded
    usr/libexec/swift/lib/swift_static 'usr/libexec/swift/lib/liblldb.so*' usr/libexec/swift/lib/libsourcekitdInProc.so
    'usr/libexec/swift/bin/lldb*' usr/libexec/swift/bin/clangd usr/libexec/swift/bin/sourcekit-lsp)

private_apt() {
    local state=$1
    mkdir -p "$state"/{lists/partial,archives/partial}
    : > "$state/status"
    # The mirror that this machine uses for its own release has the others too.
    local mirror VERSION_CODENAME
    . /etc/os-release
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' \
        "Codename: $VERSION_CODENAME" | sort -u | head -1)
    [ -n "$mirror" ] || { echo "apt knows no Debian mirror: run apt-get update" >&2; exit 3; }
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $RELEASE main" > "$state/sources.list"
    cat > "$state/apt.conf" << CONF
Dir::State "$state"; Dir::State::lists "$state/lists"; Dir::State::status "$state/status";
Dir::Cache "$state"; Dir::Cache::archives "$state/archives";
Dir::Etc::sourcelist "$state/sources.list"; Dir::Etc::sourceparts "/dev/null";
APT::Install-Recommends "false"; APT::Sandbox::User "root";
CONF
    export APT_CONFIG="$state/apt.conf"
}

install() {
    local root=$1
    [ "$(id -u)" = 0 ] || { echo "unpacking a system needs root" >&2; exit 3; }
    mkdir -p "$root"
    root=$(cd "$root" && pwd)
    work=$root.work
    rm -rf "$work" && mkdir "$work"
    trap 'rm -rf "$work"' EXIT # not local: the trap outlives the function
    private_apt "$work/apt"
    apt-get update --quiet=2
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{tmp,proc,dev,root,etc}
    for folder in bin sbin lib lib64; do ln -sfn "usr/$folder" "$root/$folder"; done
    mapfile -t names < <(apt-get install --simulate "${PACKAGES[@]}" | awk '/^Inst/ { print $2 }')
    (cd "$work" && apt-get download --quiet=2 "${names[@]}")
    local excludes=()
    for path in "${LEAVE_OUT[@]}"; do excludes+=("--exclude=./$path"); done
    for package in "$work"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" |
            tar --extract --keep-directory-symlink --directory "$root" --wildcards "${excludes[@]}"
    done
    chroot "$root" /usr/sbin/ldconfig
    [ -e "$root/dev/null" ] || {
        mknod -m 666 "$root/dev/null" c 1 3
        mknod -m 666 "$root/dev/zero" c 1 5
        mknod -m 666 "$root/dev/random" c 1 8
        mknod -m 666 "$root/dev/urandom" c 1 9
        ln -s /proc/self/fd "$root/dev/fd"
    }
    (run "$root" "$work" -- swift --version) # a shell of its own: it is replaced
}

run() {
    local root folders=() variables=(HOME=/root LANG=C.UTF-8 PATH=/usr/libexec/swift/bin:/usr/bin:/bin) line
    root=$(cd "$1" && pwd)
    shift
    while [ "$1" != -- ]; do folders+=("$(cd "$1" && pwd)") && shift; done
    shift
    while read -r line; do variables+=("${line#SWIFT_ENV_}"); done < <(env | grep '^SWIFT_ENV_' || true)
    # A mount namespace of its own: nothing is left to unmount. Swift finds its libraries by way of /proc.
    export ROOT=$root FOLDERS
    FOLDERS=$(printf '%s\n' "${folders[@]}")
    # shellcheck disable=SC2016
    exec unshare --mount sh -c '
        mount -t proc proc "$ROOT/proc"
        printf "%s\n" "$FOLDERS" | while read -r folder; do
            mkdir -p "$ROOT$folder" && mount --bind "$folder" "$ROOT$folder"
        done
        exec chroot "$ROOT" /usr/bin/env -i "$@"
    ' sh "${variables[@]}" sh -c 'cd "$1" && shift && exec "$@"' sh "${folders[0]}" "$@"
}

case "${1-} $#" in
    "install 2") install "$2" ;;
    run\ *) shift && run "$@" ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
