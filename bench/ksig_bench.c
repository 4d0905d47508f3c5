// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that notifies a process through ksig and through each of the alternatives to ksig, so
 * that bench.c can compare their costs. bench.h describes the interface.
 *
 * The driver supports only one user (root) at a time and is not meant to be robust.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/kfifo.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/timex.h>
#include <linux/uaccess.h>

#include <ksig/driver.h>

#include "bench.h"

static struct ksig_channel *channel;

/* ------------------------------------------------------------------ the peers */

/* Protected by bench_lock */
static struct eventfd_ctx *eventfd;
static struct pid *target;
static DEFINE_MUTEX(bench_lock);

static DEFINE_KFIFO(fifo, struct bench_record, 256);
static DEFINE_SPINLOCK(fifo_lock);
static DEFINE_MUTEX(fifo_readers);
static DECLARE_WAIT_QUEUE_HEAD(fifo_wait);
static struct fasync_struct *fasync;

static void by_nothing(u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		barrier();
}

static void by_emit(u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		ksig_emit(channel, 0, i, i);
		barrier();
	}
}

static void by_eventfd(u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		eventfd_signal(eventfd);
}

static void by_kfifo(u32 n)
{
	struct bench_record record = { };
	u32 i;

	for (i = 0; i < n; i++) {
		record.value = i;
		kfifo_in_spinlocked(&fifo, &record, 1, &fifo_lock);
		wake_up_interruptible(&fifo_wait);
	}
}

/* Like a real driver, keeps a struct pid, because the task may exit and its pid be reused. */
static void send_one(u32 value)
{
	struct kernel_siginfo info;
	struct task_struct *task;

	clear_siginfo(&info);
	info.si_signo = BENCH_SIGNO;
	info.si_code = SI_QUEUE;
	info.si_int = value;
	rcu_read_lock();
	task = pid_task(target, PIDTYPE_PID);
	if (task)
		send_sig_info(BENCH_SIGNO, &info, task);
	rcu_read_unlock();
}

static void by_signal(u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		send_one(i);
}

static void by_fasync(u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		kill_fasync(&fasync, SIGIO, POLL_IN);
}

static void (*const ways[BENCH_OPS])(u32 n) = {
	[BENCH_NOTHING] = by_nothing,
	[BENCH_EMIT] = by_emit,
	[BENCH_EVENTFD] = by_eventfd,
	[BENCH_KFIFO] = by_kfifo,
	[BENCH_SIGNAL] = by_signal,
	[BENCH_FASYNC] = by_fasync,
};

/* Do operation @op @n times. The caller holds bench_lock, except in the interrupt handler. */
static int tell(u32 op, u32 n)
{
	if (op >= BENCH_OPS)
		return -EINVAL;
	if ((op == BENCH_EVENTFD && !eventfd) ||
	    (op == BENCH_SIGNAL && !target))
		return -ENXIO;
	ways[op](n);
	return 0;
}

/* ------------------------------------------------------------- an interrupt */

/* QEMU's edu card raises an interrupt when a register is written. */
#define EDU_IRQ_RAISE	0x60
#define EDU_IRQ_ACK	0x64
#define EDU_IRQ_STATUS	0x24

static struct pci_dev *edu;
static void __iomem *edu_regs;
static u32 irq_op;
static u64 irq_began;

static irqreturn_t on_interrupt(int irq, void *data)
{
	u32 raised = ioread32(edu_regs + EDU_IRQ_STATUS);

	if (!raised)
		return IRQ_NONE;
	iowrite32(raised, edu_regs + EDU_IRQ_ACK);
	irq_began = get_cycles();
	tell(irq_op, 1);
	return IRQ_HANDLED;
}

/* The card is optional: only the interrupt measurements need it. */
static int edu_begin(void)
{
	int err;

	edu = pci_get_device(0x1234, 0x11e8, NULL);
	if (!edu)
		return 0;
	err = pci_enable_device(edu);
	if (err)
		goto put;
	edu_regs = pci_iomap(edu, 0, 0);
	err = edu_regs ? 0 : -ENOMEM;
	if (err)
		goto disable;
	err = request_irq(edu->irq, on_interrupt, IRQF_SHARED, "ksig_bench",
			  &edu);
	if (!err)
		return 0;
	pci_iounmap(edu, edu_regs);
disable:
	pci_disable_device(edu);
put:
	pci_dev_put(edu);
	edu = NULL;
	return err;
}

