// SPDX-License-Identifier: MIT
/*
 * power.resume and time.set: use a timer that expires in the last second of time_t. The kernel
 * cancels the timer whenever the wall clock jumps.
 *
 * During a suspend, the wall clock and CLOCK_BOOTTIME advance equally, while CLOCK_MONOTONIC stands
 * still. Setting the time changes only the wall clock. The two differences in struct clock_state
 * therefore show which of the two events has occurred, or that both have. A suspend during which
 * the kernel's clocks did not advance cannot be detected. Several changes before the next read are
 * reported as one event.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "native.h"

/* Readings of two clocks are repeated until they are at most this far apart. */
#define NEAR_NS 20000
#define TRIES 100
/* A larger change cannot be a measurement error. */
#define JUMP_NS 1000000

/**
 * struct clock_state - differences between the clocks
 * @fd: the timer
 * @slept: CLOCK_BOOTTIME - CLOCK_MONOTONIC
 * @set: CLOCK_REALTIME - CLOCK_BOOTTIME
 */
struct clock_state {
	int fd;
	int64_t slept;
	int64_t set;
};

static int64_t clock_now(clockid_t clock)
{
	struct timespec ts = { };

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int64_t ksig_clock_offset(clockid_t other)
{
	int64_t best = 0, nearest = INT64_MAX, before, at, after;
	int i;

	for (i = 0; i < TRIES && nearest > NEAR_NS; i++) {
		before = clock_now(CLOCK_BOOTTIME);
		at = clock_now(other);
		after = clock_now(CLOCK_BOOTTIME);
		if (after - before >= nearest)
			continue;
		nearest = after - before;
		best = at - (before + nearest / 2);
	}
	return best;
}

/* Replaces *@old. Return: the difference between the new and the old value. */
static int64_t clock_change(int64_t *old, int64_t new)
{
	int64_t by = new - *old;

	*old = new;
	return by;
}

static bool clock_exceeds(int64_t by, int64_t limit)
{
	return by > limit || by < -limit;
}

/*
 * Determines why the timer was cancelled, and reports an event if the subscription is for that kind
 * of event.
 */
static void clock_report(struct ksig_native *n)
{
	struct clock_state *s = n->state;
	int64_t delta = clock_change(&s->set, ksig_clock_offset(CLOCK_REALTIME));
	bool slept = clock_exceeds(clock_change(&s->slept,
				   -ksig_clock_offset(CLOCK_MONOTONIC)), JUMP_NS);
	/* without a suspend, the clock must have been set, even if by too little to measure */
	bool set = clock_exceeds(delta, JUMP_NS) || !slept;
	bool about_set = !strcmp(n->desc->name, "time.set");
	struct ksig_event *ev;

	if (!(about_set ? set : slept))
		return;
	ev = ksig_native_put(n, ksig_now());
	if (!ev || !about_set)
		return;
	/* a smaller value could be a measurement error */
	if (clock_exceeds(delta, 2 * NEAR_NS))
		ev->value = delta;
	else
		ev->flags |= KSIG_EVENT_NO_VALUE;
}

static int clock_arm(int fd)
{
	/* the last second of time_t */
	const unsigned int bits = sizeof(time_t) * CHAR_BIT - 2;
	const struct itimerspec end = {
		.it_value.tv_sec = (((time_t)1 << bits) - 1) * 2 + 1,
	};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
			       &end, NULL) ? -errno : 0;
}

static int clock_pull(struct ksig_native *n)
{
	struct clock_state *s = n->state;
	uint64_t ticks;

	while (read(s->fd, &ticks, sizeof(ticks)) < 0) {
		if (errno == EAGAIN)
			return 0;
		if (errno != ECANCELED && errno != EINTR)
			return -errno;
		if (errno == ECANCELED)
			clock_report(n);
	}
	return clock_arm(s->fd);
}

static int clock_open(struct ksig_native *n, struct ksig_stream *stream,
		      struct ksig_error *e)
{
	struct clock_state *s = malloc(sizeof(*s));
	int err;

	(void)stream;
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "cannot create a timer");
	s->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	err = s->fd < 0 ? -errno : clock_arm(s->fd);
	if (!err)
		err = ksig_native_watch(n, s->fd, EPOLLIN);
	if (err) {
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		return ksig_native_fail(e, err, "cannot create a timer for the wall clock");
	}
	s->slept = -ksig_clock_offset(CLOCK_MONOTONIC);
	s->set = ksig_clock_offset(CLOCK_REALTIME);
	n->state = s;
	return 0;
}

static void clock_close(struct ksig_native *n)
{
	struct clock_state *s = n->state;

	close(s->fd);
	free(s);
}

const struct ksig_native_source ksig_native_clock = {
	.open = clock_open,
	.close = clock_close,
	.pull = clock_pull,
};
