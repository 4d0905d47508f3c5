// SPDX-License-Identifier: GPL-2.0-only
/*
 * Subscriptions. Emitters call ksig_sub_offer() under RCU, in any context except NMI. This
 * function queues the event, wakes readers and delivers signals. In a context in which wait
 * queues and siglock must not be locked, an irq_work wakes readers and delivers signals.
 * Work that would cost an emitter too much is left to the user's backlog.
 */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <net/net_namespace.h>

#include "channel.h"
#include "subscription.h"
#include "trace.h"

/* ------------------------------------------------------------------ notifying */

/* The caller must issue a full barrier after the change for which sleepers are woken. */
static void ksig_sub_wake(struct ksig_sub *sub, __poll_t what, int band)
{
	/* no sleeper is missed: the caller's barrier pairs with the barrier in prepare_to_wait() */
	if (waitqueue_active(&sub->wait))
		wake_up_interruptible_poll(&sub->wait, what);
	if (READ_ONCE(sub->fasync))
		kill_fasync(&sub->fasync, SIGIO, band);
}

static void ksig_sub_wake_readers(struct ksig_sub *sub)
{
	ksig_sub_wake(sub, EPOLLIN | EPOLLRDNORM, POLL_IN);
}

/*
 * Check whether a notification would be expensive. A single wake-up may wake several waiters, and
 * SIGIO may be sent to a whole process group. The emitter must not pay for more than one waiter.
 */
static bool ksig_sub_is_crowded(struct ksig_sub *sub)
{
	struct list_head *waiters = &sub->wait.head;

	return READ_ONCE(waiters->next) != READ_ONCE(waiters->prev) ||
	       READ_ONCE(sub->fasync);
}

/**
 * ksig_sub_notify() - notify the subscriber of new records
 * @sub: the subscription
 * @here: true: notify in this context, or in the irq_work if this context does not permit
 *	notification; false: leave the notification to the backlog's worker
 *
 * Context: any, RCU read-side section.
 */
void ksig_sub_notify(struct ksig_sub *sub, bool here)
{
	if (!ksig_notify_allowed()) {
		if (!here)
			WRITE_ONCE(sub->crowded, true);
		atomic64_inc(&sub->delivery.deferred);
		irq_work_queue(&sub->delivery.irq_work);
	} else if (here && likely(!ksig_sub_is_crowded(sub))) {
		ksig_sub_wake_readers(sub);
		ksig_deliver_or_leave(&sub->delivery);
	} else {
		ksig_deliver_leave(&sub->delivery, true);
	}
}

/* Context: hardirq; on PREEMPT_RT a thread. */
static void ksig_sub_on_irq_work(struct irq_work *work)
{
	struct ksig_sub *sub = container_of(work, struct ksig_sub,
					    delivery.irq_work);

	ksig_deliver_check_target(&sub->delivery);
	/* full barrier: pairs with the barrier in ksig_poll() */
	if (xchg(&sub->delivery.target_gone_notify, false))
		ksig_sub_wake(sub, EPOLLPRI, POLL_PRI);
	rcu_read_lock();
	if (xchg(&sub->crowded, false) || ksig_sub_is_crowded(sub)) {
		ksig_deliver_leave(&sub->delivery, true);
	} else {
		if (ksig_ring_count(&sub->ring, NULL))
			ksig_sub_wake_readers(sub);
		ksig_deliver_or_leave(&sub->delivery);
	}
	rcu_read_unlock();
}

static struct ksig_sub *ksig_entry_sub(const struct ksig_backlog_entry *e)
{
	return container_of(e, struct ksig_sub, delivery.entry);
}

static u64 ksig_sub_visit(struct ksig_backlog_entry *e, struct ksig_visit *visit)
{
	return ksig_deliver_visit(&ksig_entry_sub(e)->delivery, visit);
}

static void ksig_sub_visit_wake(struct ksig_backlog_entry *e)
{
	ksig_sub_wake_readers(ksig_entry_sub(e));
}

