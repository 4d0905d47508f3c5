// SPDX-License-Identifier: GPL-2.0-only
/*
 * The built-in channels, which always exist. Each channel has its own file in this directory. The
 * channel's start function installs hooks in the kernel, and its stop function removes them.
 * Therefore a channel without subscriptions has no hooks, except for a short time after the last
 * subscription was closed.
 */
#include <linux/init.h>
#include <linux/kernel.h>

#include "../channel.h"
#include "events.h"

static struct ksig_builtin *const ksig_builtins[] = {
	&ksig_test,
	&ksig_process,
	&ksig_memory,
	&ksig_power,
#ifdef CONFIG_NET
	&ksig_net,
#endif
	&ksig_cpu,
	&ksig_kmod,
};

static void ksig_events_destroy(unsigned int n)
{
	while (n--)
		ksig_channel_destroy(ksig_builtins[n]->chan);
}

int __init ksig_events_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(ksig_builtins); i++) {
		err = ksig_channel_create_at(&ksig_builtins[i]->desc,
					     &ksig_builtins[i]->chan);
		if (err) {
			ksig_events_destroy(i);
			return err;
		}
	}
	return 0;
}

void ksig_events_exit(void)
{
	ksig_events_destroy(ARRAY_SIZE(ksig_builtins));
}
