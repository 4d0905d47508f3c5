// SPDX-License-Identifier: MIT
/*
 * Arming where no kernel code sends the signals: a thread reads the events and
 * sends them, by the rules of KSIG_IOC_ARM.
 *
 * It holds one event at most, in the subscription's spare record. While that
 * can't be sent, no other is read: the provider's queue fills, and counts what
 * it loses. So nothing is lost that isn't counted, and the order is kept.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib.h"

/* Room in a target must be noticed within 10 ms, and there is a way to go. */
#define RETRY_MS 9

/**
 * struct ksig_relay - what sends a subscription's events
 * @sub: the subscription; @sub->relay is this one, as long as the thread may act
 * @thread: that sends
 * @owner: the process that has the thread: a child of fork(2) has not
 * @turn: held while one waits for @lock: the thread, which would take that again
 *	at once, has to wait for it
 * @lock: protects the subscription's records and counters, and what follows
 * @target: whom; the thread's alone
 * @control: eventfd: look at @stop and @watch again
 * @arm: how
 * @stop: the thread is to end
 * @watch: DOORBELL: the queue was found empty, the next event rings
 * @owed: DOORBELL: a signal that could not be sent yet
 * @held: an event, a doorbell or the last notice had to wait
 * @gap: lost before what is sent next, untold since it was refused
 * @over: there will be no more events
 * @done: nothing will be sent any more: the target is gone, or all is over
 */
struct ksig_relay {
	struct ksig_sub *sub;
	pthread_t thread;
	pid_t owner;
	pthread_mutex_t turn;
	pthread_mutex_t lock;
	struct ksig_target *target;
	int control;
	struct ksig_arm_opts arm;
	bool stop;
	bool watch;
	bool owed;
	bool held;
	uint64_t gap;
	bool over;
	bool done;
};

static void lock(struct ksig_relay *r)
{
	pthread_mutex_lock(&r->turn);
	pthread_mutex_lock(&r->lock);
	pthread_mutex_unlock(&r->turn);
}

static void unlock(struct ksig_relay *r)
{
	pthread_mutex_unlock(&r->lock);
}

static bool doorbell(const struct ksig_relay *r)
{
	return r->arm.mode == KSIG_MODE_DOORBELL;
}

static void set_spare(struct ksig_sub *sub, bool full)
{
	sub->has_spare = full;
	ksig_sub_tell(sub);
}

/* --------------------------------------------------- the thread, under r->lock */

static int stats_locked(struct ksig_sub *sub, struct ksig_stats *st);

static uint64_t lost_upto(const struct ksig_sub *sub)
{
	return sub->provider->lost_upto ? sub->provider->lost_upto(sub) : 0;
}

/*
 * For `ksig status`, to which the kernel tells what the module does alone. @ask:
 * how many may have been lost can take a system call, which is not for each record.
 */
static void tell_status(struct ksig_sub *sub, bool ask)
{
	const struct ksig_arm_opts *arm = sub->relay ? &sub->relay->arm : NULL;
	struct ksig_stats st = { };

	if (!sub->status || (!arm && sub->provider->arm) ||
	    stats_locked(sub, &st))
		return;
	if (ask)
		sub->lost_upto = lost_upto(sub);
	ksig_status_update(sub->status, &st, sub->lost_upto, arm);
}

static int send(struct ksig_sub *sub, int error, uint64_t value)
{
	struct ksig_relay *r = sub->relay;
	int err = ksig_target_send(r->target, error, value);

	switch (err) {
	case 0:
		sub->signals++;
		r->held = false;
		break;
	case -ESRCH:
		sub->target_gone = true;
		r->done = true;
		break;
	}
	return err;
}

static void hold_back(struct ksig_sub *sub)
{
	if (!sub->relay->held)
		sub->deferred++;
	sub->relay->held = true;
}

