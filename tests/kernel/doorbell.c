// SPDX-License-Identifier: MIT
/* Check that doorbell mode always wakes a sleeping reader and never signals a busy reader. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"

static void load_time(long *ms)
{
	const char *text = getenv("KSIG_STRESS_MS");

	*ms = text ? atol(text) : 10000;
}

static int doorbell(int fd, int signo, uint64_t value)
{
	struct ksig_arm a = {
		.signo = signo, .mode = KSIG_MODE_DOORBELL, .value = value,
	};

	return ioctl(fd, KSIG_IOC_ARM, &a);
}

/* Check that a burst of 1,000 events sends one signal to a sleeping reader. */
static void test_burst(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK)), i;
	siginfo_t info;

	set_queue(fd, 1024);
	OK(doorbell(fd, SIG, VALUE));
	CHECK(nothing_to_take(SIG));
	emit_many(1, 1000);
	info = take(SIG);
	CHECK_EQ(ksig_siginfo_value(&info), VALUE_HERE);
	CHECK_EQ(info.si_errno, 0);
	CHECK(nothing_to_take(SIG));
	CHECK_EQ(stats_of(fd).signals, 1);
	/* the queue is not empty yet, so no further signal is sent */
	for (i = 1; i <= 999; i++)
		CHECK_EQ(read_event(fd).value, i);
	emit(1001);
	CHECK(nothing_to_take(SIG));
	read_event(fd);
	read_event(fd);
	/* the queue is empty, so the next event rings */
	emit(1002);
	take(SIG);
	CHECK_EQ(stats_of(fd).signals, 2);
	check_identity(fd);
	close(fd);
}

static long ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 +
	       (now.tv_nsec - start->tv_nsec) / 1000000;
}

/*
 * Check that an event that is added to a non-empty queue doesn't ring. Repeats if the machine was
 * so slow that the doorbell may have rung again by itself, which it does after 64 ms.
 */
static void test_nonempty_silent(void)
{
	struct timespec start;
	bool silent;
	long ms;
	int fd;

	do {
		fd = OK(chan_open("test", O_NONBLOCK));
		OK(doorbell(fd, SIG, 6));
		clock_gettime(CLOCK_MONOTONIC, &start);
		emit(1);
		CHECK_EQ(take(SIG).si_int, 6);
		emit(2);
		silent = nothing_to_take(SIG);
		ms = ms_since(&start);
		close(fd);
	} while (ms >= 50);
	CHECK(silent);
}

/* Check that arming rings the doorbell if events are already queued. */
static void test_armed_nonempty(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));

	emit(1);
	OK(doorbell(fd, SIG, 3));
	CHECK_EQ(take(SIG).si_int, 3);
	/* rearming also rings the doorbell */
	OK(doorbell(fd, SIG, 4));
	CHECK_EQ(take(SIG).si_int, 4);
	read_event(fd);
	OK(doorbell(fd, SIG, 5));
	CHECK(nothing_to_take(SIG));
	close(fd);
}

/*
 * Check that the doorbell stays pending while another signal with the same number is pending, and
 * rings afterwards.
 */
static void test_owed_behind_pending(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK)), control = control_open();
	int other;

	OK(doorbell(fd, SIG, 7));
	OK(send_signal(control, getpid(), SIG, 0, 99));
	emit(1);
	CHECK_EQ(stats_of(fd).signals, 0);
	CHECK_EQ(take(SIG).si_int, 99);
	CHECK_EQ(take(SIG).si_int, 7);
	/*
	 * If the reader consumes the event while the doorbell is pending, the doorbell is not sent.
	 * The second subscription's doorbell is still sent.
	 */
	read_event(fd);
	other = OK(chan_open("test", O_NONBLOCK));
	block(SIG + 1);
	OK(doorbell(other, SIG + 1, 8));
	OK(send_signal(control, getpid(), SIG, 0, 99));
	OK(send_signal(control, getpid(), SIG + 1, 0, 99));
	emit(2);
	read_event(fd);
	CHECK_EQ(take(SIG).si_int, 99);
	CHECK_EQ(take(SIG + 1).si_int, 99);
	CHECK_EQ(take(SIG + 1).si_int, 8);
	CHECK(nothing_to_take(SIG));
	check_identity(fd);
	close(fd);
	close(other);
	close(control);
}

