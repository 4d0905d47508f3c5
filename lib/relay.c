// SPDX-License-Identifier: MIT
/*
 * The relay delivers events by signal if no kernel code does so. It is a thread that reads events
 * and sends signals according to the rules of KSIG_IOC_ARM.
 *
 * The thread reads at most one event ahead (@prefetched). While that event cannot be sent, the
 * thread reads no more events. The providers' queues then fill up, and the providers count the
 * events that they drop. This way, every lost event is counted and the order is preserved.
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

/*
 * Polling interval for a target with too many pending signals. A target that can accept signals
 * again must be noticed within 10 ms, including scheduling latency.
 */
#define RETRY_MS 9

/**
 * struct ksig_relay - the thread that sends signals for a subscription
 * @sub: the subscription; @sub->relay points to this structure while the thread may act
 * @thread: the thread
 * @owner: pid of the process that the thread runs in; a child created by fork(2) has no such thread
 * @turn: held while waiting for @lock. The thread reacquires @lock immediately after releasing it;
 *	@turn ensures that other waiters acquire @lock first.
 * @lock: protects the subscription's events and counters, and the members below
 * @target: target of the signals; used by the thread only
 * @control: eventfd that makes the thread check @stop and @watch again
 * @fds: descriptors that the thread polls
 * @arm: settings
 * @stop: the thread must exit
 * @watch: DOORBELL: the reader found the queue empty, so the next event rings the doorbell
 * @doorbell_pending: DOORBELL: a signal is due but has not been sent yet
 * @target_full: an event, a doorbell or the final signal is waiting for the target
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

static void relay_lock(struct ksig_relay *r)
{
	pthread_mutex_lock(&r->turn);
	pthread_mutex_lock(&r->lock);
	pthread_mutex_unlock(&r->turn);
}

static void relay_unlock(struct ksig_relay *r)
{
	pthread_mutex_unlock(&r->lock);
}

static bool is_doorbell(const struct ksig_relay *r)
{
	return r->arm.mode == KSIG_MODE_DOORBELL;
}

/* Return: whether the relay may still send signals. */
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

/*
 * Handles @err, the result of sending a signal: counts a signal that was sent, and ends delivery if
 * the target has exited.
 * Return: @err.
 */
static int note_sent(struct ksig_sub *sub, int err)
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

/*
 * Return: true if the event was sent or refused; false if the event must wait or the target has
 * exited.
 */
static bool send_each(struct ksig_sub *sub)
{
	struct ksig_event *ev = sub->prefetched;
	struct ksig_stream *stream = &sub->streams[ksig_event_spec(ev)];
	struct ksig_relay *r = sub->relay;
	uint64_t lost = 0, value = ev->value;
	struct ksig_field f;
	unsigned int i;
	int err;

	/* the value is 0 if the field is unknown */
	if (stream->value) {
		ksig_field_read(stream->value, ev, &f);
		value = f.type == KSIG_FIELD_SIGNED ? (uint64_t)f.s : f.u;
	}
	if (r->arm.flags & KSIG_ARM_SUBJECT)
		value = ev->subject << 32 | (uint32_t)value;
	/* the event may have to wait, so keep the count in the stream until a signal reports it */
	stream->unreported_lost += ev->lost_before;
	ev->lost_before = 0;
	for (i = 0; i < sub->n; i++)
		lost += sub->streams[i].unreported_lost;
	err = note_sent(sub, ksig_target_deliver(r->target, &lost, value));
	for (i = 0; !lost && i < sub->n; i++)
		sub->streams[i].unreported_lost = 0;
	if (err == -EAGAIN)
		set_target_full(sub);
	if (err == -EAGAIN || err == -ESRCH)
		return false;
	if (err)
		stream->refused++;
	set_prefetched(sub, false);
	return true;
}

static bool has_ended(const struct ksig_sub *sub)
{
	return sub->relay_flags & KSIG_STATS_HUP;
}

/*
 * Called after an error. Records whether all streams have ended.
 * Return: whether there will be no more events.
 */
static bool note_end(struct ksig_sub *sub)
{
	if (ksig_sub_eof(sub))
		sub->relay_flags |= KSIG_STATS_HUP;
	return has_ended(sub);
}

/*
 * Sends one signal or reads one event.
 * Return: whether the caller should immediately try again.
 */