/* 0 if it is not known */
static uint64_t value_of(const struct ksig_sub *sub,
			 const struct ksig_event *ev)
{
	struct ksig_field f;

	if (!sub->value)
		return ev->value;
	ksig_field_read(sub->value, ev, &f);
	return f.type == KSIG_FIELD_SIGNED ? (uint64_t)f.s : f.u;
}

static uint64_t each_value(const struct ksig_sub *sub,
			   const struct ksig_event *ev)
{
	if (!(sub->relay->arm.flags & KSIG_ARM_SUBJECT))
		return value_of(sub, ev);
	return ev->subject << 32 | (uint32_t)value_of(sub, ev);
}

/* Return: the event has left; else it is held back, or the target gone. */
static bool send_each(struct ksig_sub *sub)
{
	const struct ksig_event *ev = sub->spare;
	struct ksig_relay *r = sub->relay;
	uint64_t lost = r->gap + ev->lost_before;
	int err;

	err = send(sub, lost < INT_MAX ? lost : INT_MAX, each_value(sub, ev));
	if (err == -EAGAIN) {
		hold_back(sub);
		return false;
	}
	if (err == -ESRCH)
		return false;
	/* a gap before a refused event is told with the next that is taken */
	r->gap = err ? lost : 0;
	if (err)
		sub->refused++;
	set_spare(sub, false);
	return true;
}

static void send_doorbell(struct ksig_sub *sub)
{
	int err = send(sub, 0, sub->relay->arm.value);

	if (!err)
		sub->relay->owed = false;
	else if (err != -ESRCH)
		hold_back(sub);
}

/* The last signal; a target that is not ready for it does not get it. */
static void send_end(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;

	if (send(sub, -ESHUTDOWN, r->arm.value) == -EAGAIN)
		hold_back(sub);
	else
		r->done = true;
}

/* Return: there may be more to do at once. */
static bool read_ahead(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;
	int ret = ksig_sub_take(sub, sub->spare);

	if (ret == 1) {
		set_spare(sub, true);
		/* what was owed for one that the reader took is so for this one */
		if (!r->owed)
			r->held = false;
		r->owed = doorbell(r);
		r->watch = false;
		return true;
	}
	if (ret == -EAGAIN)
		return true;
	r->over = ret == -ESHUTDOWN;
	/* what failed is tried again, a moment later */
	r->held = ret < 0 && ret != -EINTR && !r->over;
	return r->over;
}

static bool step(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;

	if (r->stop || r->done)
		return false;
	if (doorbell(r) && r->owed && sub->has_spare) {
		send_doorbell(sub);
		return !r->owed;
	}
	if (!doorbell(r) && sub->has_spare)
		return send_each(sub);
	if (r->over) {
		send_end(sub);
		return false;
	}
	/* one that is owed is due while anything is left */
	if (doorbell(r) && !r->watch && !r->owed)
		return false;
	return read_ahead(sub);
}

/*
 * Does it want events? A held one comes first, and a doorbell is silent until
 * the reader has found nothing.
 */
static bool wants_events(const struct ksig_sub *sub)
{
	const struct ksig_relay *r = sub->relay;

	return !r->over && !sub->has_spare &&
	       (!doorbell(r) || r->watch || r->owed);
}

/* Without the lock. The target's end is an event as well. */
static void wait(struct ksig_sub *sub, bool events, bool held)
{
	struct ksig_relay *r = sub->relay;
	struct pollfd fds[] = {
		{ .fd = r->control, .events = POLLIN },
		{ .fd = ksig_target_fd(r->target), .events = POLLIN },
		{ .fd = ksig_target_thread_fd(r->target), .events = POLLIN },
		{ .fd = events ? sub->fd : -1, .events = POLLIN },
		{ .fd = events ? sub->subject_fd : -1, .events = POLLIN },
	};

	poll(fds, ARRAY_SIZE(fds), held ? RETRY_MS : -1);
	if (fds[0].revents)
		ksig_event_clear(r->control);
}

static void look_at_target(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;

	if (!r->done && ksig_target_ended(r->target)) {
		sub->target_gone = true;
		r->done = true;
	}
}

