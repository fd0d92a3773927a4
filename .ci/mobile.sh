#!/usr/bin/env bash
# Compilers for Android (arm64, 32-bit ARM, x86-64) and aarch64-apple-ios without NDK and Xcode, unpacked into one folder
# from the packages of Debian 12: a rustc with the sources of its standard library, clang and lld.
#
#   mobile.sh install ROOT              fetches and unpacks them; needs root's apt and a Debian mirror in apt's sources
#   mobile.sh stubs ROOT                makes empty system libraries to link against
#
# What they build is real: code, sizes, exports, imports and alignment. It cannot run here: system libraries are empty.
# Nothing is installed on the machine: apt is given a state of its own, and the packages are only unpacked.
set -euo pipefail

RELEASE=bookworm
PACKAGES=(rustc-web libstd-rust-web-dev rust-web-src libllvm22 clang-22 lld-22 llvm-22 libclang-cpp22 libclang-common-22-dev)
RUST=(rustc rustdoc)
LLVM=(clang clang++ ld.lld ld64.lld llvm-ar llvm-nm llvm-objcopy llvm-readelf llvm-size llvm-strip)

private_apt() {
    local state=$1 mirror security VERSION_CODENAME
    mkdir -p "$state"/{lists/partial,archives/partial}
    : > "$state/status"
    . /etc/os-release
    # The mirrors that this machine uses for its own release have the others too.
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Created-By: Packages' | sort -u | head -1)
    # shellcheck disable=SC2016
    security=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian-Security' 'Created-By: Packages' | sort -u | head -1)
    [ -n "$mirror" ] && [ -n "$security" ] || {
        echo "apt knows no mirror of Debian and of its security updates: run apt-get update" >&2
        exit 3
    }
    [ "$VERSION_CODENAME" = "$RELEASE" ] || echo "unpacking compilers of $RELEASE on $VERSION_CODENAME" >&2
    local signed=signed-by=/usr/share/keyrings/debian-archive-keyring.gpg
    printf 'deb [%s] %s %s main\n' "$signed" "$mirror" "$RELEASE" "$signed" "$security" "$RELEASE-security" \
        > "$state/sources.list"
    cat > "$state/apt.conf" << CONF
Dir::State "$state"; Dir::State::lists "$state/lists"; Dir::State::status "$state/status";
Dir::Cache "$state"; Dir::Cache::archives "$state/archives";
Dir::Etc::sourcelist "$state/sources.list"; Dir::Etc::sourceparts "/dev/null";
APT::Sandbox::User "root";
CONF
    export APT_CONFIG="$state/apt.conf"
}

# A program of the folder, with the libraries of the folder.
wrap() {
    local root=$1 name=$2 program=$3
    [ -x "$program" ] || { echo "the packages have no $name" >&2; exit 3; }
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s:%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec %s "$@"\n' \
        "$root/usr/lib/$(uname -m)-linux-gnu" "$root/usr/lib/llvm-22/lib" "$program" > "$root/bin/$name"
    chmod +x "$root/bin/$name"
}

install() {
    local root=$1 standard name package
    mkdir -p "$root/bin"
    root=$(cd "$root" && pwd)
    work=$root.work
    rm -rf "$work" && mkdir "$work"
    trap 'rm -rf "$work"' EXIT # not local: the trap outlives the function
    private_apt "$work/apt"
    apt-get update --quiet=2
    # The package with the compiler's own libraries has the version in its name.
    standard=$(apt-cache show --no-all-versions libstd-rust-web-dev |
        sed -n 's/^Depends:.*\(libstd-rust-web-[0-9.]*\).*/\1/p')
    (cd "$work" && apt-get download --quiet=2 "${PACKAGES[@]}" "$standard")
    for package in "$work"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$root" \
            --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/lintian
        rm "$package"
    done
    for name in "${RUST[@]}"; do wrap "$root" "$name" "$root/usr/bin/$name"; done
    for name in "${LLVM[@]}"; do wrap "$root" "$name" "$root/usr/lib/llvm-22/bin/$name"; done
    "$root/bin/rustc" --version && "$root/bin/clang" --version | head -1
}

# Libraries that the platforms have, without anything in them, and a linker for each of Android's targets that takes them.
# A name is clang's for the target; the linker is bin/link-NAME.
stubs() {
    local root name folder library
    root=$(cd "$1" && pwd)
    mkdir -p "$root/stubs/apple"
    for name in aarch64-linux-android armv7a-linux-androideabi x86_64-linux-android; do
        folder=$root/stubs/$name
        mkdir -p "$folder"
        echo | "$root/bin/clang" "--target=${name}24" -x c -c - -o "$folder/empty.o"
        for library in c dl m log; do
            "$root/bin/ld.lld" -shared -soname "lib$library.so" -o "$folder/lib$library.so" "$folder/empty.o"
        done
        for library in unwind gcc gcc_s; do
            rm -f "$folder/lib$library.a"
            "$root/bin/llvm-ar" rc "$folder/lib$library.a" "$folder/empty.o"
        done
        cat > "$root/bin/link-$name" << LINK
#!/bin/sh
exec $root/bin/clang --target=${name}24 --ld-path=$root/bin/ld.lld -nostdlib \\
    -Wl,--unresolved-symbols=ignore-all "\$@" -L$folder
LINK
        chmod +x "$root/bin/link-$name"
    done
}

case "${1-} $#" in
    "install 2") install "$2" ;;
    "stubs 2") stubs "$2" ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
