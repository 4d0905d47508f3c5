// SPDX-License-Identifier: MIT
/*
 * Promise 7: no signal is sent after DISARM returns, or after the last descriptor and mapping are
 * closed. When the channel is destroyed, each subscription is notified.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"

static volatile sig_atomic_t calls, last_error;

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	last_error = info->si_errno;
	calls++;
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void emits_for_ever(struct child *self, void *arg)
{
	int64_t start;

	(void)arg;
	child_say(self);
	for (;;) {
		start = now_us();
		emit_many(1, 20);
		/*
		 * wait: longer if emitting is slow, so that the receiver can leave its handler even
		 * on a slow machine
		 */
		usleep(300 + 4 * (now_us() - start));
	}
}

/* In many rounds with two emitters, check that no signal arrives after disarming or closing. */
static void test_nothing_after(bool close_it)
{
	struct child c[2];
	int64_t end = now_us() + (getenv("KSIG_STRESS_MS") ? 2 : 10) * 1000000;
	int fd, round, before;
	uint64_t offered;

	handle(SIG, handler, 0);
	c[0] = child_start(emits_for_ever, NULL);
	c[1] = child_start(emits_for_ever, NULL);
	child_hear(&c[0]);
	child_hear(&c[1]);
	/* opened after the emitters have started, so that they don't inherit the descriptor */
	fd = OK(chan_open("test", O_NONBLOCK));
	/*
	 * enough rounds that some of them disarm while a signal is being sent; fewer on a slow
	 * machine
	 */
	for (round = 0; round < 300 && (round < 4 || now_us() < end);
	     round++) {
		OK(arm(fd, SIG, round % 2 ? KSIG_MODE_EACH : KSIG_MODE_DOORBELL,
		       0, 0));
		before = calls;
		while (round % 2 && calls == before)
			;
		if (close_it) {
			close(fd);
			fd = OK(chan_open("test", O_NONBLOCK));
		} else {
			OK(ioctl(fd, KSIG_IOC_DISARM, 0));
		}
		/* by now, all signals that were pending when the call returned have been handled */
		before = calls;
		offered = stats_of(fd).offered;
		UNTIL(stats_of(fd).offered > offered + 20);
		CHECK_EQ(calls, before);
		check_identity(fd);
	}
	child_kill(&c[0]);
	child_kill(&c[1]);
	close(fd);
	signal(SIG, SIG_DFL);
}

/*
 * Check that disarming keeps pending signals and queued events, and that no further signal is sent.
 * The remaining events of a second subscription, which was in the same state but stays armed, are
 * still sent.
 */
static void test_disarm_keeps(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK)), i;
	int armed = OK(chan_open("test", O_NONBLOCK));

	block(SIG + 1);
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	OK(arm(armed, SIG + 1, KSIG_MODE_EACH, 0, 0));
	emit_many(1, 40);
	OK(ioctl(fd, KSIG_IOC_DISARM, 0));
	OK(ioctl(fd, KSIG_IOC_DISARM, 0));
	for (i = 1; i <= 32; i++)
		CHECK_EQ(take(SIG).si_int, i);
	for (i = 1; i <= 40; i++)
		CHECK_EQ(take(SIG + 1).si_int, i);
	close(armed);
	CHECK(nothing_to_take(SIG));
	for (i = 33; i <= 40; i++)
		CHECK_EQ(read_event(fd).value, i);
	check_identity(fd);
	close(fd);
}

/* Check that a mapping keeps the subscription alive and that munmap() ends it. */
static void test_mapping_keeps(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));
	struct ring ring = ring_map(fd);

	OK(arm(fd, SIG, KSIG_MODE_DOORBELL, 0, 0));
	close(fd);
	emit(1);
	take(SIG);
	CHECK_EQ(ring.producer->tail, 1);
	ring.consumer->head = 1;
	ring_unmap(&ring);
	emit(2);
	CHECK(nothing_to_take(SIG));
}

static bool mapped(const void *page)
{
	unsigned char in_core;

	return !mincore((void *)(uintptr_t)page, 1, &in_core);
}

static void not_inherited(struct child *self, void *arg)
{
	struct ring *ring = arg;

	(void)self;
	CHECK(!mapped(ring->consumer));
	CHECK(!mapped((const void *)(uintptr_t)ring->producer));
	CHECK(!mapped(ring->records));
}

static void test_fork(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));
	struct ring ring = ring_map(fd);
	struct child c;

	CHECK(mapped(ring.consumer) && mapped(ring.records));
	c = child_start(not_inherited, &ring);
	child_join(&c);
	ring_unmap(&ring);
	close(fd);
}

