// SPDX-License-Identifier: MIT
/*
 * Arming where no kernel code sends the signals: a thread reads the events and
 * sends them, by the rules of KSIG_IOC_ARM.
 *
 * It reads one event ahead at most (@prefetched). While that can't be sent, it
 * reads no other: the providers' queues fill, and they count what they lose. So
 * nothing is lost that isn't counted, and the order is kept.
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

#include "sub.h"

/* Room in a target must be noticed within 10 ms, and there is a way to go. */
#define RETRY_MS 9

/**
 * struct ksig_relay - the thread that sends a subscription's events
 * @sub: the subscription; @sub->relay is this one, as long as the thread may act
 * @thread: that sends
 * @owner: the process that has the thread: a child of fork(2) has not
 * @turn: held while waiting for @lock: the thread, which would take that again
 *	at once, has to wait for it
 * @lock: protects the subscription's events and counters, and what follows
 * @target: what is signalled; used by the thread alone
 * @control: eventfd: look at @stop and @watch again
 * @fds: what the thread waits for
 * @arm: settings
 * @stop: the thread is to end
 * @watch: DOORBELL: the queue was found empty, the next event rings
 * @doorbell_pending: DOORBELL: a signal that could not be sent yet
 * @target_full: an event, a doorbell or the last signal had to wait
 */