static bool ksig_sub_has_work(const struct ksig_backlog_entry *e)
{
	const struct ksig_sub *sub = ksig_entry_sub(e);

	return READ_ONCE(sub->delivery.stalled) || READ_ONCE(sub->delivery.rung);
}

static const struct ksig_backlog_ops ksig_sub_backlog_ops = {
	.visit = ksig_sub_visit,
	.wake = ksig_sub_visit_wake,
	.has_work = ksig_sub_has_work,
};

/* Count an event as lost. Context: any except NMI; the ring's lock is held. */
void ksig_sub_count_lost(struct ksig_sub *sub)
{
	lockdep_assert_held(&sub->ring.lock);
	atomic64_inc(&sub->chan->lost);
	trace_ksig_lost(sub->chan, sub->ring.offered +
			READ_ONCE(sub->delivery.direct),
			sub->ring.unreported_lost);
}

/* Hang up, because the channel is being destroyed and emits no more events. Context: process. */
void ksig_sub_hup(struct ksig_sub *sub)
{
	ksig_ring_hup(&sub->ring);
	smp_mb(); /* pairs with the barrier in ksig_poll() */
	ksig_sub_wake(sub, EPOLLHUP | EPOLLIN, POLL_HUP);
	rcu_read_lock();
	ksig_deliver(&sub->delivery, KSIG_INLINE_SIGNALS);
	rcu_read_unlock();
}

/* ----------------------------------------------------------- creating, closing */

/* Return: the cookie of a network namespace, a unique number that is never 0 and never reused. */
u64 ksig_net_cookie(const struct net *net)
{
#ifdef CONFIG_NET
	return net->net_cookie;
#else
	return 0;
#endif
}

/* Called a grace period after close, when no emitter uses the subscription any more. */
static void ksig_sub_free(struct work_struct *work)
{
	struct ksig_sub *sub = container_of(to_rcu_work(work), struct ksig_sub,
					    free);

	irq_work_sync(&sub->delivery.irq_work);
	ksig_backlog_remove(&sub->delivery.entry);
	ksig_backlog_put(sub->delivery.entry.backlog);
	ksig_exit_watch_stop(&sub->exit_watched);
	ksig_filter_free(rcu_dereference_protected(sub->filter, true));
	ksig_ring_destroy(&sub->ring);
	put_pid_ns(sub->pid_ns);
	put_device(&sub->chan->dev);
	kfree(sub);
}

/**
 * ksig_sub_create() - create a subscription that is not offered events yet
 * @chan: the channel; the subscription holds a reference to it
 *
 * Context: process, may sleep.
 *
 * Return: the subscription; an ERR_PTR: -ENOBUFS, -ENOMEM.
 */
struct ksig_sub *ksig_sub_create(struct ksig_chan *chan)
{
	struct timespec64 ahead = { };
	struct ksig_sub *sub;
	int err = -ENOMEM;

	sub = kzalloc_obj(*sub, GFP_KERNEL_ACCOUNT);
	if (!sub)
		return ERR_PTR(-ENOMEM);
	ksig_delivery_init(&sub->delivery, &sub->ring);
	sub->delivery.entry.ops = &ksig_sub_backlog_ops;
	sub->delivery.entry.backlog = ksig_backlog_get(current_uid());
	if (!sub->delivery.entry.backlog)
		goto free_sub;
	err = ksig_ring_init(&sub->ring, chan->event_size);
	if (err)
		goto put_backlog;
	init_irq_work(&sub->delivery.irq_work, ksig_sub_on_irq_work);
	sub->chan = chan;
	get_device(&chan->dev);
	sub->pid_ns = get_pid_ns(task_active_pid_ns(current));
	sub->net_cookie = ksig_net_cookie(current->nsproxy->net_ns);
	/* the offset can't change once a process is in the time namespace */
	timens_add_monotonic(&ahead);
	sub->time_offset = timespec64_to_ns(&ahead);
	mutex_init(&sub->reader_mutex);
	init_waitqueue_head(&sub->wait);
	INIT_RCU_WORK(&sub->free, ksig_sub_free);
	return sub;

put_backlog:
	ksig_backlog_put(sub->delivery.entry.backlog);
free_sub:
	kfree(sub);
	return ERR_PTR(err);
}

