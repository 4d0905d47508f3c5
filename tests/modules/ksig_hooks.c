// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shows the hooks that ksig.ko has installed, as seen by the kernel. /sys/kernel/debug/ksig_hooks
 * contains one line per hook: "tracepoint NAME" for a tracepoint with one of ksig's probes,
 * "notifier CHAIN" for a notifier chain with one of ksig's callbacks. To read a chain, this module
 * registers a callback at the front of the chain and walks the list from there.
 */
#include <linux/debugfs.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/seq_file.h>
#include <linux/suspend.h>
#include <linux/tracepoint.h>

/* Returns true if @function is in ksig.ko. %pS formats the address as function+offset [module]. */
static bool is_ksigs(const void *function)
{
	char name[KSYM_SYMBOL_LEN];

	snprintf(name, sizeof(name), "%pS", function);
	return strstr(name, "[ksig]");
}

static void show_tracepoint(struct tracepoint *tp, void *m)
{
	struct tracepoint_func *func;

	rcu_read_lock_sched();
	for (func = rcu_dereference_sched(tp->funcs); func && func->func; func++) {
		if (is_ksigs(func->func))
			seq_printf(m, "tracepoint %s\n", tp->name);
	}
	rcu_read_unlock_sched();
}

static int ignore(struct notifier_block *nb, unsigned long event, void *data)
{
	return NOTIFY_DONE;
}

/* the first entry of each chain while this module is loaded */
#define FIRST { .notifier_call = ignore, .priority = INT_MAX }
static struct notifier_block netdev_first = FIRST, pm_first = FIRST,
			     oom_first = FIRST, module_first = FIRST;

static void show_chain(struct seq_file *m, const char *name,
		       struct notifier_block *first)
{
	struct notifier_block *nb;

	rcu_read_lock();
	for (nb = rcu_dereference(first->next); nb;
	     nb = rcu_dereference(nb->next)) {
		if (is_ksigs(nb->notifier_call))
			seq_printf(m, "notifier %s\n", name);
	}
	rcu_read_unlock();
}

static int ksig_hooks_show(struct seq_file *m, void *unused)
{
	for_each_kernel_tracepoint(show_tracepoint, m);
	show_chain(m, "netdev", &netdev_first);
	show_chain(m, "pm", &pm_first);
	show_chain(m, "oom", &oom_first);
	show_chain(m, "module", &module_first);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ksig_hooks);

static struct dentry *file;

static int __init hooks_init(void)
{
	register_netdevice_notifier(&netdev_first);
	register_pm_notifier(&pm_first);
	register_oom_notifier(&oom_first);
	register_module_notifier(&module_first);
	file = debugfs_create_file("ksig_hooks", 0400, NULL, NULL,
				   &ksig_hooks_fops);
	return 0;
}

static void __exit hooks_exit(void)
{
	debugfs_remove(file);
	unregister_module_notifier(&module_first);
	unregister_oom_notifier(&oom_first);
	unregister_pm_notifier(&pm_first);
	unregister_netdevice_notifier(&netdev_first);
}

module_init(hooks_init);
module_exit(hooks_exit);

MODULE_DESCRIPTION("Shows the hooks that ksig has installed in the kernel, for tests");
MODULE_LICENSE("GPL");