static bool relay_step(struct ksig_sub *sub)
{
	struct ksig_relay *r = sub->relay;
	bool rings = is_doorbell(r), eof;
	int err;

	if (r->stop || !is_armed(sub))
		return false;
	if (sub->has_prefetched && !rings)
		return send_each(sub);
	if (sub->has_prefetched && r->doorbell_pending) {
		err = note_sent(sub, ksig_target_send(r->target, 0, r->arm.value));
		if (!err)
			r->doorbell_pending = false;
		else if (err != -ESRCH)
			set_target_full(sub);
		return !err;
	}
	if (has_ended(sub)) {
		/* the final signal, which is skipped if the target is not ready */
		err = note_sent(sub, ksig_target_send(r->target, -ESHUTDOWN, r->arm.value));
		if (err == -EAGAIN)
			set_target_full(sub);
		else
			set_done(sub, 0);
		return false;
	}
	/* a pending doorbell rings as soon as an event is queued, so continue to read */
	if (rings && !r->watch && !r->doorbell_pending)
		return false;
	err = ksig_sub_take(sub, &sub->prefetched);
	if (err == -EAGAIN) {
		/* a stream may have an event that its descriptor no longer reports */
		ksig_sub_notify(sub);
		return true;
	}
	if (err == 1) {
		set_prefetched(sub, true);
		/*
		 * If a doorbell is already pending, the reader may have read the event that caused
		 * it. The doorbell then announces the event that has just been read ahead.
		 */
		if (!r->doorbell_pending)
			r->target_full = false;
		r->doorbell_pending = rings;
		r->watch = false;
		return true;
	}
	eof = err < 0 && note_end(sub);
	/* after other errors, retry as if the target were full */
	r->target_full = err < 0 && err != -EINTR && !eof;
	return eof;
}

/* Indices in @fds: the control eventfd, the target, its thread, and the events */
enum { CONTROL, TARGET, TARGET_THREAD, EVENTS };

static void *relay_run(void *arg)
{
	struct ksig_relay *r = arg;
	struct ksig_sub *sub = r->sub;
	const struct ksig_stream *s;
	bool more, full, events;
	struct pollfd *fds;
	unsigned int i;

	relay_lock(r);
	while (!r->stop && is_armed(sub)) {
		more = relay_step(sub);
		ksig_stats_publish(sub, !more);
		/* drop the lock so that a reader or stop can take it */
		if (more) {
			relay_unlock(r);
			relay_lock(r);
			continue;
		}
		if (!is_armed(sub))
			break;
		full = r->target_full;
		/*
		 * A waiting event must be sent before others are read. A doorbell does not ring
		 * again until the reader has found the queue empty.
		 */
		events = !full && !has_ended(sub) && !sub->has_prefetched &&
			 (!is_doorbell(r) || r->watch || r->doorbell_pending);
		for (i = 0; i < sub->n; i++) {
			s = &sub->streams[i];
			fds = r->fds + EVENTS + 2 * i;
			fds[0].fd = events && !s->end ? s->fd : -1;
			fds[1].fd = events && !s->end ? s->subject_fd : -1;
		}
		relay_unlock(r);
		/* poll(2) fails if RLIMIT_NOFILE was lowered below the number of descriptors */
		if (poll(r->fds, EVENTS + 2 * sub->n, full ? RETRY_MS : -1) < 0 &&
		    errno != EINTR)
			poll(NULL, 0, RETRY_MS);
		if (r->fds[CONTROL].revents)
			ksig_event_clear(r->control);
		relay_lock(r);
		if (is_armed(sub) && ksig_target_ended(r->target))
			set_done(sub, KSIG_STATS_TARGET_GONE);
	}
	ksig_stats_publish(sub, true);
	relay_unlock(r);
	return NULL;
}

/* ----------------------------------------------------------- starting, stopping */

static void relay_free(struct ksig_relay *r)
{
	if (r->control >= 0)
		close(r->control);
	ksig_target_close(r->target);
	free(r->fds);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->turn);
	free(r);
}

/* Checks the settings in the same way as KSIG_IOC_ARM, and opens the target. */
static int relay_create(struct ksig_sub *sub, const struct ksig_arm_opts *opts,
			struct ksig_relay **out)
{
	bool rings = opts->mode == KSIG_MODE_DOORBELL;
	bool process = opts->flags & KSIG_ARM_PROCESS;
	struct ksig_target_opts target = {
		.sz = sizeof(target),
		.pid = opts->pid ? opts->pid : process ? getpid() : gettid(),
		.pidfd = opts->pidfd,
		.signo = opts->signo,
		.flags = process ? KSIG_SEND_PROCESS : 0,
		.max_pending = rings ? 1 : opts->max_pending,
	};
	unsigned int i, n = EVENTS + 2 * sub->n;
	struct ksig_relay *r;
	int err;