static void edu_end(void)
{
	if (!edu)
		return;
	free_irq(edu->irq, &edu);
	pci_iounmap(edu, edu_regs);
	pci_disable_device(edu);
	pci_dev_put(edu);
}

static long bench_interrupt(u32 op)
{
	if (!edu)
		return -ENODEV;
	if (op >= BENCH_OPS)
		return -EINVAL;
	irq_op = op;
	/* the write is posted; reading a register ensures that the write has reached the card */
	iowrite32(1, edu_regs + EDU_IRQ_RAISE);
	ioread32(edu_regs + EDU_IRQ_STATUS);
	return 0;
}

/* ------------------------------------------------------------------- the node */

static ssize_t bench_write(struct file *file, const char __user *buf,
			   size_t count, loff_t *ppos)
{
	struct bench_trigger trigger;
	int err;

	if (count != sizeof(trigger))
		return -EINVAL;
	if (copy_from_user(&trigger, buf, sizeof(trigger)))
		return -EFAULT;
	mutex_lock(&bench_lock);
	err = tell(trigger.op, trigger.n);
	mutex_unlock(&bench_lock);
	return err ?: count;
}

static ssize_t bench_read(struct file *file, char __user *buf, size_t count,
			  loff_t *ppos)
{
	unsigned int copied;
	int err;

	if (kfifo_is_empty(&fifo)) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(fifo_wait,
					       !kfifo_is_empty(&fifo));
		if (err)
			return err;
	}
	if (mutex_lock_interruptible(&fifo_readers))
		return -ERESTARTSYS;
	err = kfifo_to_user(&fifo, buf, count, &copied);
	mutex_unlock(&fifo_readers);
	return err ?: copied;
}

static __poll_t bench_poll(struct file *file, poll_table *wait)
{
	poll_wait(file, &fifo_wait, wait);
	return kfifo_is_empty(&fifo) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static int bench_fasync(int fd, struct file *file, int on)
{
	return fasync_helper(fd, file, on, &fasync);
}

static long bench_time(struct bench_time __user *arg)
{
	struct bench_time t;
	cycles_t begin;
	int err;

	if (copy_from_user(&t, arg, sizeof(t)))
		return -EFAULT;
	begin = get_cycles();
	err = tell(t.op, t.n);
	t.took = get_cycles() - begin;
	if (err)
		return err;
	return copy_to_user(arg, &t, sizeof(t)) ? -EFAULT : 0;
}

static long bench_use_eventfd(int fd)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(fd);

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	eventfd = ctx;
	return 0;
}

static long bench_signal_me(void)
{
	put_pid(target);
	target = get_pid(task_pid(current));
	return 0;
}

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	long ret = -ENOTTY;

	mutex_lock(&bench_lock);
	switch (cmd) {
	case BENCH_IOC_TIME:
		ret = bench_time((void __user *)arg);
		break;
	case BENCH_IOC_EVENTFD:
		ret = bench_use_eventfd(arg);
		break;
	case BENCH_IOC_ME:
		ret = bench_signal_me();
		break;
	case BENCH_IOC_INTERRUPT:
		ret = bench_interrupt(arg);
		break;
	case BENCH_IOC_BEGAN:
		ret = put_user(irq_began, (__u64 __user *)arg);
		break;
	}
	mutex_unlock(&bench_lock);
	return ret;
}

static int bench_release(struct inode *inode, struct file *file)
{
	return bench_fasync(-1, file, 0);
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.release = bench_release,
	.write = bench_write,
	.read = bench_read,
	.poll = bench_poll,
	.fasync = bench_fasync,
	.unlocked_ioctl = bench_ioctl,
};

static struct miscdevice bench_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ksig-bench",
	.mode = 0600,
	.fops = &bench_fops,
};

static int __init bench_init(void)
{
	const struct ksig_channel_desc desc = {
		.name = "bench",
		.description = "events whose costs the benchmarks measure",
	};
	int err;

	channel = ksig_channel_create(&desc);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	err = edu_begin();
	if (err)
		goto destroy;
	err = misc_register(&bench_device);
	if (!err)
		return 0;
	edu_end();
destroy:
	ksig_channel_destroy(channel);
	return err;
}

static void __exit bench_exit(void)
{
	misc_deregister(&bench_device);
	edu_end();
	ksig_channel_destroy(channel);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	put_pid(target);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Notifies processes in different ways, to compare the costs");
MODULE_LICENSE("GPL");
