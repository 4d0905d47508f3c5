// SPDX-License-Identifier: GPL-2.0-only
/* File operations of /dev/ksig/control and the channels' nodes. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "channel.h"
#include "chardev.h"
#include "signal.h"
#include "subscription.h"

/* -------------------------------------------------------------- any channel */

/* An open file keeps the cdev alive, which keeps the channel alive. */
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

	/* not before the module's init succeeds: if it fails, an open node doesn't pin the module */
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
		/* ksig_read_iter() supports IOCB_NOWAIT */
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

/* @nowait: don't wait for events or for the mutex (IOCB_NOWAIT, used by io_uring) */
static ssize_t ksig_read_to(struct file *file, struct iov_iter *to,
			    bool nowait)
{
	struct ksig_sub *sub = file->private_data;
	ssize_t ret;
	bool hup;

	if (iov_iter_count(to) < sub->ring.event_size)
		return -EINVAL;
	for (;;) {
		if (nowait && !mutex_trylock(&sub->reader_mutex))
			return -EAGAIN;
		if (!nowait && mutex_lock_interruptible(&sub->reader_mutex))
			return -ERESTARTSYS;
		/* acquire: load hup before the ring, because hup is set after the last record */
		hup = smp_load_acquire(&sub->ring.hup);
		ret = ksig_ring_read(&sub->ring, to);
		mutex_unlock(&sub->reader_mutex);
		if (ret == -ESTALE) {
			if (signal_pending(current))
				return -ERESTARTSYS;
			continue;
		}
		if (ret)
			return ret;
		if (hup)
			return 0;
		if (nowait || file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		/* retry: another process may consume the records first, or arm the subscription */
		ret = wait_event_interruptible(sub->wait,
				ksig_ring_count(&sub->ring, NULL) ||
				READ_ONCE(sub->ring.hup) ||
				READ_ONCE(sub->ring.claimed));
		if (ret)
			return ret;
	}
}

/* Used for read(2); readv(2) and io_uring use ksig_read_iter(). */
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

	/* write(2) emits an event and never blocks */
	if (file->f_mode & FMODE_WRITE && ksig_file_chan(file)->writable)
		mask = EPOLLOUT | EPOLLWRNORM;
	if (!sub)
		return mask;
	poll_wait(file, &sub->wait, wait);
	/* pairs with the barriers in ksig_ring_commit() and ksig_sub_on_irq_work() */
	smp_mb();
	/* acquire: load hup before the ring, because hup is set after the last record */
	if (unlikely(smp_load_acquire(&sub->ring.hup)))
		mask |= EPOLLHUP;
	if (ksig_ring_count(&sub->ring, NULL))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(sub->delivery.target_gone))
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
	struct ksig_sub *sub = file->private_data;

	/* a mapping requires FMODE_READ, so the file has a subscription */
	return ksig_ring_mmap(&sub->ring, vma);
}

static int ksig_fasync(int fd, struct file *file, int on)
{
	struct ksig_sub *sub = file->private_data;

	return sub ? fasync_helper(fd, file, on, &sub->fasync) : -EINVAL;
}

static void ksig_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct ksig_sub *sub = file->private_data;

	if (sub)
		ksig_sub_show(sub, m);
}

/* ------------------------------------------------------------------- ioctls */

static long ksig_ioc_info(struct file *file, void __user *arg)
{
	struct ksig_chan *chan = ksig_file_chan(file);
	struct ksig_sub *sub = file->private_data;
	struct ksig_info info = {
		.abi = KSIG_ABI,
		.event_size = chan->event_size,
		.queue_len = sub ? ksig_ring_len(&sub->ring) : 0,
		.max_queue_len = KSIG_QUEUE_MAX,
		.flags = chan->flags,
	};

	strscpy_pad(info.channel, chan->name, sizeof(info.channel));
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long ksig_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ksig_sub *sub = file->private_data;
	void __user *p = (void __user *)arg;
	struct ksig_stats stats = { };
	struct ksig_subscribe s;
	struct ksig_arm arm;

	switch (cmd) {
	case KSIG_IOC_INFO:
		return ksig_ioc_info(file, p);
	case KSIG_IOC_SUBSCRIBE:
		if (!sub)
			return -EBADF;
		if (copy_from_user(&s, p, sizeof(s)))
			return -EFAULT;
		/* events emitted before the call must not appear in the new queue */
		ksig_channel_flush(sub->chan, sub);
		return ksig_sub_subscribe(sub, &s);
	case KSIG_IOC_ARM:
		if (!sub)
			return -EBADF;
		if (copy_from_user(&arm, p, sizeof(arm)))
			return -EFAULT;
		return ksig_sub_arm(sub, &arm);
	case KSIG_IOC_DISARM:
		if (!sub)
			return -EBADF;
		ksig_deliver_disarm(&sub->delivery);
		return 0;
	case KSIG_IOC_STATS:
		if (!sub)
			return -EBADF;
		/* events emitted before the call must be counted */
		ksig_channel_flush(sub->chan, sub);
		ksig_sub_stats(sub, &stats);
		return copy_to_user(p, &stats, sizeof(stats)) ? -EFAULT : 0;
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

static long ksig_control_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	static const struct ksig_info info = {
		.abi = KSIG_ABI,
		.channel = "control",
	};
	void __user *p = (void __user *)arg;
	struct ksig_send send;

	switch (cmd) {
	case KSIG_IOC_INFO:
		return copy_to_user(p, &info, sizeof(info)) ? -EFAULT : 0;
	case KSIG_IOC_SEND:
		if (copy_from_user(&send, p, sizeof(send)))
			return -EFAULT;
		if (send.flags & ~KSIG_SEND_PROCESS || send.reserved)
			return -EINVAL;
		return ksig_send(send.pid, send.signo,
				 send.flags & KSIG_SEND_PROCESS, send.value);
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