/* Check that a pending doorbell rings when the target becomes ready. */
static void test_owed_until_ready(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));

	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	OK(doorbell(fd, SIG, 8));
	emit(1);
	CHECK_EQ(stats_of(fd).signals, 0);
	CHECK_EQ(stats_of(fd).refused, 0);
	block(SIG);
	CHECK_EQ(take(SIG).si_int, 8);
	check_identity(fd);
	close(fd);
}

/*
 * Checks that a blocking read on an empty queue sleeps in DOORBELL mode and fails with EBUSY after
 * a switch to EACH mode.
 */
static void reads(struct child *self, void *arg)
{
	char record[64];
	int fd = *(int *)arg;

	child_say(self);
	CHECK_EQ(read(fd, record, sizeof(record)), sizeof(record));
	child_say(self);
	FAILS(read(fd, record, sizeof(record)), EBUSY);
}

static void test_blocking_read(void)
{
	int fd = OK(chan_open("test", 0));
	struct child c;

	OK(doorbell(fd, SIG, 9));
	c = child_start(reads, &fd);
	child_hear(&c);
	wait_state(c.pid, 'S');
	emit(1);
	child_hear(&c);
	wait_state(c.pid, 'S');
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	child_join(&c);
	while (!nothing_to_take(SIG))
		;
	close(fd);
}

struct reader {
	struct ring ring;
	uint32_t head;
	uint64_t last, events, lost, sleeps;
};

static void consume(struct reader *r)
{
	const struct ksig_event *ev;
	uint32_t tail;

	tail = __atomic_load_n(&r->ring.producer->tail, __ATOMIC_ACQUIRE);
	while (r->head != tail) {
		ev = (const void *)(r->ring.records +
				    (size_t)(r->head % r->ring.producer->len) *
				    r->ring.producer->event_size);
		CHECK_EQ(ev->seq, r->events + r->lost + ev->lost_before + 1);
		CHECK_EQ(ev->value, r->last + ev->lost_before + 1);
		r->last = ev->value;
		r->lost += ev->lost_before;
		r->events++;
		r->head++;
	}
	__atomic_store_n(&r->ring.consumer->head, r->head, __ATOMIC_RELEASE);
}

/*
 * Performs the last check before sleeping, as documented for struct ksig_ring_consumer. Return:
 * false if more records are queued.
 */
static bool may_sleep(struct reader *r)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&r->ring.producer->tail, __ATOMIC_RELAXED) ==
	       r->head;
}

static void emitter(struct child *self, void *arg)
{
	long ms = *(long *)arg;
	struct timespec start;
	uint64_t value = 0;
	int fd = OK(open("/dev/ksig/test", O_WRONLY)), n;

	child_wait_go(self);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		/*
		 * bursts and pauses of random length, so that the reader is sometimes busy and
		 * sometimes asleep
		 */
		for (n = rand() % 40; n; n--) {
			value++;
			CHECK_EQ(write(fd, &value, 8), 8);
		}
		for (n = rand() % 4000; n; n--)
			__asm__ volatile("");
	} while (ms_since(&start) < ms);
	CHECK_EQ(write(self->to, &value, sizeof(value)), sizeof(value));
}

/*
 * Runs a reader that sleeps whenever the ring appears to be empty, and an emitter on another CPU.
 * If a wake-up is lost, the wait times out.
 */
