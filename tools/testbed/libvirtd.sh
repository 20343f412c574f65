#!/bin/bash
# The first process of a private libvirtd's namespaces (libvirtd.ts): its files under $1 take the place of
# the host's, and its guests' taps are in a network of their own. Each line on stdin starts libvirtd
# (again); the end of stdin ends everything.
set -euo pipefail
directory=$1

for pair in run:/run lib:/var/lib/libvirt log:/var/log/libvirt cache:/var/cache/libvirt etc:/etc/libvirt; do
  mount --bind "$directory/${pair%%:*}" "${pair#*:}"
done
# What /sys/class/net shows belongs to the network namespace that mounted it. Containers need the control groups as they
# are, but for a second hierarchy beside those of version 1, which libvirt's containers cannot have.
mkdir /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup /sys/fs/cgroup
umount /sys/fs/cgroup/unified 2>/dev/null || true
umount --lazy /run/cgroup
rmdir /run/cgroup
ip link set lo up
# The guests ask for this address (boot-sector.ts), the kernel answers: so their NICs receive.
ip address add 192.0.2.1/32 dev lo
ip link add br-test type bridge
ip link set br-test up

while read -r; do
  libvirtd </dev/null >>"$directory/log/libvirtd.log" 2>&1 &
done
