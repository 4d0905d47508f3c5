/* SPDX-License-Identifier: MIT */
/*
 * For KSIG_SUB_SKIP_OWN: which processes were started by the subscriber since it subscribed,
 * directly or not. Known from the connector's forks; after lost messages, from /proc.
 */
#ifndef KSIG_NATIVE_KIN_H
#define KSIG_NATIVE_KIN_H

#include "native.h"

/**
 * enum kin - what a process is to the subscriber
 * @KIN_UNKNOWN: not known
 * @KIN_OTHER: not started by it
 * @KIN_OWN: it, or started by it
 * @KIN_COUNTED: not known, and its end was counted as possibly lost when its first thread to
 *	exit was reported
 */
enum kin { KIN_UNKNOWN, KIN_OTHER, KIN_OWN, KIN_COUNTED };

/**
 * struct ksig_kin - a table of all process numbers
 * @of: enum kin of each; NULL: not asked for. Only pages in use take memory
 * @since: when it was subscribed, CLOCK_MONOTONIC
 * @torn_until: KIN_UNKNOWN is another's process only after this; until then
 *	its fork may have been among the messages that were lost
 */
struct ksig_kin {
	unsigned char *of;
	uint64_t since;
	uint64_t torn_until;
};

/* Creates the table, to be freed by the caller. 0 or -ENOMEM */
int ksig_kin_begin(struct ksig_kin *k);
enum kin ksig_kin_of(const struct ksig_kin *k, pid_t pid);
/* @parent has forked @child at @time_ns. */
void ksig_kin_fork(struct ksig_kin *k, pid_t parent, pid_t child,
		   uint64_t time_ns);
/*
 * Messages were lost, forks may have been among them: looks in /proc for what is alive. Of
 * processes that are not, nothing is known.
 */
void ksig_kin_find(struct ksig_kin *k);
/*
 * Is an event of @pid at @time_ns to be left out? If it can't be attributed, it may be the
 * subscriber's own: it is left out and counted as possibly lost.
 */
bool ksig_kin_leaves_out(struct ksig_kin *k, struct ksig_native *n, pid_t pid,
			 uint64_t time_ns);

#endif /* KSIG_NATIVE_KIN_H */
