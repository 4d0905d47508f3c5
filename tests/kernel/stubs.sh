#!/bin/sh
# SPDX-License-Identifier: MIT
# A driver built with KSIG_STUBS works without ksig.ko.
. tests/functions.sh

rmmod ksig
insmod /ksig/ksig_stubs.ko
card=$(grep -l '^PCI_ID=1234:11E8' /sys/bus/pci/devices/*/uevent | head -n 1)
card=${card%/uevent}
[ -e "$card/factorial" ] || fail "the card has no driver"
# the driver accepts the next number only after its interrupt handler has run, so interrupts work
for n in 5 6 7; do
	until_true eval "echo $n >$card/factorial"
done
[ ! -e /sys/class/ksig ] || fail "there are channels"
rmmod ksig_stubs
insmod /ksig/ksig.ko
