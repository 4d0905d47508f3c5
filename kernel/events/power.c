// SPDX-License-Identifier: GPL-2.0-only
/* /dev/ksig/power: the system suspends and resumes. */
#include <linux/notifier.h>
#include <linux/suspend.h>

#include "events.h"

/* Context: process, before user space is frozen or after it is thawed. */
static int ksig_on_pm(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	switch (action) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
		ksig_emit(ksig_power.chan, KSIG_POWER_SUSPEND, 0, 0);
		break;
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
		ksig_emit(ksig_power.chan, KSIG_POWER_RESUME, 0, 0);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block ksig_pm_notifier = {
	.notifier_call = ksig_on_pm,
};

static int ksig_power_start(void *ctx)
{
	/* without CONFIG_PM_SLEEP, registration succeeds but the notifier is never called */
	if (!IS_ENABLED(CONFIG_PM_SLEEP))
		return -EOPNOTSUPP;
	return register_pm_notifier(&ksig_pm_notifier);
}

static void ksig_power_stop(void *ctx)
{
	unregister_pm_notifier(&ksig_pm_notifier);
}

static const char *const ksig_power_types[] = { "suspend", "resume", NULL };

struct ksig_builtin ksig_power = {
	.desc = {
		.name = "power",
		.description = "the machine is about to be suspended, or has resumed",
		.types = ksig_power_types,
		.mode = 0640,
		.start = ksig_power_start,
		.stop = ksig_power_stop,
	},
};
