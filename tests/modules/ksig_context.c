// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test driver that emits events to its own channels from the requested context. Write one of
 * these commands to /sys/kernel/debug/ksig_context/do:
 *
 *	WHERE N		emit the values 1 to N to "context" from one of these contexts:
 *			process, preempt (disabled), irqsoff, hardirq, softirq, nmi
 *	probe N		until "unprobe", emit the values 1 to N to "context" from a
 *			tracepoint probe when the caller's process forks; where permitted,
 *			let other tasks run in between and count this in "preempted"
 *	unprobe 0	remove that probe
 *	locked N	emit N events to "large" while NMIs also emit to it, so that some
 *			NMIs interrupt an emit; "emitted" is the total number of events
 *	pid PID VALUE	emit VALUE to "pids" with process PID as the subject
 *	channels N	keep N channels "many0", ... (0: none)
 *	locked_destroy N	create N channels and destroy each while holding the lock
 *			that the start and stop callbacks of "locking" take
 *	name TEXT	create and destroy a channel named TEXT, which is the rest of the
 *			written data
 *
 * The write returns when all events have been emitted. NMIs come from QEMU's ib700 watchdog,
 * which must be configured to inject them. Only a PC has this watchdog. On other machines,
 * commands that need NMIs fail with EOPNOTSUPP.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/debugfs.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#ifdef CONFIG_X86
#include <asm/nmi.h>
#endif
#include <trace/events/sched.h>

#include <ksig/driver.h>

/*
 * Writing WATCHDOG_NOW enables the ib700 watchdog with a timeout of 0 seconds; QEMU fires it
 * immediately.
 */
#define WATCHDOG_PORT	0x443
#define WATCHDOG_NOW	0x0f

static struct ksig_channel *context, *pids, *large, *locking;
static u32 emitted;	/* events emitted to "large" */
static struct ksig_channel **many;
static unsigned int nmany;
static struct dentry *dir;
static atomic_t starts, stops;

static int on_start(void *ctx)
{
	atomic_inc(&starts);
	return 0;
}

static void on_stop(void *ctx)
{
	atomic_inc(&stops);
}

/* ------------------------------------------------------------ the contexts */

static unsigned long todo;
static DECLARE_COMPLETION(done);

static void emit_all(unsigned long n)
{
	unsigned long i;

	for (i = 1; i <= n; i++)
		ksig_emit(context, 0, 0, i);
}

static enum hrtimer_restart in_hardirq_timer(struct hrtimer *timer)
{
	WARN_ON(!in_hardirq());
	emit_all(todo);
	complete(&done);
	return HRTIMER_NORESTART;
}

static enum hrtimer_restart in_softirq_timer(struct hrtimer *timer)
{
	WARN_ON(!in_softirq());
	emit_all(todo);
	complete(&done);
	return HRTIMER_NORESTART;
}

static void emit_by_timer(enum hrtimer_mode mode,
		       enum hrtimer_restart (*function)(struct hrtimer *timer))
{
	struct hrtimer timer;

	hrtimer_setup_on_stack(&timer, function, CLOCK_MONOTONIC, mode);
	hrtimer_start(&timer, ms_to_ktime(1), mode);
	wait_for_completion(&done);
	hrtimer_cancel(&timer);
	destroy_hrtimer_on_stack(&timer);
}

#ifdef CONFIG_X86
static struct ksig_channel *nmi_channel;
static unsigned long nmi_values;	/* number of values emitted by NMIs so far */
static bool nmi_wanted, nmi_done;

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	unsigned long i;

	if (!READ_ONCE(nmi_wanted))
		return NMI_DONE;
	WRITE_ONCE(nmi_wanted, false);
	for (i = 0; i < todo; i++)
		ksig_emit(nmi_channel, 0, 1, ++nmi_values);
	/* publish the values that this NMI emitted; pairs with one_nmi() */
	smp_store_release(&nmi_done, true);
	return NMI_HANDLED;
}

static int one_nmi(void)
{
	unsigned long limit = jiffies + 30 * HZ;

	WRITE_ONCE(nmi_done, false);
	/* publish todo and nmi_channel; pairs with the start of the NMI */
	smp_store_release(&nmi_wanted, true);
	outb(WATCHDOG_NOW, WATCHDOG_PORT);
	/* pairs with on_nmi() */
	while (!smp_load_acquire(&nmi_done)) {
		if (time_after(jiffies, limit))
			return -ENODEV;
		cpu_relax();
	}
	return 0;
}

static int from_nmi(unsigned long n)
{
	int err;

	nmi_channel = context;
	nmi_values = 0;
	todo = n;
	err = register_nmi_handler(NMI_UNKNOWN, on_nmi, 0, "ksig_context");
	if (err)
		return err;
	err = one_nmi();
	unregister_nmi_handler(NMI_UNKNOWN, "ksig_context");
	return err;
}

