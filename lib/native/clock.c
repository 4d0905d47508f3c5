// SPDX-License-Identifier: MIT
/*
 * power.resume and time.set: a timer for the end of time that is cancelled
 * whenever the wall clock jumps.
 *
 * Sleep moves the wall clock and CLOCK_BOOTTIME alike against CLOCK_MONOTONIC,
 * which stands still; who sets the time moves the wall clock only. So one
 * difference tells the one, another the other, also when both have happened.
 * A suspend over which the kernel's clocks did not go on leaves no trace. What
 * happens several times before anyone looks is one event.
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

/* What reading clocks one after the other may be wrong by is retried until: */
#define NEAR_NS 20000
#define TRIES 100
/* A jump that is certainly none of the measurement */
#define JUMP_NS 1000000

/**
 * struct clock_state - how the clocks were to each other
 * @fd: the timer
 * @slept: CLOCK_BOOTTIME - CLOCK_MONOTONIC
 * @set: CLOCK_REALTIME - CLOCK_BOOTTIME
 */
struct clock_state {
	int fd;
	int64_t slept;
	int64_t set;
};

static int64_t now(clockid_t clock)
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
		before = now(CLOCK_BOOTTIME);
		at = now(other);
		after = now(CLOCK_BOOTTIME);
		if (after - before >= nearest)
			continue;
		nearest = after - before;
		best = at - (before + nearest / 2);
	}
	return best;
}

/* By how much has it changed? */
static int64_t change(int64_t *was, int64_t is)
{
	int64_t by = is - *was;

	*was = is;
	return by;
}

static bool is_more_than(int64_t by, int64_t limit)
{
	return by > limit || by < -limit;
}

/* The timer was cancelled: by what? */
static void look(struct ksig_native *n)
{
	struct clock_state *s = n->state;
	int64_t delta = change(&s->set, ksig_clock_offset(CLOCK_REALTIME));
	bool slept = is_more_than(change(&s->slept,
				-ksig_clock_offset(CLOCK_MONOTONIC)), JUMP_NS);
	/* if nothing else, a jump that is too small to be seen was it */
	bool set = is_more_than(delta, JUMP_NS) || !slept;
	bool about_set = !strcmp(n->desc->name, "time.set");
	struct ksig_event *ev;

	if (!(about_set ? set : slept))
		return;
	ev = ksig_native_put(n, ksig_now());
	if (!ev || !about_set)
		return;
	/* what is smaller could be the measurement's */
	if (is_more_than(delta, 2 * NEAR_NS))
		ev->value = delta;
	else
		ev->flags |= KSIG_EVENT_NO_VALUE;
}

static int arm_timer(int fd)
{
	/* the last second that there is */
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
			look(n);
	}
	return arm_timer(s->fd);
}

static int clock_init(struct ksig_native *n, struct clock_state *s)
{
	int err;

	s->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->fd < 0)
		return -errno;
	err = arm_timer(s->fd);
	if (!err)
		err = ksig_native_watch(n, s->fd, EPOLLIN);
	if (err)
		return err;
	s->slept = -ksig_clock_offset(CLOCK_MONOTONIC);
	s->set = ksig_clock_offset(CLOCK_REALTIME);
	return 0;
}

static void clock_free(struct clock_state *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static int clock_open(struct ksig_native *n, struct ksig_stream *stream,
		      struct ksig_error *e)
{
	struct clock_state *s = malloc(sizeof(*s));
	int err;

	(void)stream;
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "a timer");
	err = clock_init(n, s);
	if (err) {
		clock_free(s);
		return ksig_native_fail(e, err, "a timer of the wall clock");
	}
	n->state = s;
	return 0;
}

static void clock_close(struct ksig_native *n)
{
	clock_free(n->state);
}

const struct ksig_native_source ksig_native_clock = {
	.open = clock_open,
	.close = clock_close,
	.pull = clock_pull,
};
