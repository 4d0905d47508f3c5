/* SPDX-License-Identifier: MIT */
/* The status that the library publishes for `ksig status`. Not part of the ABI. */
#ifndef KSIG_STATUS_H
#define KSIG_STATUS_H

#include <ksig/libksig.h>

/**
 * struct ksig_status - what a subscription publishes for `ksig status`
 * @magic: KSIG_STATUS_MAGIC, without a terminator; another layout needs another one
 * @provider: "module", "bpf" or "native"
 * @event: as it was given to ksig_sub_open(), cut off where it is too long
 * @filter: KSIG_STATUS_*: what applies it
 * @fd: "module": the channel's descriptor, whose fdinfo shows more; else -1
 * @target: the target that is armed, if @stats.flags has KSIG_STATS_ARMED: its number in the
 *	pid namespace of the process that armed. Only if the library relays
 * @signo: as armed
 * @mode: as armed
 * @flags: as armed
 * @seq: odd while @target to @stats change; changes with them
 * @stats: as ksig_sub_stats(), at the last update. "module": zeros, unless the library
 *	relays
 * @lost_upto: as in struct ksig_sub_stats, at the same time
 *
 * Each subscription keeps one in a memfd, which is found as
 * /proc/PID/fd/N -> "/memfd:ksig (deleted)" by processes that are permitted to
 * see the descriptors. Trust nothing in it: any process can make one.
 */
#define KSIG_STATUS_NAME	"ksig"
#define KSIG_STATUS_MAGIC	"ksigsub2"
#define KSIG_STATUS_NO_FILTER	0
#define KSIG_STATUS_KERNEL	1
#define KSIG_STATUS_LIBRARY	2	/* at least a part of it */

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