/*
 * Requests NMIs that emit one event each while this function also emits, so that some NMIs occur
 * while the queue's lock is held. The NMIs arrive on CPU 0, so the caller must run there.
 */
static int while_locked(unsigned long n)
{
	unsigned long i, before = 0;
	int err, tries;

	nmi_channel = large;
	nmi_values = 0;
	todo = 1;
	err = register_nmi_handler(NMI_UNKNOWN, on_nmi, 0, "ksig_context");
	if (err)
		return err;
	for (i = 1; i <= n;) {
		before = READ_ONCE(nmi_values);
		WRITE_ONCE(nmi_wanted, true);
		outb(WATCHDOG_NOW, WATCHDOG_PORT);
		/*
		 * The device's timer fires during this loop. Emit at least one event for each
		 * requested NMI, so that the events from NMIs never outnumber these events.
		 */
		do
			ksig_emit(large, 0, 0, i++);
		while (i <= n && READ_ONCE(nmi_values) == before);
	}
	/* the last requested NMI might not have arrived yet */
	for (tries = 0; tries < 50 && READ_ONCE(nmi_values) == before; tries++)
		msleep(20);	/* wait: interval between two checks of a condition */
	unregister_nmi_handler(NMI_UNKNOWN, "ksig_context");
	WRITE_ONCE(nmi_wanted, false);
	emitted = n + nmi_values;
	return nmi_values ? 0 : -ENODEV;
}
#else
static int from_nmi(unsigned long n)
{
	return -EOPNOTSUPP;
}

static int while_locked(unsigned long n)
{
	return -EOPNOTSUPP;
}
#endif

static struct tracepoint *forks;
static struct task_struct *forker;	/* used only for comparison */
static u32 preempted;

static void on_fork(void *unused, struct task_struct *parent,
		    struct task_struct *child)
{
	unsigned long i;

	if (parent->group_leader != READ_ONCE(forker))
		return;
	for (i = 1; i <= todo; i++) {
		ksig_emit(context, 0, 0, i);
		if (!(i % 16) && preemptible()) {
			preempted++;
			schedule();
		}
	}
}

static void find_forks(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "sched_process_fork"))
		forks = tp;
}

static int probe_forks(unsigned long n)
{
	int err;

	check_trace_callback_type_sched_process_fork(on_fork);
	for_each_kernel_tracepoint(find_forks, NULL);
	if (!forks || forker)
		return -EBUSY;
	todo = n;
	preempted = 0;
	WRITE_ONCE(forker, current->group_leader);
	err = tracepoint_probe_register(forks, on_fork, NULL);
	if (err)
		forker = NULL;
	return err;
}

static int no_probe(void)
{
	if (!forker)
		return -EINVAL;
	tracepoint_probe_unregister(forks, on_fork, NULL);
	tracepoint_synchronize_unregister();
	forker = NULL;
	return 0;
}

static int emit_from(const char *where, unsigned long n)
{
	unsigned long flags;

	todo = n;
	if (!strcmp(where, "process")) {
		emit_all(n);
	} else if (!strcmp(where, "preempt")) {
		preempt_disable();
		emit_all(n);
		preempt_enable();
	} else if (!strcmp(where, "irqsoff")) {
		local_irq_save(flags);
		emit_all(n);
		local_irq_restore(flags);
	} else if (!strcmp(where, "hardirq")) {
		emit_by_timer(HRTIMER_MODE_REL_HARD, in_hardirq_timer);
	} else if (!strcmp(where, "softirq")) {
		emit_by_timer(HRTIMER_MODE_REL_SOFT, in_softirq_timer);
	} else if (!strcmp(where, "nmi")) {
		return from_nmi(n);
	} else if (!strcmp(where, "probe")) {
		return probe_forks(n);
	} else if (!strcmp(where, "unprobe")) {
		return no_probe();
	} else if (!strcmp(where, "locked")) {
		return while_locked(n);
	} else {
		return -EINVAL;
	}
	return 0;
}

/* ----------------------------------------------------------- other commands */

/* Emits an event about a process, with value % 64 bytes of data. All of these bytes are 0xff. */
static int emit_about(int nr, u64 value)
{
	u8 data[64];
	struct ksig_notice n = {
		.value = value, .pid = find_get_pid(nr), .data = data, .len = value % 64,
	};

	if (!n.pid)
		return -ESRCH;
	memset(data, 0xff, sizeof(data));
	ksig_emit_notice(pids, &n);
	put_pid(n.pid);
	return 0;
}

static void no_channels(void)
{
	while (nmany)
		ksig_channel_destroy(many[--nmany]);
	kvfree(many);
	many = NULL;
}