static void *run(void *arg)
{
	struct ksig_relay *r = arg;
	struct ksig_sub *sub = r->sub;
	bool events, held;

	lock(r);
	while (!r->stop && !r->done) {
		bool more = step(sub);

		tell_status(sub, !more);
		/* let go in between: a reader and stop have their turn */
		if (more) {
			unlock(r);
			lock(r);
			continue;
		}
		if (r->done)
			break;
		events = wants_events(sub) && !r->held;
		held = r->held;
		unlock(r);
		wait(sub, events, held);
		lock(r);
		look_at_target(sub);
	}
	tell_status(sub, true);
	unlock(r);
	return NULL;
}

/* ----------------------------------------------------------- starting, stopping */

static int check_arm(struct ksig_arm_opts *o)
{
	if (o->flags & ~(KSIG_ARM_PROCESS | KSIG_ARM_SUBJECT) || o->pid < 0)
		return -EINVAL;
	switch (o->mode) {
	case KSIG_MODE_EACH:
		if (o->max_pending > KSIG_PENDING_MAX || o->value)
			return -EINVAL;
		return 0;
	case KSIG_MODE_DOORBELL:
		if (o->max_pending > 1 || o->flags & KSIG_ARM_SUBJECT)
			return -EINVAL;
		o->max_pending = 1;
		return 0;
	}
	return -EINVAL;
}

static int open_target(struct ksig_relay *r)
{
	struct ksig_arm_opts *o = &r->arm;
	bool process = o->flags & KSIG_ARM_PROCESS;
	struct ksig_target_opts opts = {
		.sz = sizeof(opts),
		.pidfd = o->pidfd,
		.signo = o->signo,
		.flags = process ? KSIG_SEND_PROCESS : 0,
		.max_pending = o->max_pending,
	};

	if (!o->pid)
		o->pid = process ? getpid() : gettid();
	opts.pid = o->pid;
	return ksig_target_open(&opts, &r->target);
}

/* Instead of the one before. What waits already rings, or goes. */
static void take_over(struct ksig_sub *sub, struct ksig_relay *r)
{
	ksig_relay_stop(sub);
	r->owed = doorbell(r);
	/* an event in spare is not to be read over */
	r->watch = !sub->has_spare;
	sub->target_gone = false;
	sub->relay = r;
}

/*
 * Signals are for the program's threads: this one blocks them all. It begins when
 * the caller, who may be the target, has its own mask again: one that blocks a
 * signal for a moment only is not ready for it. What was armed before is only
 * touched once there is a thread.
 */
static int start_thread(struct ksig_sub *sub, struct ksig_relay *r)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	lock(r);
	/* nor is it for the thread before, which looks and sends under its lock */
	ksig_relay_lock(sub);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ksig_relay_unlock(sub, false);
	if (!err)
		take_over(sub, r);
	unlock(r);
	return -err;
}

static void free_relay(struct ksig_relay *r)
{
	if (r->control >= 0)
		close(r->control);
	ksig_target_close(r->target);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->turn);
	free(r);
}

int ksig_relay_start(struct ksig_sub *sub, const struct ksig_arm_opts *opts)
{
	struct ksig_relay *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	pthread_mutex_init(&r->turn, NULL);
	pthread_mutex_init(&r->lock, NULL);
	r->sub = sub;
	r->owner = getpid();
	r->arm = *opts;
	r->control = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = r->control < 0 ? -errno : check_arm(&r->arm);
	if (!err)
		err = open_target(r);
	if (!err)
		err = ksig_sub_make_wake(sub);
	if (!err)
		err = start_thread(sub, r);
	if (err)
		free_relay(r);
	return err;
}

void ksig_relay_lock(struct ksig_sub *sub)
{
	if (sub->relay)
		lock(sub->relay);
}

void ksig_relay_unlock(struct ksig_sub *sub, bool stop)
{
	if (!sub->relay)
		return;
	sub->relay->stop = stop;
	unlock(sub->relay);
}