static void holds(struct child *self, void *arg)
{
	(void)arg;
	child_wait_go(self);
}

/*
 * Check that a subscription with descriptors in several processes ends when the last descriptor is
 * closed.
 */
static void test_last_descriptor(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));
	struct child c;

	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	c = child_start(holds, NULL);
	close(fd);
	emit(1);
	take(SIG);
	child_kill(&c);
	emit(2);
	CHECK(nothing_to_take(SIG));
}

/* --------------------------------------------------- the channel is destroyed */

static void hup_read(struct child *self, void *arg)
{
	int fd = OK(chan_open("context", 0));
	char buf[64];

	(void)arg;
	child_say(self);
	CHECK_EQ(read(fd, buf, sizeof(buf)), 0);
	CHECK_EQ(read(fd, buf, sizeof(buf)), 0);
	FAILS(arm(fd, SIG, KSIG_MODE_EACH, 0, 0), ENODEV);
	CHECK(stats_of(fd).flags & KSIG_STATS_HUP);
}

static void hup_poll(struct child *self, void *arg)
{
	struct pollfd p = { OK(chan_open("context", 0)), POLLIN };

	(void)arg;
	child_say(self);
	OK(poll(&p, 1, 60000));
	CHECK_EQ(p.revents, POLLHUP);
}

static void hup_signal(struct child *self, void *arg)
{
	int fd = OK(chan_open("context", 0)), i;
	siginfo_t info;

	block(SIG);
	OK(arm(fd, SIG, *(uint32_t *)arg, 0, 0));
	CHECK_EQ(context_do("process 40"), 0);
	child_say(self);
	child_wait_go(self);
	/* end-of-file follows the queued events */
	for (i = 1; *(uint32_t *)arg == KSIG_MODE_EACH && i <= 40; i++)
		CHECK_EQ(take(SIG).si_int, i);
	do {
		info = take(SIG);
	} while (!info.si_errno);
	CHECK_EQ(info.si_errno, -ESHUTDOWN);
	CHECK(nothing_to_take(SIG));
	CHECK(!(stats_of(fd).flags & KSIG_STATS_ARMED));
	check_identity(fd);
}

static void hup_ring(struct child *self, void *arg)
{
	int fd = OK(chan_open("context", 0));
	struct ring ring = ring_map(fd);

	(void)arg;
	child_say(self);
	child_wait_go(self);
	CHECK(ring.producer->flags & KSIG_RING_HUP);
	CHECK_EQ(ring.producer->tail, 83);
	ring_unmap(&ring);
	/* a mapping created after end-of-file also reports end-of-file */
	ring = ring_map(fd);
	CHECK(ring.producer->flags & KSIG_RING_HUP);
}

static void test_channel_goes(void)
{
	uint32_t each = KSIG_MODE_EACH, doorbell = KSIG_MODE_DOORBELL;
	struct child ring, e, d, r, p;
	char record[64];
	int fd;

	context_load();
	ring = child_start(hup_ring, NULL);
	child_hear(&ring);
	e = child_start(hup_signal, &each);
	child_hear(&e);
	d = child_start(hup_signal, &doorbell);
	child_hear(&d);
	fd = OK(chan_open("context", O_NONBLOCK));
	CHECK_EQ(context_do("process 3"), 0);
	r = child_start(hup_read, NULL);
	child_hear(&r);
	wait_state(r.pid, 'S');
	p = child_start(hup_poll, NULL);
	child_hear(&p);
	wait_state(p.pid, 'S');
	/* readers don't prevent unloading */
	context_unload();
	FAILS(chan_open("context", 0), ENOENT);
	child_go(&e);
	child_join(&e);
	child_go(&d);
	child_join(&d);
	child_join(&r);
	child_join(&p);
	/* queued events can still be read */
	CHECK_EQ(read_event(fd).value, 1);
	CHECK_EQ(read_event(fd).value, 2);
	CHECK_EQ(read_event(fd).value, 3);
	CHECK_EQ(read(fd, record, sizeof(record)), 0);
	check_identity(fd);
	close(fd);
	child_go(&ring);
	child_join(&ring);
}

int main(void)
{
	test_nothing_after(false);
	test_nothing_after(true);
	block(SIG);
	test_disarm_keeps();
	test_mapping_keeps();
	test_fork();
	test_last_descriptor();
	test_channel_goes();
	return 0;
}