struct ksig_relay {
	struct ksig_sub *sub;
	pthread_t thread;
	pid_t owner;
	pthread_mutex_t turn;
	pthread_mutex_t lock;
	struct ksig_target *target;
	int control;
	struct pollfd *fds;
	struct ksig_arm_opts arm;
	bool stop;
	bool watch;
	bool doorbell_pending;
	bool target_full;
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

/* May it still send? */
static bool is_armed(const struct ksig_sub *sub)
{
	return sub->relay_flags & KSIG_STATS_ARMED;
}

static void set_done(struct ksig_sub *sub, unsigned int why)
{
	sub->relay_flags &= ~KSIG_STATS_ARMED;
	sub->relay_flags |= why;
}

static void set_prefetched(struct ksig_sub *sub, bool full)
{
	sub->has_prefetched = full;
	ksig_sub_notify(sub);
}

/* --------------------------------------------------- the thread, under r->lock */

/* Note what became of a signal. Return: @err */
static int sent(struct ksig_sub *sub, int err)
{
	struct ksig_relay *r = sub->relay;

	if (!err) {
		sub->signals++;
		r->target_full = false;
	} else if (err == -ESRCH) {
		set_done(sub, KSIG_STATS_TARGET_GONE);
	}
	return err;
}

static void set_target_full(struct ksig_sub *sub)
{
	if (!sub->relay->target_full)
		sub->deferred++;
	sub->relay->target_full = true;
}

/* 0 if it is not known */
static uint64_t value_of(const struct ksig_sub *sub,
			 const struct ksig_event *ev)
{
	const struct ksig_stream *stream = ksig_sub_stream(sub, ev);
	uint64_t value = ev->value;
	struct ksig_field f;

	if (stream->value) {
		ksig_field_read(stream->value, ev, &f);
		value = f.type == KSIG_FIELD_SIGNED ? (uint64_t)f.s : f.u;
	}
	return sub->relay->arm.flags & KSIG_ARM_SUBJECT ?
	       ev->subject << 32 | (uint32_t)value : value;
}

/*
 * Events that were lost and that no signal has reported yet, those before the prefetched
 * event included: it may have to be tried again.
 */
static uint64_t take_lost(struct ksig_sub *sub)
{
	struct ksig_event *ev = sub->prefetched;
	uint64_t lost = 0;
	unsigned int i;

	sub->streams[ksig_event_spec(ev)].unreported_lost += ev->lost_before;
	ev->lost_before = 0;
	for (i = 0; i < sub->n; i++)
		lost += sub->streams[i].unreported_lost;
	return lost;
}

static void forget_lost(struct ksig_sub *sub)
{
	unsigned int i;

	for (i = 0; i < sub->n; i++)
		sub->streams[i].unreported_lost = 0;
}

/* Return: the event is done with; else it has to wait, or the target is gone. */
static bool send_each(struct ksig_sub *sub)
{
	const struct ksig_event *ev = sub->prefetched;
	struct ksig_relay *r = sub->relay;
	uint64_t lost = take_lost(sub);
	int err;

	err = sent(sub, ksig_target_deliver(r->target, &lost, value_of(sub, ev)));
	if (!lost)
		forget_lost(sub);
	if (err == -EAGAIN)
		set_target_full(sub);
	if (err == -EAGAIN || err == -ESRCH)
		return false;
	if (err)
		sub->streams[ksig_event_spec(ev)].refused++;
	set_prefetched(sub, false);
	return true;
}

static void send_doorbell(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;
	int err = sent(sub, ksig_target_send(r->target, 0, r->arm.value));

	if (!err)
		r->doorbell_pending = false;
	else if (err != -ESRCH)
		set_target_full(sub);
}

/* The last signal; a target that is not ready for it does not get it. */
static void send_end(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;

	if (sent(sub, ksig_target_send(r->target, -ESHUTDOWN, r->arm.value)) ==
	    -EAGAIN)
		set_target_full(sub);
	else
		set_done(sub, 0);
}

static bool has_ended(const struct ksig_sub *sub)
{
	return sub->relay_flags & KSIG_STATS_HUP;
}

/* After an error. Return: there will be no more events */
static bool note_end(struct ksig_sub *sub)
{
	if (ksig_sub_eof(sub))
		sub->relay_flags |= KSIG_STATS_HUP;
	return has_ended(sub);
}

/* Return: there may be more to do at once. */
static bool read_ahead(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;
	int ret = ksig_sub_take(sub, &sub->prefetched);
	bool eof;

	if (ret == 1) {
		set_prefetched(sub, true);
		/* a doorbell pending for an event that the reader took is so for this one */
		if (!r->doorbell_pending)
			r->target_full = false;
		r->doorbell_pending = doorbell(r);
		r->watch = false;
		return true;
	}
	if (ret == -EAGAIN)
		return true;
	eof = ret < 0 && note_end(sub);
	/* what failed is tried again, a moment later */
	r->target_full = ret < 0 && ret != -EINTR && !eof;
	return eof;
}

static bool step(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;

	if (r->stop || !is_armed(sub))
		return false;
	if (doorbell(r) && r->doorbell_pending && sub->has_prefetched) {
		send_doorbell(sub);
		return !r->doorbell_pending;
	}
	if (!doorbell(r) && sub->has_prefetched)
		return send_each(sub);
	if (has_ended(sub)) {
		send_end(sub);
		return false;
	}
	/* a pending doorbell is due while anything is left */
	if (doorbell(r) && !r->watch && !r->doorbell_pending)
		return false;
	return read_ahead(sub);
}

/*
 * Does it want events? One that waits comes first, and a doorbell is silent until
 * the reader has found nothing.
 */
static bool wants_events(const struct ksig_sub *sub)
{
	const struct ksig_relay *r = sub->relay;

	return !has_ended(sub) && !sub->has_prefetched &&
	       (!doorbell(r) || r->watch || r->doorbell_pending);
}

/* What the thread waits for: the control, the target, and the events */
enum { CONTROL, TARGET, TARGET_THREAD, EVENTS };

static void watch_events(struct ksig_sub *sub, bool events)
{
	struct pollfd *fds = sub->relay->fds + EVENTS;
	const struct ksig_stream *s;
	unsigned int i;

	for (i = 0; i < sub->n; i++) {
		s = &sub->streams[i];
		fds[2 * i].fd = events && !s->end ? s->fd : -1;
		fds[2 * i + 1].fd = events && !s->end ? s->subject_fd : -1;
	}
}

/* Without the lock */
static void relay_wait(struct ksig_relay *r, unsigned int n, bool full)
{
	poll(r->fds, EVENTS + 2 * n, full ? RETRY_MS : -1);
	if (r->fds[CONTROL].revents)
		ksig_event_clear(r->control);
}

static void look_at_target(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;

	if (is_armed(sub) && ksig_target_ended(r->target))
		set_done(sub, KSIG_STATS_TARGET_GONE);
}

static void *relay_run(void *arg)
{
	struct ksig_relay *r = arg;
	struct ksig_sub *sub = r->sub;
	bool full;

	lock(r);
	while (!r->stop && is_armed(sub)) {
		bool more = step(sub);

		ksig_stats_publish(sub, !more);
		/* let go in between: a reader and stop have their turn */
		if (more) {
			unlock(r);
			lock(r);
			continue;
		}
		if (!is_armed(sub))
			break;
		full = r->target_full;
		watch_events(sub, wants_events(sub) && !full);
		unlock(r);
		relay_wait(r, sub->n, full);
		lock(r);
		look_at_target(sub);
	}
	ksig_stats_publish(sub, true);
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

/* The target's end is an event as well. */
static int make_fds(struct ksig_relay *r)
{
	const int always[EVENTS] = {
		[CONTROL] = r->control,
		[TARGET] = ksig_target_fd(r->target),
		[TARGET_THREAD] = ksig_target_thread_fd(r->target),
	};
	unsigned int i, n = EVENTS + 2 * r->sub->n;

	r->fds = calloc(n, sizeof(*r->fds));
	for (i = 0; r->fds && i < n; i++)
		r->fds[i] = (struct pollfd) {
			.fd = i < EVENTS ? always[i] : -1, .events = POLLIN,
		};
	return r->fds ? 0 : -ENOMEM;
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

/* Instead of the one before. What waits already rings, or is sent. */
static void take_over(struct ksig_sub *sub, struct ksig_relay *r)
{
	ksig_relay_stop(sub);
	r->doorbell_pending = doorbell(r);
	/* a prefetched event must not be overwritten */
	r->watch = !sub->has_prefetched;
	sub->arm = r->arm;
	sub->relay_flags = KSIG_STATS_ARMED;
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
	err = pthread_create(&r->thread, NULL, relay_run, r);
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
	free(r->fds);
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
		err = make_fds(r);
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

/* A loss that no signal has reported is reported with the next event that is read. */
static void restore_lost(struct ksig_sub *sub)
{
	struct ksig_stream *stream;
	struct ksig_event *ev;
	unsigned int i;

	for (i = 0; i < sub->n; i++) {
		stream = &sub->streams[i];
		ev = sub->has_prefetched && ksig_event_spec(sub->prefetched) == i ?
		     sub->prefetched : stream->has_next ? stream->next : NULL;
		if (ev)
			ksig_event_add_lost(ev, stream->unreported_lost);
		else
			stream->gap += stream->unreported_lost;
		stream->unreported_lost = 0;
	}
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
		set_done(sub, 0);
		ksig_stats_publish(sub, true);
	}
	restore_lost(sub);
	sub->relay = NULL;
	sub->relay_flags &= KSIG_STATS_TARGET_GONE;
	free_relay(r);
}

/* ------------------------------------------------------------ the reader's side */

static int take(struct ksig_sub *sub)
{
	struct ksig_event *record = sub->record;
	int ret = 1;

	if (!sub->has_prefetched)
		ret = ksig_sub_take(sub, &sub->prefetched);
	if (ret == 1) {
		sub->record = sub->prefetched;
		sub->prefetched = record;
	}
	set_prefetched(sub, false);
	ksig_stats_publish(sub, ret <= 0);
	return ret;
}

/* Return: the thread has something to do. */
static bool reader_found(struct ksig_relay *r, int ret, bool last)
{
	if (!doorbell(r))
		return false;
	if (ret < 0 && note_end(r->sub))
		return true;
	/* nothing there, or nothing to be had now: the next one rings */
	if (ret > 0 || (ret == -EAGAIN && !last) || r->watch)
		return false;
	r->watch = true;
	r->doorbell_pending = false;
	r->target_full = false;
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
	if (!doorbell(r) && is_armed(sub)) {
		ret = -EBUSY;
	} else {
		restore_lost(sub);
		ret = take(sub);
		wake = reader_found(r, ret, last);
	}
	unlock(r);
	if (wake)
		ksig_event_set(r->control);
	return ret;
}
