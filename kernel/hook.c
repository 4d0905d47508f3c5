// SPDX-License-Identifier: GPL-2.0-only
/* Probes on the kernel's tracepoints, which are looked up by name. */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/string.h>

#include "hook.h"

/* How long a hook stays registered after its last user has stopped. */
#define KSIG_LINGER	HZ

static struct workqueue_struct *ksig_linger_wq;

struct ksig_tracepoint_search {
	const char *name;
	struct tracepoint *found;
};

static void ksig_tracepoint_compare(struct tracepoint *tp, void *data)
{
	struct ksig_tracepoint_search *search = data;

	if (!strcmp(tp->name, search->name))
		search->found = tp;
}

/**
 * ksig_hooks_add() - register either all probes or none
 * @hooks: the probes, in the order in which they are registered
 * @n: number of probes
 *
 * Context: process, may sleep.
 *
 * Return: 0; -EOPNOTSUPP if the kernel lacks a tracepoint; -ENOMEM.
 */
int ksig_hooks_add(struct ksig_hook *hooks, unsigned int n)
{
	struct ksig_tracepoint_search search;
	unsigned int i;
	int err = 0;

	for (i = 0; i < n && !err; i++) {
		search = (struct ksig_tracepoint_search){ hooks[i].name };
		for_each_kernel_tracepoint(ksig_tracepoint_compare, &search);
		if (search.found)
			err = tracepoint_probe_register(search.found,
							hooks[i].probe, NULL);
		else if (!hooks[i].optional)
			err = -EOPNOTSUPP;
		if (!err)
			hooks[i].tp = search.found;
	}
	if (err)
		ksig_hooks_remove(hooks, i);
	return err;
}

/**
 * ksig_hooks_remove() - unregister probes, in reverse order
 * @hooks: the probes
 * @n: number of probes
 *
 * No probe is running after this returns.
 *
 * Context: process, may sleep.
 */
void ksig_hooks_remove(struct ksig_hook *hooks, unsigned int n)
{
	while (n--) {
		if (hooks[n].tp)
			tracepoint_probe_unregister(hooks[n].tp,
						    hooks[n].probe, NULL);
		hooks[n].tp = NULL;
	}
	tracepoint_synchronize_unregister();
}

/**
 * ksig_linger_later() - run a work item KSIG_LINGER after this call
 * @work: work item that removes hooks
 *
 * Context: any except NMI.
 *
 * Return: true if @work was pending and has been postponed.
 */
bool ksig_linger_later(struct delayed_work *work)
{
	return mod_delayed_work(ksig_linger_wq, work, KSIG_LINGER);
}

int __init ksig_linger_init(void)
{
	ksig_linger_wq = alloc_workqueue("ksig_linger", WQ_UNBOUND, 0);
	return ksig_linger_wq ? 0 : -ENOMEM;
}

/* All work items must have run or been cancelled, but may still be returning. */
void ksig_linger_exit(void)
{
	destroy_workqueue(ksig_linger_wq);
}
