// SPDX-License-Identifier: GPL-2.0-only
/* ksig: delivers kernel events to processes, by signal or through a file descriptor. */
#include <linux/module.h>

#include <ksig/version.h>

#include "backlog.h"
#include "channel.h"
#include "chardev.h"
#include "debugfs.h"
#include "events/events.h"
#include "exit_watch.h"
#include "hook.h"
#include "signal.h"

static int __init ksig_init(void)
{
	int err;

	ksig_signal_init();
	err = ksig_linger_init();
	if (err)
		return err;
	err = ksig_channel_init(&ksig_chan_fops);
	if (err)
		goto linger;
	err = ksig_backlog_init();
	if (err)
		goto channel;
	err = ksig_events_init();
	if (err)
		goto backlog;
	err = ksig_chardev_init();
	if (err)
		goto events;
	ksig_debugfs_init();
	return 0;

events:
	ksig_events_exit();
backlog:
	/* wait for subscriptions that are being freed: they still use the channels */
	ksig_backlog_exit();
	ksig_exit_watch_flush();
channel:
	ksig_channel_exit();
linger:
	ksig_linger_exit();
	return err;
}

static void __exit ksig_exit(void)
{
	ksig_debugfs_exit();
	ksig_chardev_exit();
	ksig_events_exit();
	ksig_backlog_exit();
	ksig_exit_watch_flush();
	ksig_channel_exit();
	ksig_linger_exit();
}

module_init(ksig_init);
module_exit(ksig_exit);

MODULE_DESCRIPTION("Kernel events for processes, by signal or file descriptor");
MODULE_AUTHOR("The ksig developers");
MODULE_VERSION(KSIG_VERSION);
MODULE_LICENSE("GPL");
