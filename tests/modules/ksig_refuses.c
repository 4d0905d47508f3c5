// SPDX-License-Identifier: GPL-2.0-only
/* A module whose init function fails. Loading it must not cause an event. */
#include <linux/module.h>

static int __init refuses_init(void)
{
	return -EPERM;
}

module_init(refuses_init);

MODULE_DESCRIPTION("Fails to load, for ksig's tests");
MODULE_LICENSE("GPL");
