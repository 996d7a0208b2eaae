# shellcheck shell=bash disable=SC2034
# Sourced by scripts/kernel-vm: a kernel and an initramfs, made once and kept in target/kernel-vm.

# Every module that tests want, and above all what macsec and ESP ask the kernel for by name: their ciphers.
VM_MODULES="virtio_pci virtio_net virtio_console af_packet macsec gcm ctr ghash ghash_clmulni_intel aesni_intel
    wireguard geneve vxlan sch_netem vrf esp4 8021q bridge tun veth"
VM_META_PACKAGE=linux-image-cloud-amd64
VM_FOLDER=${CARGO_TARGET_DIR:-$ROOT/target}/kernel-vm

# Says why there is no machine, and ends with a status that means nothing else.
no_machine() {
    say "no virtual machine: $*" >&2
    exit 77
}

# Sets VM_KERNEL and IMAGE_INITRAMFS and prints them. One caller makes them, others wait for it.
prepare_image() {
    [ "$(uname -m)" = x86_64 ] || no_machine "this is $(uname -m), and only x86_64 was taught how"
    # In a subshell, since need ends the script that calls it.
    (need_machine_tools) >&2 || no_machine "Debian packages are missing and cannot be installed"
    mkdir -p "$VM_FOLDER"
    exec {lock}>"$VM_FOLDER/lock"
    flock "$lock"
    if [ ! -e "$VM_FOLDER/kernel/version" ]; then
        # In the background, because set -e means nothing on the left of ||.
        download_kernel 2>"$VM_FOLDER/download.log" &
        if ! wait $!; then
            cat "$VM_FOLDER/download.log" >&2
            no_machine "the kernel cannot be downloaded"
        fi
    fi
    local version
    version=$(cat "$VM_FOLDER/kernel/version")
    VM_KERNEL=$VM_FOLDER/kernel/boot/vmlinuz-$version
    IMAGE_INITRAMFS=$VM_FOLDER/initramfs-$(fingerprint "$version")
    if [ ! -e "$IMAGE_INITRAMFS" ]; then
        make_initramfs "$version" &
        wait $! || no_machine "the initramfs cannot be made"
    fi
    exec {lock}>&-
    say "kernel=$VM_KERNEL" "initramfs=$IMAGE_INITRAMFS"
}

need_machine_tools() {
    # shellcheck disable=SC2016
    need 'command -v qemu-system-x86_64' qemu-system-x86 'command -v busybox && ! ldd "$(command -v busybox)"' busybox-static \
        'command -v cpio' cpio 'command -v modprobe' kmod 'command -v xz' xz-utils 'command -v ip' iproute2 \
        'command -v flock' util-linux
}

# The package's files only: nothing is installed, and this machine's own kernel stays what it is.
download_kernel() (
    set -e
    fresh=$VM_FOLDER/kernel.new
    rm -rf "$fresh" "$VM_FOLDER/kernel"
    mkdir -p "$fresh/deb"
    cd "$fresh/deb"
    package=$(kernel_package)
    if [ -z "$package" ]; then
        as_root apt-get -qq update
        package=$(kernel_package)
    fi
    say "downloading Debian package $package" >&2
    # Lists may be older than the archive.
    apt-get -qq download "$package" || {
        as_root apt-get -qq update
        apt-get -qq download "$(kernel_package)"
    }
    dpkg -x ./*.deb "$fresh"
    cd "$fresh"
    rm -r deb usr
    version=$(ls lib/modules)
    depmod -b "$fresh" "$version"
    echo "$version" >version
    mv "$fresh" "$VM_FOLDER/kernel"
)

kernel_package() {
    apt-cache depends "$VM_META_PACKAGE" 2>/dev/null | awk '/Depends: linux-image/ { print $2; exit }'
}

# Changes when anything that goes into the initramfs does.
fingerprint() {
    {
        echo "$1" "$VM_MODULES"
        cat "$LIB/vm-init" "$LIB/vm-image.sh"
        ls -lL "$(command -v ip)" "$(command -v busybox)"
    } | sha256sum | cut -c 1-16
}

make_initramfs() (
    set -e
    version=$1
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cd "$folder"
    mkdir -p bin dev proc sys tmp run modules
    cp "$LIB/vm-init" init
    chmod 755 init
    cp "$(command -v busybox)" bin/busybox
    for name in $(busybox --list); do
        [ -e "bin/$name" ] || ln -s busybox "bin/$name"
    done
    for tool in ip tc bridge dash bash; do
        copy_program "$tool"
    done
    # Busybox as a shell takes its own ip rather than iproute2's, whatever the search path says.
    ln -sf dash bin/sh
    copy_modules "$version" >modules/order
    rm -f "$VM_FOLDER"/initramfs-*
    # Not compressed: unpacking in software emulation takes longer than reading.
    find . | cpio --quiet -o -H newc >"$VM_FOLDER/initramfs.new"
    mv "$VM_FOLDER/initramfs.new" "$IMAGE_INITRAMFS"
)

# A program of this machine and the libraries that it names.
copy_program() {
    local path library
    path=$(command -v "$1")
    rm -f "bin/$1"
    cp -L "$path" "bin/$1"
    for library in $(ldd "$path" | grep -o '/[^ ]*'); do
        mkdir -p ".$(dirname "$library")"
        cp -Ln "$library" ".$library"
    done
}

# Copies the modules and prints their names in an order in which they can be loaded.
copy_modules() {
    local name path file
    for name in $VM_MODULES; do
        modprobe -d "$VM_FOLDER/kernel" -S "$1" --show-depends "$name"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
        file=$(basename "$path")
        case $file in
            *.xz)
                file=${file%.xz}
                xz -dc "$path" >"modules/$file"
                ;;
            *) cp "$path" "modules/$file" ;;
        esac
        say "$file"
    done
}
