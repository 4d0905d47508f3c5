// SPDX-License-Identifier: GPL-2.0-only
/* /dev/ksig/control, and what can be done with a channel's node. */
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "ksig.h"

/* -------------------------------------------------------------- any channel */

/* Its cdev, and so the channel, lives as long as the file is open. */
static struct ksig_chan *ksig_file_chan(struct file *file)
{
	return container_of(file_inode(file)->i_cdev, struct ksig_chan, cdev);
}

/* A file opened for writing only has no subscription: private_data is NULL. */
static int ksig_open(struct inode *inode, struct file *file)
{
	struct ksig_chan *chan = container_of(inode->i_cdev, struct ksig_chan,
					      cdev);
	struct ksig_sub *sub;
	int err;

	/* init may still fail, and the module's text go, whatever is open */
	if (THIS_MODULE->state == MODULE_STATE_COMING)
		return -ENODEV;
	file->private_data = NULL;
	if (file->f_mode & FMODE_READ) {
		sub = ksig_sub_create(chan);
		if (IS_ERR(sub))
			return PTR_ERR(sub);
		err = ksig_channel_join(chan, sub);
		if (err) {
			ksig_sub_close(sub);
			return err;
		}
		file->private_data = sub;
		/* read_iter() looks at IOCB_NOWAIT */
		file->f_mode |= FMODE_NOWAIT;
	}
	return stream_open(inode, file);
}

static int ksig_release(struct inode *inode, struct file *file)
{
	struct ksig_sub *sub = file->private_data;

	if (sub) {
		ksig_channel_leave(sub->chan, sub);
		ksig_sub_close(sub);
	}
	return 0;
}

/* Under sub->consume. */
static ssize_t ksig_read_now(struct ksig_sub *sub, struct iov_iter *to)
{
	/* before the look into the queue: hup comes behind the last event */
	bool hup = smp_load_acquire(&sub->hup);
	ssize_t ret;

	if (READ_ONCE(sub->ring->maps) ||
	    (ksig_sub_armed(sub) && ksig_sub_signals_each(sub)))
		return -EBUSY;
	/* pairs with ksig_replace_arm(): what the pump has taken, and a gap */
	smp_rmb();
	ret = ksig_queue_read(sub, to);
	if (ret)
		return ret;
	return hup ? 0 : -EAGAIN;
}

/* io_uring asks without waiting, for anything. */
static int ksig_read_lock(struct ksig_sub *sub, bool nowait)
{
	if (nowait)
		return mutex_trylock(&sub->consume) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&sub->consume) ? -ERESTARTSYS : 0;
}

static ssize_t ksig_read_to(struct file *file, struct iov_iter *to,
			    bool nowait)
{
	struct ksig_sub *sub = file->private_data;
	ssize_t ret;

	if (iov_iter_count(to) < sub->chan->event_size)
		return -EINVAL;
	do {
		ret = ksig_read_lock(sub, nowait);
		if (ret)
			return ret;
		ret = ksig_read_now(sub, to);
		mutex_unlock(&sub->consume);
		if (ret != -EAGAIN || nowait || file->f_flags & O_NONBLOCK)
			return ret;
		/* others may be faster, or arm it meanwhile: ask again */
		ret = wait_event_interruptible(sub->wait,
					       ksig_queue_used(sub) ||
					       READ_ONCE(sub->hup) ||
					       ksig_sub_signals_each(sub));
	} while (!ret);
	return ret;
}

/* read(2); readv(2) and io_uring come by ksig_read_iter(). */
static ssize_t ksig_read(struct file *file, char __user *buf, size_t count,
			 loff_t *ppos)
{
	struct iov_iter to;

	iov_iter_ubuf(&to, ITER_DEST, buf, count);
	return ksig_read_to(file, &to, false);
}

static ssize_t ksig_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return ksig_read_to(iocb->ki_filp, to, iocb->ki_flags & IOCB_NOWAIT);
}

static __poll_t ksig_poll(struct file *file, poll_table *wait)
{
	struct ksig_sub *sub = file->private_data;
	__poll_t mask = 0;

	/* a write emits and never blocks */
	if (file->f_mode & FMODE_WRITE && ksig_file_chan(file)->writable)
		mask = EPOLLOUT | EPOLLWRNORM;
	if (!sub)
		return mask;
	poll_wait(file, &sub->wait, wait);
	/* pairs with ksig_publish() and ksig_on_irq_work() */
	smp_mb();
	if (ksig_queue_used(sub))
		mask |= EPOLLIN | EPOLLRDNORM;
	/* acquire: it comes behind the last event, which may be there now */
	if (unlikely(smp_load_acquire(&sub->hup))) {
		mask |= EPOLLHUP;
		if (ksig_queue_used(sub))
			mask |= EPOLLIN | EPOLLRDNORM;
	}
	if (READ_ONCE(sub->gone))
		mask |= EPOLLPRI;
	return mask;
}

static ssize_t ksig_write(struct file *file, const char __user *buf,
			  size_t count, loff_t *ppos)
{
	struct ksig_chan *chan = ksig_file_chan(file);
	u64 value;

	if (!chan->writable || count != sizeof(value))
		return -EINVAL;
	if (copy_from_user(&value, buf, sizeof(value)))
		return -EFAULT;
	ksig_emit(&chan->pub, 0, 0, value);
	return sizeof(value);
}