/* A loss that was not reported is reported with the next record that is read. */
static void pass_gap_on(struct ksig_sub *sub, struct ksig_relay *r)
{
	struct ksig_event *ev = sub->spare;
	uint64_t lost = r->gap;

	r->gap = 0;
	if (!sub->has_spare) {
		sub->gap += lost;
		return;
	}
	lost += ev->lost_before;
	ev->lost_before = lost < UINT32_MAX ? lost : UINT32_MAX;
}

void ksig_relay_stop(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;

	if (!r)
		return;
	if (r->owner == getpid()) {
		lock(r);
		r->stop = true;
		unlock(r);
		ksig_event_set(r->control);
		pthread_join(r->thread, NULL);
		r->done = true;
		tell_status(sub, true);
	}
	pass_gap_on(sub, r);
	sub->relay = NULL;
	free_relay(r);
}

/* ------------------------------------------------------------ the reader's side */

static int take(struct ksig_sub *sub)
{
	struct ksig_event *record = sub->record;
	int ret = 1;

	if (sub->has_spare) {
		sub->record = sub->spare;
		sub->spare = record;
		set_spare(sub, false);
	} else {
		ret = ksig_sub_take(sub, record);
		ksig_sub_tell(sub);
	}
	tell_status(sub, ret <= 0);
	return ret;
}

/* Return: the thread has something to do. */
static bool reader_found(struct ksig_relay *r, int ret, bool last)
{
	if (!doorbell(r))
		return false;
	if (ret == -ESHUTDOWN) {
		r->over = true;
		return true;
	}
	/* nothing there, or nothing to be had now: the next one rings */
	if (ret > 0 || (ret == -EAGAIN && !last) || r->watch)
		return false;
	r->watch = true;
	r->owed = false;
	r->held = false;
	return true;
}

int ksig_relay_take(struct ksig_sub *sub, bool last)
{
	struct ksig_relay *r = sub->relay;
	bool wake = false;
	int ret;

	if (!r)
		return take(sub);
	lock(r);
	if (!doorbell(r) && !r->done) {
		ret = -EBUSY;
	} else {
		pass_gap_on(sub, r);
		ret = take(sub);
		wake = reader_found(r, ret, last);
	}
	unlock(r);
	if (wake)
		ksig_event_set(r->control);
	return ret;
}

/*
 * A provider without counters of its own for what it hands out has handed out
 * what was taken and what was passed over; the rest of what it offers waits.
 */
static int stats_locked(struct ksig_sub *sub, struct ksig_stats *st)
{
	const struct ksig_provider *p = sub->provider;
	int err = p->stats ? p->stats(sub, st) : 0;

	if (err)
		return err;
	if (!p->arm) {
		st->delivered = sub->taken + sub->filtered;
		st->queued = st->offered - st->lost - st->delivered;
	}
	st->offered -= sub->filtered;
	st->delivered -= sub->filtered + sub->has_spare + sub->refused;
	st->queued += sub->has_spare;
	st->refused += sub->refused;
	st->signals += sub->signals;
	st->deferred += sub->deferred;
	if (sub->subject_gone)
		st->flags |= KSIG_STATS_SUBJECT_GONE | KSIG_STATS_HUP;
	if (sub->target_gone)
		st->flags |= KSIG_STATS_TARGET_GONE;
	if (sub->relay && !sub->relay->done)
		st->flags |= KSIG_STATS_ARMED;
	if (sub->relay && sub->relay->over)
		st->flags |= KSIG_STATS_HUP;
	return 0;
}

int ksig_relay_stats(struct ksig_sub *sub, struct ksig_stats *st,
		     uint64_t *upto)
{
	struct ksig_relay *r = sub->relay;
	int err;

	if (r)
		lock(r);
	err = stats_locked(sub, st);
	*upto = lost_upto(sub);
	if (r)
		unlock(r);
	return err;
}
