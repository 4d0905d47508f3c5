// SPDX-License-Identifier: MIT
/* Check that the relay rings the doorbell whenever an event needs it, and at no other time. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "relay.h"

/*
 * Check that the doorbell rings for the first event, stays silent while the reader is active, and
 * misses no event.
 */
static void test_doorbell(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o = each(0);
	const struct ksig_event *ev;
	struct pollfd p;
	siginfo_t info;
	int i;

	o.mode = KSIG_MODE_DOORBELL;
	o.value = 99;
	fake_emit(1);
	CHECK(!ksig_sub_arm(sub, &o));
	CHECK(take(&soon, &info) == SIGNO);
	CHECK(info.si_value.sival_int == 99);
	for (i = 2; i <= 10; i++)
		fake_emit(i);
	CHECK(take(&moment, &info) < 0);
	p = (struct pollfd) { .fd = ksig_sub_fd(sub), .events = POLLIN };
	CHECK(poll(&p, 1, 0) == 1);
	for (i = 1; i <= 10; i++) {
		CHECK(ksig_sub_next(sub, 0, &ev) == 1);
		CHECK(ev->value == (uint64_t)i && ev->seq == (uint64_t)i);
		stats(sub);
	}
	CHECK(ksig_sub_next(sub, 0, &ev) == 0);
	CHECK(take(&moment, &info) < 0);
	for (i = 0; i < 100; i++) {
		fake_emit(i);
		CHECK(take(&soon, &info) == SIGNO);
		CHECK(ksig_sub_next(sub, 0, &ev) == 1);
		CHECK(ksig_sub_next(sub, 0, &ev) == 0);
	}
	CHECK(stats(sub).signals == 101);
	ksig_sub_close(sub);
}

/* Returns a subscription whose doorbell has rung for one event that is still unread. */
static struct ksig_sub *rung_once(const char *event)
{
	struct ksig_sub *sub = fake_open(event);
	struct ksig_arm_opts o = each(0);
	siginfo_t info;

	o.mode = KSIG_MODE_DOORBELL;
	CHECK(!ksig_sub_arm(sub, &o));
	fake_emit(101);
	CHECK(take(&soon, &info) == SIGNO);
	return sub;
}

/*
 * Check that a doorbell that could not be sent stays pending while events are queued, even if the
 * reader has already consumed the first event.
 */
static void test_doorbell_pending(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o = each(0);
	const struct ksig_event *ev;
	siginfo_t info;

	o.mode = KSIG_MODE_DOORBELL;
	CHECK(!pthread_kill(pthread_self(), SIGNO));
	CHECK(!ksig_sub_arm(sub, &o));
	fake_emit(1);
	fake_emit(2);
	EVENTUALLY(stats(sub).deferred == 1);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1 && ev->value == 1);
	/* the signal that delayed the doorbell is accepted first, then the doorbell */
	CHECK(take(&soon, &info) == SIGNO && info.si_code != SI_QUEUE);
	CHECK(take(&soon, &info) == SIGNO && info.si_code == SI_QUEUE);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1 && ev->value == 2);
	CHECK(ksig_sub_next(sub, 0, &ev) == 0);
	CHECK(stats(sub).deferred == 1);
	/* if no event is left, the pending doorbell is dropped and the next event rings */
	CHECK(!pthread_kill(pthread_self(), SIGNO));
	fake_emit(3);
	EVENTUALLY(stats(sub).deferred == 2);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1 && ev->value == 3);
	CHECK(take(&soon, &info) == SIGNO && info.si_code != SI_QUEUE);
	CHECK(take(&moment, &info) < 0);
	fake_emit(4);
	CHECK(take(&soon, &info) == SIGNO && info.si_code == SI_QUEUE);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1 && ev->value == 4);
	ksig_sub_close(sub);
}

/*
 * Check that after the reader has stopped at events that don't match, the doorbell rings for the
 * next match.
 */
