// SPDX-License-Identifier: MIT
/*
 * Promise 2: offered = delivered + queued + lost + refused at all times. The first record or signal
 * after a gap carries the size of the gap.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ktest.h"

static void check(int fd, uint64_t offered, uint64_t delivered, uint64_t queued,
		  uint64_t lost, uint64_t refused)
{
	struct ksig_stats st = stats_of(fd);

	CHECK_EQ(st.offered, offered);
	CHECK_EQ(st.delivered, delivered);
	CHECK_EQ(st.queued, queued);
	CHECK_EQ(st.lost, lost);
	CHECK_EQ(st.refused, refused);
}

/* Check that records have the layout of ksig/uapi.h and arrive in order. */
static void test_records(void)
{
	struct {
		struct event ev;
		uint8_t data[16];
	} r[4];
	static const uint8_t zeroes[16];
	struct timespec before, after;
	uint64_t last;
	int fd, i;

	fd = OK(chan_open("test", O_NONBLOCK));
	check(fd, 0, 0, 0, 0, 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	emit_many(100, 3);
	clock_gettime(CLOCK_MONOTONIC, &after);
	check(fd, 3, 0, 3, 0, 0);
	memset(r, 0xff, sizeof(r));
	CHECK_EQ(read(fd, r, sizeof(r)), 3 * sizeof(r[0]));
	last = before.tv_sec * 1000000000ULL + before.tv_nsec;
	for (i = 0; i < 3; i++) {
		CHECK_EQ(r[i].ev.seq, i + 1);
		CHECK_EQ(r[i].ev.value, 100 + i);
		CHECK_EQ(r[i].ev.subject, 0);
		CHECK_EQ(r[i].ev.type, 0);
		CHECK_EQ(r[i].ev.lost_before, 0);
		CHECK_EQ(r[i].ev.len, 0);
		CHECK_EQ(r[i].ev.flags, 0);
		CHECK(r[i].ev.time_ns >= last);
		last = r[i].ev.time_ns;
		CHECK(!memcmp(r[i].data, zeroes, sizeof(zeroes)));
	}
	CHECK(last <= after.tv_sec * 1000000000ULL + after.tv_nsec);
	FAILS(read(fd, r, sizeof(r)), EAGAIN);
	check(fd, 3, 3, 0, 0, 0);
	close(fd);
}

/* Check that two subscriptions are independent of each other. */
static void test_independent(void)
{
	int a = OK(chan_open("test", O_NONBLOCK)), b;

	emit(1);
	b = OK(chan_open("test", O_NONBLOCK));
	emit(2);
	CHECK_EQ(read_event(a).value, 1);
	CHECK_EQ(read_event(b).value, 2);
	check(a, 2, 1, 1, 0, 0);
	check(b, 1, 1, 0, 0, 0);
	close(a);
	close(b);
}

/* Check the counters after 1,000 events with a queue length of 16 and no reader. */
static void test_overflow_read(void)
{
	struct event ev;
	int fd, i;

	fd = OK(chan_open("test", O_NONBLOCK));
	set_queue(fd, 16);
	emit_many(1, 1000);
	check(fd, 1000, 0, 16, 984, 0);
	for (i = 1; i <= 16; i++) {
		ev = read_event(fd);
		CHECK_EQ(ev.seq, i);
		CHECK_EQ(ev.value, i);
		CHECK_EQ(ev.lost_before, 0);
	}
	check(fd, 1000, 16, 0, 984, 0);
	emit(5000);
	emit(5001);
	ev = read_event(fd);
	CHECK_EQ(ev.seq, 1001);
	CHECK_EQ(ev.value, 5000);
	CHECK_EQ(ev.lost_before, 984);
	CHECK_EQ(read_event(fd).lost_before, 0);
	check(fd, 1002, 18, 0, 984, 0);
	close(fd);
}

/*
 * Check the counters in EACH mode if the target thread blocks the signal: 32 signals are pending,
 * 16 events are queued, and 952 are lost.
 */
static void test_overflow_each(uint32_t flags)
{
	siginfo_t info;
	int fd, i;

	fd = OK(chan_open("test", O_NONBLOCK));
	set_queue(fd, 16);
	OK(arm(fd, SIG, KSIG_MODE_EACH, flags, 0));
	emit_many(1, 1000);
	check(fd, 1000, 32, 16, 952, 0);
	for (i = 1; i <= 48; i++) {
		info = take(SIG);
		CHECK_EQ(ksig_siginfo_value(&info), i);
		CHECK_EQ(info.si_errno, 0);
	}
	check(fd, 1000, 48, 0, 952, 0);
	emit(5000);
	info = take(SIG);
	CHECK_EQ(ksig_siginfo_value(&info), 5000);
	CHECK_EQ(info.si_errno, 952);
	emit(5001);
	info = take(SIG);
	CHECK_EQ(info.si_errno, 0);
	check(fd, 1002, 50, 0, 952, 0);
	CHECK_EQ(stats_of(fd).signals, 50);
	close(fd);
}

/* Check that if the event after a gap is refused, the next event reports the gap. */
static void test_gap_before_refused(void)
{
	siginfo_t info;
	int fd;

	fd = OK(chan_open("test", O_NONBLOCK));
	set_queue(fd, 16);
	emit_many(1, 20);
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	check(fd, 20, 0, 0, 4, 16);
	emit(30);
	check(fd, 21, 0, 0, 4, 17);
	block(SIG);
	emit(31);
	info = take(SIG);
	CHECK_EQ(ksig_siginfo_value(&info), 31);
	CHECK_EQ(info.si_errno, 4);
	check(fd, 22, 1, 0, 4, 17);
	close(fd);
}

/*
 * Check that if no signal reported a gap before the subscription is disarmed or switched to
 * DOORBELL mode, the next event read reports the gap.
 */
static void test_gap_given_back(bool queued)
{
	int fd = OK(chan_open("test", O_NONBLOCK)), i;

	set_queue(fd, 16);
	emit_many(1, 20);
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	emit(30);
	check(fd, 21, 0, 0, 4, 17);
	block(SIG);
	if (queued) {
		OK(arm(fd, SIG, KSIG_MODE_DOORBELL, 0, 0));
		emit(31);
		CHECK_EQ(read_event(fd).lost_before, 4);
		take(SIG);
	} else {
		OK(ioctl(fd, KSIG_IOC_DISARM, 0));
		emit(31);
		CHECK_EQ(read_event(fd).lost_before, 4);
	}
	emit(32);
	CHECK_EQ(read_event(fd).lost_before, 0);
	for (i = 0; queued && !nothing_to_take(SIG); i++)
		;
	check_identity(fd);
	close(fd);
}

/* Check that all events are refused even if there are too many of them for one delivery run. */
static void test_many_refused(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));

	set_queue(fd, 4096);
	emit_many(1, 4000);
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	UNTIL(!stats_of(fd).queued);
	check(fd, 4000, 0, 0, 0, 4000);
	block(SIG);
	close(fd);
}

