/* SPDX-License-Identifier: GPL-2.0-only */
/* Detects when the target of an armed subscription exits. */
#ifndef KSIG_EXIT_WATCH_H
#define KSIG_EXIT_WATCH_H

#include <linux/types.h>

struct irq_work;
struct pid;

/**
 * struct ksig_exit_watch - a watched target
 * @node: node in the table of all watched targets; read under RCU
 * @pid: pid of the watched thread, or of the watched process; the owner holds the reference
 * @work: queued when that thread, or any thread of that process, exits
 */
struct ksig_exit_watch {
	struct hlist_node node;
	struct pid *pid;
	struct irq_work *work;
};

int ksig_exit_watch_start(bool *started);
void ksig_exit_watch_stop(bool *started);
void ksig_exit_watch_flush(void);
void ksig_exit_watch_replace(struct ksig_exit_watch *old,
			     struct ksig_exit_watch *new);

#endif /* KSIG_EXIT_WATCH_H */