/**
 * ksig_sub_close() - shut down a subscription that has no descriptor or mapping left
 * @sub: the subscription, already removed from its channel's list; freed asynchronously
 *
 * No signal is sent after this returns.
 *
 * Context: process.
 */
void ksig_sub_close(struct ksig_sub *sub)
{
	ksig_deliver_disarm(&sub->delivery);
	ksig_ring_uncharge(&sub->ring);
	queue_rcu_work(ksig_wq, &sub->free);
}

/* --------------------------------------------------------------------- ioctls */

static bool ksig_subscribe_valid(const struct ksig_subscribe *s,
				 const struct ksig_chan *chan)
{
	bool pids = chan->flags & KSIG_CHANNEL_PIDS;
	u32 flags = KSIG_SUBSCRIBE_SUBJECT | (pids ? KSIG_SUBSCRIBE_SKIP_OWN : 0);

	return !(s->flags & ~flags) &&
	       !(s->types & ~GENMASK_ULL(chan->ntypes - 1, 0)) &&
	       (!s->subject || s->flags & KSIG_SUBSCRIBE_SUBJECT) &&
	       (!s->queue_len || (s->queue_len >= KSIG_QUEUE_MIN &&
				  s->queue_len <= KSIG_QUEUE_MAX &&
				  is_power_of_2(s->queue_len)));
}

/*
 * Get the number of events skipped so far because the stash or the fanout's ring was full. Each of
 * these events may have matched @sub's filter. Context: any.
 */
u64 ksig_sub_skipped(const struct ksig_sub *sub)
{
	u64 n = atomic64_read(&sub->chan->skipped);

	return sub->rear_skipped ? n + atomic64_read(sub->rear_skipped) : n;
}

/* Replace memory and filter, and reset the counters. Return: as ksig_ring_reset(). */
static int ksig_sub_reset(struct ksig_sub *sub, struct ksig_ring_memory *mem,
			  struct ksig_filter **f)
{
	struct ksig_delivery *d = &sub->delivery;
	struct ksig_ring *ring = &sub->ring;
	unsigned long flags, irq;
	int err = -EBUSY;

	lockdep_assert_held(&sub->reader_mutex);
	spin_lock_irqsave(&d->lock, flags);
	/* on PREEMPT_RT interrupts are still enabled under the delivery's lock */
	raw_spin_lock_irqsave(&ring->lock, irq);
	if (!ksig_delivery_armed(d))
		err = ksig_ring_reset(ring, mem);
	if (!err) {
		*f = rcu_replace_pointer(sub->filter, *f,
					 lockdep_is_held(&ring->lock));
		sub->skipped_seen = ksig_sub_skipped(sub);
		/* release: the skip counters were already read; pairs with ksig_sub_stats() */
		smp_store_release(&sub->skipped_before, sub->skipped_seen);
		d->target_full = false;
		d->signals = 0;
		d->direct = 0;
		d->direct_refused = 0;
		atomic64_set(&d->deferred, 0);
	}
	raw_spin_unlock_irqrestore(&ring->lock, irq);
	spin_unlock_irqrestore(&d->lock, flags);
	return err;
}

/**
 * ksig_sub_subscribe() - implement KSIG_IOC_SUBSCRIBE
 * @sub: the subscription
 * @s: settings from user space
 *
 * Return: 0, or an error of the ioctl; on error nothing has changed.
 */
