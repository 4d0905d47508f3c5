// SPDX-License-Identifier: GPL-2.0-only
/* ksig: kernel code tells processes that something happened. */
#include <linux/module.h>

#include <ksig/version.h>

#include "ksig.h"

static int __init ksig_init(void)
{
	int err;

	ksig_signal_init();
	err = ksig_channel_init();
	if (err)
		return err;
	err = ksig_sub_init();
	if (err)
		goto channel;
	err = ksig_events_init();
	if (err)
		goto sub;
	err = ksig_chardev_init();
	if (err)
		goto events;
	ksig_debugfs_init();
	return 0;

events:
	ksig_events_exit();
sub:
	/* subscriptions that are still on their way out use the channels */
	ksig_sub_exit();
channel:
	ksig_channel_exit();
	return err;
}

static void __exit ksig_exit(void)
{
	ksig_debugfs_exit();
	ksig_chardev_exit();
	ksig_events_exit();
	ksig_sub_exit();
	ksig_channel_exit();
}

module_init(ksig_init);
module_exit(ksig_exit);

MODULE_DESCRIPTION("Tell processes about kernel events by signal or descriptor");
MODULE_AUTHOR("The ksig developers");
MODULE_VERSION(KSIG_VERSION);
MODULE_LICENSE("GPL");