	if (opts->flags & ~(KSIG_ARM_PROCESS | KSIG_ARM_SUBJECT) || opts->pid < 0 ||
	    (!rings && opts->mode != KSIG_MODE_EACH) ||
	    opts->max_pending > (rings ? 1 : KSIG_PENDING_MAX) ||
	    (rings ? opts->flags & KSIG_ARM_SUBJECT : opts->value))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	pthread_mutex_init(&r->turn, NULL);
	pthread_mutex_init(&r->lock, NULL);
	r->sub = sub;
	r->owner = getpid();
	r->arm = *opts;
	r->arm.pid = target.pid;
	r->arm.max_pending = target.max_pending;
	r->fds = calloc(n, sizeof(*r->fds));
	r->control = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = !r->fds ? -ENOMEM : r->control < 0 ? -errno : 0;
	if (!err)
		err = ksig_target_open(&target, &r->target);
	if (err) {
		relay_free(r);
		return err;
	}
	for (i = 0; i < n; i++)
		r->fds[i] = (struct pollfd) { .fd = -1, .events = POLLIN };
	r->fds[CONTROL].fd = r->control;
	r->fds[TARGET].fd = ksig_target_fd(r->target);
	r->fds[TARGET_THREAD].fd = ksig_target_thread_fd(r->target);
	*out = r;
	return 0;
}

/*
 * Starts a relay thread. The thread blocks all signals so that only the program's own threads
 * handle them. It inherits this mask from the caller, which blocks all signals while it creates the
 * thread. If the caller is itself the target, its temporary mask makes it appear ready for the
 * signal. The thread therefore starts its work only after the caller has restored its own mask. A
 * previous relay is stopped only after the new thread has been created.
 */
int ksig_relay_start(struct ksig_sub *sub, const struct ksig_arm_opts *opts)
{
	sigset_t all, before;
	struct ksig_relay *r = NULL;
	int err;

	err = relay_create(sub, opts, &r);
	if (err)
		return err;
	err = ksig_sub_make_wake(sub);
	if (err) {
		relay_free(r);
		return err;
	}
	sigfillset(&all);
	relay_lock(r);
	/* keep the previous relay from checking the target while the caller's mask is changed */
	ksig_relay_lock(sub);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&r->thread, NULL, relay_run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ksig_relay_unlock(sub, false);
	if (err) {
		relay_unlock(r);
		relay_free(r);
		return err;
	}
	ksig_relay_stop(sub);
	/* events that are already queued must ring the doorbell */
	r->doorbell_pending = is_doorbell(r);
	/* a prefetched event must not be overwritten */
	r->watch = !sub->has_prefetched;
	sub->arm = r->arm;
	sub->relay_flags = KSIG_STATS_ARMED;
	sub->relay = r;
	relay_unlock(r);
	return 0;
}

void ksig_relay_lock(struct ksig_sub *sub)
{
	if (sub->relay)
		relay_lock(sub->relay);
}

void ksig_relay_unlock(struct ksig_sub *sub, bool stop)
{
	if (!sub->relay)
		return;
	sub->relay->stop = stop;
	relay_unlock(sub->relay);
}

/* Lets the next event to be read report the losses that no signal has reported. */
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
		relay_lock(r);
		r->stop = true;
		relay_unlock(r);
		ksig_event_set(r->control);
		pthread_join(r->thread, NULL);
		set_done(sub, 0);
		ksig_sub_notify(sub);
		ksig_stats_publish(sub, true);
	}
	restore_lost(sub);
	sub->relay = NULL;
	sub->relay_flags &= KSIG_STATS_TARGET_GONE;
	relay_free(r);
}

/* ------------------------------------------------------------ the reader's side */

static int take_record(struct ksig_sub *sub)
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

int ksig_relay_take(struct ksig_sub *sub, bool last)
{
	struct ksig_relay *r = sub->relay;
	bool wake = false;
	int ret;

	if (!r)
		return take_record(sub);
	relay_lock(r);
	if (!is_doorbell(r) && is_armed(sub)) {
		relay_unlock(r);
		return -EBUSY;
	}
	restore_lost(sub);
	ret = take_record(sub);
	if (is_doorbell(r) && ret < 0 && note_end(sub)) {
		/* the thread must send the final signal */
		wake = true;
	} else if (is_doorbell(r) && ret <= 0 && (ret != -EAGAIN || last) && !r->watch) {
		/* the queue is empty or currently unreadable: ring on the next event */
		r->watch = true;
		r->doorbell_pending = false;
		r->target_full = false;
		wake = true;
	}
	relay_unlock(r);
	if (wake)
		ksig_event_set(r->control);
	return ret;
}