int ksig_sub_subscribe(struct ksig_sub *sub, const struct ksig_subscribe *s)
{
	bool pids = sub->chan->flags & KSIG_CHANNEL_PIDS;
	struct ksig_subscribe all = *s;
	u32 len = s->queue_len ?: KSIG_QUEUE_DEFAULT;
	struct ksig_ring_memory mem = { };
	struct ksig_filter *f = NULL;
	int err;

	if (!ksig_subscribe_valid(s, sub->chan))
		return -EINVAL;
	/*
	 * The fanout's worker offers an event some time after it was emitted. The process may
	 * have exited by then, so that its ancestors are unknown.
	 */
	if (s->flags & KSIG_SUBSCRIBE_SKIP_OWN && sub->rear_skipped)
		return -EUSERS;
	if (!all.types)
		all.types = GENMASK_ULL(sub->chan->ntypes - 1, 0);
	if (s->types || s->flags) {
		f = ksig_filter_create(&all, pids, sub->pid_ns);
		if (IS_ERR(f))
			return PTR_ERR(f);
	}
	err = mutex_lock_killable(&sub->reader_mutex);
	if (!err) {
		/* a queue of the same length reuses its memory, which is not charged again */
		if (len != ksig_ring_len(&sub->ring))
			err = ksig_ring_memory_alloc(&mem, sub->chan->event_size,
						     len);
		if (!err)
			err = ksig_sub_reset(sub, mem.len ? &mem : NULL, &f);
		mutex_unlock(&sub->reader_mutex);
		ksig_ring_memory_free(&mem);
	}
	ksig_filter_free_rcu(f);
	return err;
}

/* Implements KSIG_IOC_ARM. Return: 0 or an error of the ioctl. */
int ksig_sub_arm(struct ksig_sub *sub, const struct ksig_arm *a)
{
	struct ksig_arm_state *arm = ksig_arm_create(a);
	int err;

	if (IS_ERR(arm))
		return PTR_ERR(arm);
	err = ksig_exit_watch_start(&sub->exit_watched);
	if (!err)
		err = ksig_deliver_arm(&sub->delivery, arm);
	if (err) {
		ksig_arm_destroy(arm);
		return err;
	}
	/* wake blocked readers: read(2) returns -EBUSY with KSIG_MODE_EACH */
	wake_up_interruptible(&sub->wait);
	return 0;
}

/* Implements KSIG_IOC_STATS. */
void ksig_sub_stats(struct ksig_sub *sub, struct ksig_stats *st)
{
	/* acquire: load skipped_before before the counters, so that the result is not negative */
	u64 before = smp_load_acquire(&sub->skipped_before);

	ksig_deliver_stats(&sub->delivery, st);
	st->skipped = ksig_sub_skipped(sub) - before;
}

/* Show /proc/PID/fdinfo/FD, with pids in the pid namespace of that proc filesystem. */
void ksig_sub_show(struct ksig_sub *sub, struct seq_file *m)
{
	struct pid_namespace *ns = proc_pid_ns(file_inode(m->file)->i_sb);
	struct ksig_stats st = { };

	ksig_sub_stats(sub, &st);
	seq_printf(m, "ksig-channel:\t%s\nksig-queue:\t%u\n", sub->chan->name,
		   ksig_ring_len(&sub->ring));
	ksig_deliver_show(&sub->delivery, m, ns);
	seq_printf(m, "ksig-offered:\t%llu\nksig-delivered:\t%llu\nksig-queued:\t%llu\n",
		   st.offered, st.delivered, st.queued);
	seq_printf(m, "ksig-lost:\t%llu\nksig-refused:\t%llu\nksig-signals:\t%llu\nksig-deferred:\t%llu\nksig-lost_upto:\t%llu\n",
		   st.lost, st.refused, st.signals, st.deferred, st.skipped);
	seq_printf(m, "ksig-flags:\t%s%s%s\n",
		   st.flags & KSIG_STATS_TARGET_GONE ? " target-gone" : "",
		   st.flags & KSIG_STATS_HUP ? " hup" : "",
		   st.flags & KSIG_STATS_MAPPED ? " mapped" : "");
}