static int have_channels(unsigned long n)
{
	static const struct ksig_channel_desc desc = { .name = "many%d" };
	struct ksig_channel *ch;

	no_channels();
	if (!n)
		return 0;
	many = kvcalloc(n, sizeof(*many), GFP_KERNEL);
	if (!many)
		return -ENOMEM;
	while (nmany < n) {
		ch = ksig_channel_create(&desc);
		if (IS_ERR(ch)) {
			no_channels();
			return PTR_ERR(ch);
		}
		many[nmany++] = ch;
	}
	return 0;
}

/* held in the start and stop callbacks of "locking", and while other channels are destroyed */
static DEFINE_MUTEX(driver_lock);

static int locking_start(void *ctx)
{
	mutex_lock(&driver_lock);
	mutex_unlock(&driver_lock);
	return 0;
}

static void locking_stop(void *ctx)
{
	locking_start(ctx);
}

static int locked_destroy(unsigned long n)
{
	const struct ksig_channel_desc desc = { .name = "locked%d" };
	struct ksig_channel *ch;
	int err = 0;

	while (n-- && !err) {
		ch = ksig_channel_create(&desc);
		err = PTR_ERR_OR_ZERO(ch);
		mutex_lock(&driver_lock);
		ksig_channel_destroy(ch);
		mutex_unlock(&driver_lock);
	}
	return err;
}

static int try_name(const char *name)
{
	const struct ksig_channel_desc desc = { .name = name };
	struct ksig_channel *ch = ksig_channel_create(&desc);

	if (IS_ERR(ch))
		return PTR_ERR(ch);
	ksig_channel_destroy(ch);
	return 0;
}

static ssize_t do_write(struct file *file, const char __user *buf,
			size_t count, loff_t *ppos)
{
	char line[64], where[16];
	u64 value;
	long n;
	int err;

	if (count >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, count))
		return -EFAULT;
	line[count] = '\0';
	if (!strncmp(line, "name ", 5))
		err = try_name(line + 5);
	else if (sscanf(line, "pid %ld %llu", &n, &value) == 2)
		err = emit_about(n, value);
	else if (sscanf(line, "channels %ld", &n) == 1)
		err = have_channels(n);
	else if (sscanf(line, "locked_destroy %ld", &n) == 1)
		err = locked_destroy(n);
	else if (sscanf(line, "%15s %ld", where, &n) == 2)
		err = emit_from(where, n);
	else
		err = -EINVAL;
	return err ? err : count;
}

static const struct file_operations do_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.write = do_write,
};

static void no_context(void)
{
	ksig_channel_destroy(locking);
	ksig_channel_destroy(large);
	ksig_channel_destroy(pids);
	ksig_channel_destroy(context);
}

static int __init context_init(void)
{
	const struct ksig_channel_desc desc = {
		.name = "context",
		.description = "emits from any context",
		.start = on_start,
		.stop = on_stop,
	};
	static const char *const types[] = { "one", "two", NULL };
	const struct ksig_channel_desc pids_desc = {
		.name = "pids",
		.types = types,
		.mode = 0666,
		.event_size = 128,
		.flags = KSIG_CHANNEL_PIDS,
	};

	const struct ksig_channel_desc large_desc = {
		.name = "large",
		.event_size = 4096,
	};
	const struct ksig_channel_desc locking_desc = {
		.name = "locking",
		.start = locking_start,
		.stop = locking_stop,
	};
	int err;

	context = ksig_channel_create(&desc);
	pids = ksig_channel_create(&pids_desc);
	large = ksig_channel_create(&large_desc);
	locking = ksig_channel_create(&locking_desc);
	err = PTR_ERR_OR_ZERO(context) ?: PTR_ERR_OR_ZERO(pids) ?:
	      PTR_ERR_OR_ZERO(large) ?: PTR_ERR_OR_ZERO(locking);
	if (err) {
		no_context();
		return err;
	}
	dir = debugfs_create_dir("ksig_context", NULL);
	debugfs_create_file("do", 0200, dir, NULL, &do_fops);
	debugfs_create_u32("emitted", 0400, dir, &emitted);
	debugfs_create_u32("preempted", 0400, dir, &preempted);
	debugfs_create_atomic_t("starts", 0400, dir, &starts);
	debugfs_create_atomic_t("stops", 0400, dir, &stops);
	return 0;
}

static void __exit context_exit(void)
{
	debugfs_remove(dir);
	no_probe();
	no_channels();
	no_context();
	WARN_ON(atomic_read(&starts) != atomic_read(&stops));
}

module_init(context_init);
module_exit(context_exit);

MODULE_DESCRIPTION("Emits ksig events from any context, for tests");
MODULE_LICENSE("GPL");
