/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters select the events that are offered to a subscription. */
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
 * @subject: subject of the events that match, if @by_subject is set
 * @by_subject: only events about @subject match. If @pid is not NULL, @pid is compared
 *	instead
 * @pid: process that @subject referred to when the filter was set
 * @own: events about this process don't match. Events about children that the process has
 *	started since @own_since, and about their descendants, don't match either. NULL: no
 *	such condition
 * @own_since: CLOCK_MONOTONIC time when the filter was set
 * @rcu: frees the filter after a grace period
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
