// SPDX-License-Identifier: MIT
/*
 * Promise 6: an emit does a bounded amount of work in its caller's context, regardless of the
 * number of subscriptions. The remaining work runs in other contexts and preserves the order of
 * events.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace_signals.h"

/* number of subscriptions that the emitter serves itself, from driver.h */
#define FRONT 32
/* maximum number of signals that the emitter sends itself */
#define TELLS 4
#define MANY 600
#define STORM 20000
/* enough subscriptions that a worker can't keep up with the emitter */
#define REAR 96

static void raise_files(void)
{
	struct rlimit limit = { 4096, 4096 };

	OK(setrlimit(RLIMIT_NOFILE, &limit));
}

static void close_all(const int *fds, int n)
{
	while (n--)
		close(fds[n]);
}

/*
 * Checks the number of offered events. STATS waits for the worker, so the counter includes all
 * emitted events.
 */
static void check_offered(int fd, uint64_t n)
{
	CHECK_EQ(stats_of(fd).offered, n);
}

/* Check that in EACH mode most signals are sent outside the emitter's context. */
static void test_signals(void)
{
	int fds[2 * FRONT], i;
	long mine, others;

	block(SIG);
	for (i = 0; i < 2 * FRONT; i++) {
		fds[i] = OK(chan_open("test", O_NONBLOCK));
		OK(arm(fds[i], SIG, KSIG_MODE_EACH, 0, 0));
	}
	trace_begin("ksig_signal");
	emit(1);
	for (i = 0; i < 2 * FRONT; i++)
		CHECK_EQ(take(SIG).si_int, 1);
	trace_end("ksig_signal");
	mine = trace_count("ret=0", &others);
	printf(": %ld signals were sent by the emitter, %ld by others\n", mine,
	       others);
	CHECK_EQ(mine + others, 2 * FRONT);
	CHECK(mine <= TELLS);
	for (i = 0; i < 2 * FRONT; i++) {
		CHECK_EQ(stats_of(fds[i]).delivered, 1);
		check_identity(fds[i]);
	}
	close_all(fds, 2 * FRONT);
}

/*
 * Check that the emitter itself fills only the first FRONT queues. All queues must receive all
 * events in order, with losses counted.
 */
static void test_queues(void)
{
	struct ksig_stats st;
	struct event ev;
	int fds[MANY], i, j;
	long mine, others;

	for (i = 0; i < MANY; i++) {
		fds[i] = OK(chan_open("test", O_NONBLOCK));
		set_queue(fds[i], 16);
	}
	write_to(INSTANCE "/trace", "");
	trace_begin("ksig_lost");
	emit_many(1, 20);
	for (i = 0; i < MANY; i++)
		check_offered(fds[i], 20);
	trace_end("ksig_lost");
	mine = trace_count("ksig_lost:", &others);
	CHECK_EQ(mine + others, 4 * MANY);
	CHECK_EQ(mine, 4 * FRONT);
	for (i = 0; i < MANY; i++) {
		st = stats_of(fds[i]);
		CHECK_EQ(st.offered, 20);
		CHECK_EQ(st.lost, 4);
		CHECK_EQ(st.skipped, 0);
		for (j = 1; j <= 16; j++) {
			ev = read_event(fds[i]);
			CHECK_EQ(ev.value, j);
			CHECK_EQ(ev.seq, j);
		}
		check_identity(fds[i]);
	}
	/* a new subscription gets no earlier events */
	i = OK(chan_open("test", O_NONBLOCK));
	CHECK_EQ(stats_of(i).offered, 0);
	emit(21);
	check_offered(i, 1);
	CHECK_EQ(read_event(i).value, 21);
	close(i);
	close_all(fds, MANY);
}

static void reader(struct child *self, void *arg)
{
	int fd = OK(chan_open("test", 0));

	(void)arg;
	child_say(self);
	CHECK_EQ(read_event(fd).value, 7);
}

