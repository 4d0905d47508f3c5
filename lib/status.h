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
 * @filter: KSIG_STATUS_*: where the filter is applied
 * @fd: "module": descriptor of the channel, whose fdinfo shows more; otherwise -1
 * @target: pid of the armed target in the pid namespace of the process that armed it. Valid only if
 *	@stats.flags has KSIG_STATS_ARMED and the library relays.
 * @signo: signal that was armed
 * @mode: mode that was armed
 * @flags: flags that were armed
 * @seq: odd while @target to @stats are being updated; changes with every update
 * @stats: counters as in ksig_sub_stats(), at the last update; zeros for "module" unless the
 *	library relays
 * @lost_upto: as in struct ksig_sub_stats, at the last update
 *
 * Each stream of a subscription keeps one in a memfd, which appears as /proc/PID/fd/N ->
 * "/memfd:ksig (deleted)" to processes that are permitted to see the descriptors. Readers must not
 * trust the contents: any process can create such a memfd.
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