static uint64_t sleepy_reader(bool by_signal)
{
	struct reader r = { };
	struct child c;
	struct pollfd done, ring;
	uint64_t sent = 0;
	long ms;
	int fd;

	load_time(&ms);
	ms /= 2;
	fd = OK(chan_open("test", 0));
	r.ring = ring_map(fd);
	if (by_signal)
		OK(doorbell(fd, SIG, 1));
	c = child_start(emitter, &ms);
	child_go(&c);
	done = (struct pollfd){ c.from, POLLIN };
	ring = (struct pollfd){ fd, POLLIN };
	for (;;) {
		consume(&r);
		/* events lost after the last record are included only in the ring's counter */
		if (sent && r.events + r.ring.producer->lost == sent)
			break;
		if (!may_sleep(&r))
			continue;
		if (!sent && poll(&done, 1, 0) == 1) {
			CHECK_EQ(read(c.from, &sent, sizeof(sent)),
				 sizeof(sent));
			continue;
		}
		r.sleeps++;
		if (sent)	/* events are unaccounted for, and no more will arrive */
			fail(__FILE__, __LINE__, "%llu of %llu events seen",
			     (unsigned long long)(r.events + r.lost),
			     (unsigned long long)sent);
		if (by_signal) {
			struct timespec limit = { .tv_sec = 1 };
			struct timespec late = { .tv_sec = 60 };
			sigset_t set;

			sigemptyset(&set);
			sigaddset(&set, SIG);
			/*
			 * A timeout is correct only if the ring is empty, or if an event and its
			 * signal arrive after the timeout.
			 */
			if (sigtimedwait(&set, NULL, &limit) < 0)
				CHECK(may_sleep(&r) ||
				      sigtimedwait(&set, NULL, &late) == SIG);
		} else if (poll(&ring, 1, 1000) == 0) {
			CHECK(may_sleep(&r) || poll(&ring, 1, 60000) == 1);
		}
	}
	child_join(&c);
	printf(": by %s: %llu events, %llu lost, %llu sleeps, %llu signals\n",
	       by_signal ? "signal" : "poll", (unsigned long long)r.events,
	       (unsigned long long)r.lost, (unsigned long long)r.sleeps,
	       (unsigned long long)stats_of(fd).signals);
	check_identity(fd);
	CHECK_EQ(stats_of(fd).delivered, r.events);
	CHECK_EQ(stats_of(fd).offered, sent);
	CHECK(stats_of(fd).lost >= r.lost);
	ring_unmap(&r.ring);
	close(fd);
	while (!nothing_to_take(SIG))
		;
	return r.sleeps;
}

/*
 * Check that no wake-up is lost. Retries if the reader hardly slept because it was preempted, since
 * such a run proves nothing.
 */
static void test_no_lost_wakeup(bool by_signal)
{
	int tries = 0;

	while (sleepy_reader(by_signal) <= 1)
		CHECK(++tries < 20);
}

static void nothing(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
}

/* Check that the doorbell rings again if the target flushes the signal before accepting it. */
static void test_flushed(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));

	handle(SIG, nothing, 0);
	OK(arm(fd, SIG, KSIG_MODE_DOORBELL, 0, 0));
	emit(1);
	CHECK_EQ(stats_of(fd).signals, 1);
	/* POSIX: ignoring a signal discards pending instances of it */
	OK(signal(SIG, SIG_IGN) == SIG_ERR ? -1 : 0);
	handle(SIG, nothing, 0);
	CHECK(nothing_to_take(SIG));
	take(SIG);
	CHECK(stats_of(fd).signals >= 2);
	CHECK_EQ(read_event(fd).value, 1);
	/* the doorbell stays silent after everything has been read */
	CHECK(nothing_to_take(SIG));
	emit(2);
	take(SIG);
	/* read the event, because otherwise the doorbell could ring again before the close */
	CHECK_EQ(read_event(fd).value, 2);
	close(fd);
	signal(SIG, SIG_DFL);
}

int main(void)
{
	block(SIG);
	test_burst();
	test_nonempty_silent();
	test_flushed();
	test_armed_nonempty();
	test_owed_behind_pending();
	test_owed_until_ready();
	test_blocking_read();
	test_no_lost_wakeup(true);
	test_no_lost_wakeup(false);
	return 0;
}