static void test_doorbell_filter(void)
{
	struct ksig_sub *sub = rung_once("test:value>100");
	const struct ksig_event *ev;
	siginfo_t info;
	int i;

	CHECK(ksig_sub_next(sub, 0, &ev) == 1);
	for (i = 0; i < FAKE_QUEUE; i++)
		fake_emit(1);
	CHECK(ksig_sub_next(sub, 0, &ev) == 0);
	fake_emit(102);
	CHECK(take(&soon, &info) == SIGNO);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1 && ev->value == 102);
	ksig_sub_close(sub);
}

static unsigned int relay_reads(void)
{
	unsigned int reads;

	pthread_mutex_lock(&fakes[0].lock);
	reads = fakes[0].relay_reads;
	pthread_mutex_unlock(&fakes[0].lock);
	return reads;
}

/*
 * Check that the doorbell's target is notified of end-of-file, whether the relay or the reader
 * detects it first.
 */
static void test_doorbell_end(void)
{
	struct ksig_sub *sub = rung_once("test");
	const struct ksig_event *ev;
	unsigned int reads;
	siginfo_t info;

	fake_end();
	CHECK(ksig_sub_next(sub, 0, &ev) == 1);
	CHECK(ksig_sub_next(sub, 0, &ev) == -ESHUTDOWN);
	CHECK(take(&soon, &info) == SIGNO && info.si_errno == -ESHUTDOWN);
	ksig_sub_close(sub);

	/* only the reader can detect end-of-file because the relay is not woken */
	sub = rung_once("test");
	CHECK(ksig_sub_next(sub, 0, &ev) == 1);
	reads = relay_reads();
	CHECK(ksig_sub_next(sub, 0, &ev) == 0);
	EVENTUALLY(relay_reads() > reads);
	pthread_mutex_lock(&fakes[0].lock);
	fakes[0].end = true;
	pthread_mutex_unlock(&fakes[0].lock);
	CHECK(ksig_sub_next(sub, 0, &ev) == -ESHUTDOWN);
	CHECK(take(&soon, &info) == SIGNO && info.si_errno == -ESHUTDOWN);
	ksig_sub_close(sub);
}

/* Check that the doorbell still rings for later events after a failed read. */
static void test_doorbell_error(void)
{
	struct ksig_sub *sub = rung_once("test");
	const struct ksig_event *ev;
	siginfo_t info;

	CHECK(ksig_sub_next(sub, 0, &ev) == 1);
	pthread_mutex_lock(&fakes[0].lock);
	fakes[0].error = -EMFILE;
	pthread_mutex_unlock(&fakes[0].lock);
	CHECK(ksig_sub_next(sub, 0, &ev) == -EMFILE);
	fake_emit(2);
	CHECK(take(&soon, &info) == SIGNO);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1 && ev->value == 2);
	ksig_sub_close(sub);
}

/*
 * Check that an event that the relay has already read keeps its place while the doorbell is
 * rearmed.
 */
static void test_rearm_doorbell(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o = each(0);
	const struct ksig_event *ev;
	siginfo_t info;
	int i;

	o.mode = KSIG_MODE_DOORBELL;
	fake_emit(1);
	fake_emit(2);
	for (i = 0; i < 3; i++) {
		CHECK(!ksig_sub_arm(sub, &o));
		CHECK(take(&soon, &info) == SIGNO);
		/* give the relay time to proceed */
		CHECK(take(&moment, &info) < 0);
	}
	CHECK(ksig_sub_next(sub, 0, &ev) == 1 && ev->value == 1);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1 && ev->value == 2);
	CHECK(!ksig_sub_next(sub, 0, &ev));
	CHECK(stats(sub).delivered == 2);
	ksig_sub_close(sub);
}

int main(void)
{
	block(SIGNO);
	test_doorbell();
	test_doorbell_pending();
	test_doorbell_filter();
	test_doorbell_end();
	test_doorbell_error();
	test_rearm_doorbell();
	return 0;
}
