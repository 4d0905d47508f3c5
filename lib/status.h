/* SPDX-License-Identifier: MIT */
/* The status that the library publishes for `ksig status`. It is not part of the ABI. */
#ifndef KSIG_STATUS_H
#define KSIG_STATUS_H

#include <ksig/libksig.h>

/**
 * struct ksig_status - status of a stream, published for `ksig status`
 * @magic: KSIG_STATUS_MAGIC, without a terminator; changes whenever the layout changes
 * @provider: "module", "bpf" or "native"
 * @event: specification that was passed to ksig_sub_open(), truncated if it is too long
 * @filter: where the filter is applied (KSIG_STATUS_*)
 * @fd: for "module", the descriptor of the channel, whose fdinfo contains more details; otherwise
 *	-1
 * @target: pid of the armed target in the pid namespace of the process that armed the subscription.
 *	Valid only if KSIG_STATS_ARMED is set in @stats.flags and the library's relay sends the
 *	signals.
 * @signo: signal to send to @target
 * @mode: delivery mode of the armed subscription
 * @flags: flags of the armed subscription
 * @seq: changes with every update; odd while the members from @target to @stats are being updated
 * @stats: counters at the last update, as in ksig_sub_stats(); zeros for "module" unless the
 *	library's relay sends the signals
 * @lost_upto: value at the last update, as in struct ksig_sub_stats
 *
 * Each stream of a subscription has its status in a memfd. Processes that are permitted to see the
 * descriptors find the memfd as /proc/PID/fd/N -> "/memfd:ksig (deleted)". Readers must not trust
 * the contents, because any process can create such a memfd.
 */
#define KSIG_STATUS_NAME	"ksig"
#define KSIG_STATUS_MAGIC	"ksigsub2"
#define KSIG_STATUS_NO_FILTER	0
#define KSIG_STATUS_KERNEL	1
#define KSIG_STATUS_LIBRARY	2	/* at least partly */

struct ksig_status {
	char magic[8];
	char provider[16];
	char event[256];
	__u32 filter;
	__s32 fd;
	__s32 target;
	__s32 signo;
	__u32 mode;
	__u32 flags;
	__u64 seq;
	struct ksig_stats stats;
	__u64 lost_upto;
};

#endif /* KSIG_STATUS_H */
