/* SPDX-License-Identifier: MIT */
/*
 * For KSIG_SUB_SKIP_OWN: the processes that the subscriber has started, directly or not, since
 * it subscribed. They are known from the connector's forks and, after lost messages, from /proc.
 */
#ifndef KSIG_NATIVE_KIN_H
#define KSIG_NATIVE_KIN_H

#include "native.h"

/**
 * enum kin - how a process is related to the subscriber
 * @KIN_UNKNOWN: not known
 * @KIN_OTHER: not started by it
 * @KIN_OWN: the subscriber, or started by it
 * @KIN_COUNTED: not known, and its exit was counted as possibly lost when the first exit of
 *	one of its threads was reported
 */
enum kin { KIN_UNKNOWN, KIN_OTHER, KIN_OWN, KIN_COUNTED };

/**
 * struct ksig_kin - a table of all process numbers
 * @of: enum kin of each; NULL: not requested. Only pages in use take memory
 * @since: time of the subscription, CLOCK_MONOTONIC
 * @unsure_until: up to this time the fork of a process that is KIN_UNKNOWN may have been among
 *	the lost messages. Later it is another program's
 */
struct ksig_kin {
	unsigned char *of;
	uint64_t since;
	uint64_t unsure_until;
};

/* Creates the table, to be freed by the caller. 0 or -ENOMEM */
int ksig_kin_begin(struct ksig_kin *k);
enum kin ksig_kin_of(const struct ksig_kin *k, pid_t pid);
/* @parent has forked @child at @time_ns. */
void ksig_kin_fork(struct ksig_kin *k, pid_t parent, pid_t child,
		   uint64_t time_ns);
/*
 * To be called after messages, and maybe forks, were lost: finds the live processes in
 * /proc. All others are unknown.
 */
void ksig_kin_find(struct ksig_kin *k);
/*
 * Is an event of @pid at @time_ns to be left out? If it isn't known whose process it is, it
 * may be the subscriber's own: it is left out and counted as possibly lost.
 */
bool ksig_kin_exclude(struct ksig_kin *k, struct ksig_native *n, pid_t pid,
		      uint64_t time_ns);

#endif /* KSIG_NATIVE_KIN_H */
