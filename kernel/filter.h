/* SPDX-License-Identifier: GPL-2.0-only */
/* Which events a subscription is offered. */
#ifndef KSIG_FILTER_H
#define KSIG_FILTER_H

#include <linux/rcupdate.h>
#include <linux/types.h>

#include <ksig/uapi.h>

struct ksig_notice;
struct pid;
struct pid_namespace;

/**
 * struct ksig_filter - a filter; immutable, freed after an RCU grace period
 * @types: bit mask of event types
 * @subject: with @by_subject
 * @by_subject: only events about @subject, or @pid if that is set
 * @pid: the process that @subject named when the filter was set
 * @own: no events about this process, nor about the processes that it and its
 *	descendants have started since @own_since; NULL: no such condition
 * @own_since: CLOCK_MONOTONIC
 * @rcu: frees it
 */
struct ksig_filter {
	u64 types;
	u64 subject;
	bool by_subject;
	struct pid *pid;
	struct pid *own;
	u64 own_since;
	struct rcu_head rcu;
};

struct ksig_filter *ksig_filter_create(const struct ksig_subscribe *s,
				       bool pids, struct pid_namespace *ns);
void ksig_filter_free(struct ksig_filter *f);
void ksig_filter_free_rcu(struct ksig_filter *f);
bool ksig_filter_match(const struct ksig_filter *f, const struct ksig_notice *n);

#endif /* KSIG_FILTER_H */