static int ksig_mmap(struct file *file, struct vm_area_struct *vma)
{
	/* a mapping needs FMODE_READ, and so there is a subscription */
	return ksig_queue_mmap(file->private_data, vma);
}

static int ksig_fasync(int fd, struct file *file, int on)
{
	struct ksig_sub *sub = file->private_data;

	return sub ? fasync_helper(fd, file, on, &sub->fasync) : -EINVAL;
}

static void ksig_show_fdinfo(struct seq_file *m, struct file *file)
{
	if (file->private_data)
		ksig_sub_show(file->private_data, m);
}

/* ------------------------------------------------------------------- ioctls */

static long ksig_ioc_info(struct file *file, void __user *arg)
{
	struct ksig_chan *chan = ksig_file_chan(file);
	struct ksig_sub *sub = file->private_data;
	struct ksig_info info = {
		.abi = KSIG_ABI,
		.event_size = chan->event_size,
		.queue_len = sub ? ksig_queue_len(sub) : 0,
		.max_queue_len = KSIG_QUEUE_MAX,
		.flags = chan->flags,
	};

	strscpy_pad(info.channel, chan->name, sizeof(info.channel));
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long ksig_ioc_queue(struct ksig_sub *sub, const void __user *arg)
{
	struct ksig_queue queue;
	long err;

	if (copy_from_user(&queue, arg, sizeof(queue)))
		return -EFAULT;
	if (queue.flags || queue.len < KSIG_QUEUE_MIN ||
	    queue.len > KSIG_QUEUE_MAX || !is_power_of_2(queue.len))
		return -EINVAL;
	if (mutex_lock_killable(&sub->consume))
		return -EINTR;
	err = ksig_queue_resize(sub, queue.len);
	mutex_unlock(&sub->consume);
	return err;
}

static long ksig_ioc_filter(struct ksig_sub *sub, const void __user *arg)
{
	struct ksig_filter filter;

	if (copy_from_user(&filter, arg, sizeof(filter)))
		return -EFAULT;
	return ksig_sub_set_filter(sub, &filter);
}

static long ksig_ioc_arm(struct ksig_sub *sub, const void __user *arg)
{
	struct ksig_arm arm;

	if (copy_from_user(&arm, arg, sizeof(arm)))
		return -EFAULT;
	return ksig_sub_arm(sub, &arm);
}

static long ksig_ioc_disarm(struct ksig_sub *sub)
{
	ksig_sub_disarm(sub);
	return 0;
}

static long ksig_ioc_stats(struct ksig_sub *sub, void __user *arg)
{
	struct ksig_stats stats = { };

	/* what has been emitted counts, whoever offers it */
	if (sub->rear)
		ksig_fanout_flush(sub->chan->fanout);
	ksig_sub_stats(sub, &stats);
	return copy_to_user(arg, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static long ksig_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ksig_sub *sub = file->private_data;
	void __user *p = (void __user *)arg;

	switch (cmd) {
	case KSIG_IOC_INFO:
		return ksig_ioc_info(file, p);
	case KSIG_IOC_QUEUE:
		return sub ? ksig_ioc_queue(sub, p) : -EBADF;
	case KSIG_IOC_FILTER:
		return sub ? ksig_ioc_filter(sub, p) : -EBADF;
	case KSIG_IOC_ARM:
		return sub ? ksig_ioc_arm(sub, p) : -EBADF;
	case KSIG_IOC_DISARM:
		return sub ? ksig_ioc_disarm(sub) : -EBADF;
	case KSIG_IOC_STATS:
		return sub ? ksig_ioc_stats(sub, p) : -EBADF;
	}
	return -ENOTTY;
}

const struct file_operations ksig_chan_fops = {
	.owner = THIS_MODULE,
	.open = ksig_open,
	.release = ksig_release,
	.read = ksig_read,
	.read_iter = ksig_read_iter,
	.write = ksig_write,
	.poll = ksig_poll,
	.unlocked_ioctl = ksig_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = ksig_mmap,
	.fasync = ksig_fasync,
	.show_fdinfo = ksig_show_fdinfo,
};

/* ------------------------------------------------------------------ control */

static long ksig_control_info(void __user *arg)
{
	static const struct ksig_info info = {
		.abi = KSIG_ABI,
		.channel = "control",
	};

	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long ksig_control_send(const void __user *arg)
{
	struct ksig_send send;

	if (copy_from_user(&send, arg, sizeof(send)))
		return -EFAULT;
	if (send.flags & ~KSIG_SEND_PROCESS || send.reserved)
		return -EINVAL;
	return ksig_send(send.pid, send.signo, send.flags & KSIG_SEND_PROCESS,
			 send.value);
}

static long ksig_control_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	switch (cmd) {
	case KSIG_IOC_INFO:
		return ksig_control_info((void __user *)arg);
	case KSIG_IOC_SEND:
		return ksig_control_send((const void __user *)arg);
	}
	return -ENOTTY;
}

static const struct file_operations ksig_control_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = ksig_control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice ksig_control = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ksig-control",
	.nodename = "ksig/control",
	.mode = 0600,
	.fops = &ksig_control_fops,
};

int __init ksig_chardev_init(void)
{
	return misc_register(&ksig_control);
}

void ksig_chardev_exit(void)
{
	misc_deregister(&ksig_control);
}
