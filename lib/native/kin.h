/* SPDX-License-Identifier: MIT */
/*
 * For KSIG_SUB_SKIP_OWN, tracks the processes that the subscriber has started since it subscribed,
 * and the descendants of those processes. These processes are known from the connector's fork
 * messages. After messages were lost, the processes are looked up in /proc.
 */
#ifndef KSIG_NATIVE_KIN_H
#define KSIG_NATIVE_KIN_H

#include "native.h"

/**
 * enum kin - relation of a process to the subscriber
 * @KIN_UNKNOWN: unknown
 * @KIN_OTHER: not started by the subscriber
 * @KIN_OWN: the subscriber, or started by it
 * @KIN_COUNTED: unknown; the exit of the process was counted as possibly lost when the first of its
 *	threads exited
 */
enum kin { KIN_UNKNOWN, KIN_OTHER, KIN_OWN, KIN_COUNTED };

/**
 * struct ksig_kin - a table of all pids
 * @of: enum kin of each pid; NULL if not requested. Unused pages take no memory.
 * @since: time of the subscription, CLOCK_MONOTONIC
 * @unsure_until: until this time, the fork message of a process that is KIN_UNKNOWN may have been
 *	lost. An unknown process that is forked later was not started by the subscriber.
 */
struct ksig_kin {
	unsigned char *of;
	uint64_t since;
	uint64_t unsure_until;
};

/* Creates the table, which the caller frees. Return: 0 or -ENOMEM. */
int ksig_kin_begin(struct ksig_kin *k);
enum kin ksig_kin_of(const struct ksig_kin *k, pid_t pid);
/* Records that @parent forked @child at @time_ns. */
void ksig_kin_fork(struct ksig_kin *k, pid_t parent, pid_t child,
		   uint64_t time_ns);
/*
 * Looks up all live processes in /proc; all other pids become unknown. Must be called after
 * messages were lost, because these may have included forks.
 */
void ksig_kin_find(struct ksig_kin *k);
/*
 * Checks whether to skip an event of @pid at @time_ns. If the relation is unknown, the process may
 * be the subscriber's own, so the event is skipped and counted as possibly lost.
 */
bool ksig_kin_exclude(struct ksig_kin *k, struct ksig_native *n, pid_t pid,
		      uint64_t time_ns);

#endif /* KSIG_NATIVE_KIN_H */
