// SPDX-License-Identifier: GPL-2.0-only
/*
 * Triggers the faults that the kernel reports in its log. Writing one of "warn", "oops", "hung" and
 * "stall" to the parameter "cause" starts a thread that does it. "hung" ends when "end" is written.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>

/* long enough for the soft-lockup detector to report it with kernel.watchdog_thresh=1 */
#define STALL_S 6

static bool ended;

static int trouble_warn(void *arg)
{
	WARN(1, "ksig's tests have caused this warning\n");
	return 0;
}

static int trouble_oops(void *arg)
{
	BUG();
	return 0;
}

static int trouble_hung(void *arg)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (READ_ONCE(ended))
			break;
		schedule_timeout(20 * HZ);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static int trouble_stall(void *arg)
{
	unsigned int ms;

	preempt_disable();
	for (ms = 0; ms < STALL_S * 1000; ms++)
		mdelay(1);
	preempt_enable();
	return 0;
}

static struct task_struct *hung;

static int cause_set(const char *text, const struct kernel_param *param)
{
	static const struct {
		const char *name;
		int (*run)(void *arg);
	} causes[] = {
		{ "warn", trouble_warn },
		{ "oops", trouble_oops },
		{ "hung", trouble_hung },
		{ "stall", trouble_stall },
	};
	struct task_struct *task;
	unsigned int i;

	if (sysfs_streq(text, "end")) {
		WRITE_ONCE(ended, true);
		if (hung)
			wake_up_process(hung);
		hung = NULL;
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(causes); i++) {
		if (!sysfs_streq(text, causes[i].name))
			continue;
		task = kthread_run(causes[i].run, NULL, "ksig_%s", causes[i].name);
		if (IS_ERR(task))
			return PTR_ERR(task);
		if (causes[i].run == trouble_hung)
			hung = task;
		return 0;
	}
	return -EINVAL;
}

static const struct kernel_param_ops cause_ops = { .set = cause_set };

module_param_cb(cause, &cause_ops, NULL, 0200);
MODULE_PARM_DESC(cause, "warn, oops, hung, stall or end");

MODULE_DESCRIPTION("Triggers kernel faults for ksig's tests");
MODULE_LICENSE("GPL");
