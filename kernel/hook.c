// SPDX-License-Identifier: GPL-2.0-only
/* Probes on the kernel's tracepoints, which are found by name. */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "ksig.h"

struct ksig_search {
	const char *name;
	struct tracepoint *found;
};

static void ksig_compare(struct tracepoint *tp, void *data)
{
	struct ksig_search *search = data;

	if (!strcmp(tp->name, search->name))
		search->found = tp;
}

/* NULL: this kernel has none of that name. */
static struct tracepoint *ksig_tracepoint(const char *name)
{
	struct ksig_search search = { .name = name };

	for_each_kernel_tracepoint(ksig_compare, &search);
	return search.found;
}

static int ksig_hook_add(struct ksig_hook *hook)
{
	struct tracepoint *tp = ksig_tracepoint(hook->name);
	int err;

	if (!tp)
		return hook->optional ? 0 : -EOPNOTSUPP;
	err = tracepoint_probe_register(tp, hook->probe, NULL);
	if (!err)
		hook->tp = tp;
	return err;
}

/**
 * ksig_hooks_add() - put probes in place, all or none
 * @hooks: the probes, in the order in which they are to begin
 * @n: how many
 *
 * Context: process, may sleep.
 *
 * Return: 0, -EOPNOTSUPP a tracepoint is not there, -ENOMEM.
 */
int ksig_hooks_add(struct ksig_hook *hooks, unsigned int n)
{
	unsigned int i;
	int err;

	for (i = 0; i < n; i++) {
		err = ksig_hook_add(&hooks[i]);
		if (err) {
			ksig_hooks_remove(hooks, i);
			return err;
		}
	}
	return 0;
}

/**
 * ksig_hooks_remove() - take probes away, the last one first
 * @hooks: the probes
 * @n: how many
 *
 * Context: process, may sleep. No probe runs any more once it returns.
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