/*
 * Check that a sleeping reader is woken even if the emitter itself doesn't serve the reader's
 * subscription.
 */
static void test_wakes(void)
{
	int fds[FRONT], i;
	struct child c;

	for (i = 0; i < FRONT; i++)
		fds[i] = OK(chan_open("test", O_NONBLOCK));
	c = child_start(reader, NULL);
	child_hear(&c);
	wait_state(c.pid, 'S');
	emit(7);
	child_join(&c);
	close_all(fds, FRONT);
}

/*
 * Check that if an interrupt emits events faster than the worker can process them, the excess
 * events are counted as skipped.
 */
static void test_storm(void)
{
	static bool marked[FRONT + REAR];
	static int fds[FRONT + REAR];
	struct ksig_stats st;
	struct event ev;
	char command[32];
	uint32_t j;
	int i;

	context_load();
	for (i = 0; i < FRONT + REAR; i++)
		fds[i] = OK(chan_open("context", O_NONBLOCK));
	snprintf(command, sizeof(command), "hardirq %d", STORM);
	CHECK_EQ(context_do(command), 0);
	for (i = 0; i < FRONT; i++)
		CHECK_EQ(stats_of(fds[i]).offered, STORM);
	for (; i < FRONT + REAR; i++) {
		st = stats_of(fds[i]);
		CHECK_EQ(st.offered + st.skipped, STORM);
		check_identity(fds[i]);
		for (j = 0; j < st.queued; j++) {
			ev = read_event(fds[i]);
			marked[i] |= ev.flags & KSIG_EVENT_LOST_UPTO;
			/* a missing event must have been reported as lost or skipped */
			CHECK(ev.value == ev.seq || marked[i]);
		}
	}
	/* if there is a gap, the first record after the gap reports it */
	CHECK_EQ(context_do("hardirq 1"), 0);
	for (i = FRONT; i < FRONT + REAR; i++) {
		check_offered(fds[i], st.offered + 1);
		ev = read_event(fds[i]);
		marked[i] |= ev.flags & KSIG_EVENT_LOST_UPTO;
		CHECK(marked[i] || !st.skipped);
	}
	/* unless events were skipped, this test has proved nothing */
	CHECK(st.skipped);
	printf(": %llu of %d events were skipped\n",
	       (unsigned long long)st.skipped, STORM);
	/* end-of-file must follow the last event */
	CHECK_EQ(context_do("hardirq 3"), 0);
	context_unload();
	close_all(fds, FRONT + REAR);
}

/* Opens FRONT subscriptions as another user. Each of them must still receive both events. */
static void crowd(struct child *self, void *arg)
{
	int fds[FRONT], i;

	(void)arg;
	OK(setresuid(1234, 1234, 1234));
	for (i = 0; i < FRONT; i++)
		fds[i] = OK(chan_open("test", O_NONBLOCK));
	child_say(self);
	child_wait_go(self);
	for (i = 0; i < FRONT; i++) {
		check_offered(fds[i], 2);
		CHECK_EQ(read_event(fds[i]).value, 9);
		CHECK_EQ(read_event(fds[i]).value, 10);
	}
}

/*
 * Check that even if one user has FRONT subscriptions, the emitter itself still serves another
 * user's subscription.
 */
static void test_fair(void)
{
	struct child c;
	int fd;

	OK(chmod("/dev/ksig/test", 0666));
	c = child_start(crowd, NULL);
	child_hear(&c);
	fd = OK(chan_open("test", O_NONBLOCK));
	emit(9);
	/* the emitter serves this subscription itself, so the event can be read immediately */
	CHECK_EQ(read_event(fd).value, 9);
	emit(10);
	CHECK_EQ(read_event(fd).value, 10);
	close(fd);
	child_go(&c);
	child_join(&c);
	OK(chmod("/dev/ksig/test", 0600));
}

int main(void)
{
	raise_files();
	test_signals();
	test_queues();
	test_wakes();
	test_storm();
	test_fair();
	return 0;
}