static void emitter(struct child *self, void *arg)
{
	child_wait_go(self);
	emit_many(*(uint64_t *)arg, 20000);
}

/* Check the counters continuously while four processes emit and this process reads. */
static void test_concurrent(void)
{
	uint64_t first[4] = { 1000000, 2000000, 3000000, 4000000 };
	uint64_t next[4], seen = 0, lost = 0, seq = 0;
	struct ksig_stats st;
	struct child c[4];
	struct event ev;
	int fd, i;

	fd = OK(chan_open("test", O_NONBLOCK));
	set_queue(fd, 64);
	for (i = 0; i < 4; i++) {
		c[i] = child_start(emitter, &first[i]);
		next[i] = first[i];
	}
	for (i = 0; i < 4; i++)
		child_go(&c[i]);
	do {
		check_identity(fd);
		st = stats_of(fd);
		if (!st.queued)
			continue;
		ev = read_event(fd);
		lost += ev.lost_before;
		CHECK_EQ(ev.seq, seq + ev.lost_before + 1);
		seq = ev.seq;
		i = ev.value / 1000000 - 1;
		CHECK(ev.value >= next[i]);	/* ascending, with gaps */
		next[i] = ev.value + 1;
		seen++;
	} while (st.offered < 80000 || st.queued > 1);
	emit(1);
	lost += read_event(fd).lost_before;
	seen++;
	check(fd, 80001, seen, 0, lost, 0);
	for (i = 0; i < 4; i++)
		child_join(&c[i]);
	close(fd);
}

int main(void)
{
	block(SIG);
	test_records();
	test_independent();
	test_overflow_read();
	test_overflow_each(0);
	test_overflow_each(KSIG_ARM_PROCESS);
	test_gap_before_refused();
	test_gap_given_back(false);
	test_gap_given_back(true);
	test_many_refused();
	test_concurrent();
	return 0;
}
