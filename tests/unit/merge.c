// SPDX-License-Identifier: MIT
/* Check the order, end-of-file, errors and counters of a subscription to several events. */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <string.h>

/* large enough for several batches of the reader */
#define FAKE_QUEUE 256
#include "fake.h"

#define SIGNO 44

static const char *const three[] = { "test", "test", "test" };

static bool is_readable(const struct ksig_sub *sub)
{
	struct pollfd p = { .fd = ksig_sub_fd(sub), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Checks that the next event belongs to specification @spec and has @value. */
static void expect(struct ksig_sub *sub, unsigned int spec, uint64_t value)
{
	const struct ksig_event *ev;

	CHECK(is_readable(sub));
	CHECK(ksig_sub_next(sub, 1000000000, &ev) == 1);
	CHECK(ksig_event_spec(ev) == spec);
	CHECK(ev->value == value);
	stats(sub);
}

static void expect_none(struct ksig_sub *sub)
{
	const struct ksig_event *ev;

	CHECK(ksig_sub_next(sub, 0, &ev) == 0);
	CHECK(!is_readable(sub));
}

static void test_order(void)
{
	struct ksig_sub *sub = fake_openv(three, 3);

	expect_none(sub);
	fake_emit_at(&fakes[0], 1, 10);
	fake_emit_at(&fakes[0], 4, 40);
	fake_emit_at(&fakes[0], 6, 60);
	fake_emit_at(&fakes[1], 3, 30);
	fake_emit_at(&fakes[2], 2, 20);
	fake_emit_at(&fakes[2], 5, 50);
	expect(sub, 0, 1);
	CHECK(stats(sub).queued == 5);
	expect(sub, 2, 2);
	expect(sub, 1, 3);
	expect(sub, 0, 4);
	expect(sub, 2, 5);
	expect(sub, 0, 6);
	CHECK(stats(sub).delivered == 6);
	expect_none(sub);
	ksig_sub_close(sub);
}

/* Emits an earlier event after the first stream has already been read and found empty. */
static void emit_cause(void)
{
	fakes[1].on_read = NULL;
	fake_emit_at(&fakes[0], 1, 10);
}

static void test_cause_first(void)
{
	struct ksig_sub *sub = fake_openv(three, 2);

	fakes[1].on_read = emit_cause;
	fake_emit_at(&fakes[1], 2, 20);
	expect(sub, 0, 1);
	expect(sub, 1, 2);
	expect_none(sub);
	ksig_sub_close(sub);
}

/*
 * Check that a stream whose events mostly don't match is read exactly up to the time of the event
 * to be returned.
 */
static void test_filtered(void)
{
	const char *const events[] = { "test:value>=1000", "test" };
	struct ksig_sub *sub = fake_openv(events, 2);
	const struct ksig_event *ev;
	int i;

	fake_emit_at(&fakes[1], 1, FAKE_QUEUE + 1);
	for (i = 0; i < FAKE_QUEUE - 1; i++)
		fake_emit_at(&fakes[0], i, i);
	fake_emit_at(&fakes[0], 1000, FAKE_QUEUE);
	expect(sub, 0, 1000);
	expect(sub, 1, 1);

	/*
	 * the filter rejects a whole batch; later events of this stream are newer than the other
	 * stream's event, which can therefore be returned
	 */
	fake_emit_at(&fakes[1], 2, 2 * FAKE_QUEUE);
	for (i = 0; i < FAKE_QUEUE; i++)
		fake_emit_at(&fakes[0], i, 2 * FAKE_QUEUE + i);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1);
	CHECK(ksig_event_spec(ev) == 1 && ev->value == 2);
	CHECK(stats(sub).queued > 0);
	while (is_readable(sub))
		CHECK(ksig_sub_next(sub, 0, &ev) == 0);
	expect_none(sub);
	ksig_sub_close(sub);
}

static void test_end(void)
{
	struct ksig_sub *sub = fake_openv(three, 2);
	const struct ksig_event *ev;

	fake_emit_at(&fakes[0], 1, 10);
	fake_end_of(&fakes[0]);
	fake_emit_at(&fakes[1], 2, 20);
	expect(sub, 0, 1);
	expect(sub, 1, 2);
	expect_none(sub);
	CHECK(ksig_sub_ended(sub, 0) == -ESHUTDOWN);
	CHECK(ksig_sub_ended(sub, 1) == 0);
	CHECK(ksig_sub_ended(sub, 2) == -EINVAL);
	CHECK(!(stats(sub).flags & KSIG_STATS_HUP));
	fake_emit_at(&fakes[1], 3, 30);
	expect(sub, 1, 3);
	fake_end_of(&fakes[1]);
	CHECK(ksig_sub_next(sub, 0, &ev) == -ESHUTDOWN);
	CHECK(is_readable(sub));
	CHECK(ksig_sub_next(sub, -1, &ev) == -ESHUTDOWN);
	CHECK(ksig_sub_ended(sub, 1) == -ESHUTDOWN);
	ksig_sub_close(sub);
}

/*
 * Check that a temporary error of one stream delays the events of other streams, but not forever,
 * and that any other error ends the stream.
 */
static void test_errors(void)
{
	struct ksig_sub *sub = fake_openv(three, 2);
	const struct ksig_event *ev;
	int64_t begin;
	int ret;

	fakes[0].error = -EMFILE;
	fake_emit_at(&fakes[0], 1, 10);
	CHECK(ksig_sub_next(sub, 0, &ev) == -EMFILE);
	expect(sub, 0, 1);
	/* the event that can't be read yet is older, so the other event must wait */
	fakes[0].keeps_failing = true;
	fakes[0].error = -ENOMEM;
	fake_emit_at(&fakes[0], 2, 20);
	fake_emit_at(&fakes[1], 2, 21);
	CHECK(ksig_sub_next(sub, 0, &ev) == -ENOMEM);
	fakes[0].error = 0;
	expect(sub, 0, 2);
	expect(sub, 1, 2);
	/* an error that persists must not delay the other stream forever */
	fakes[0].error = -ENOMEM;
	fake_emit_at(&fakes[1], 5, 22);
	begin = ksig_now();
	do {
		ret = ksig_sub_next(sub, 0, &ev);
		CHECK(ksig_now() < begin + 10000000000);
	} while (ret == -ENOMEM);
	CHECK(ret == 1 && ksig_event_spec(ev) == 1 && ev->value == 5);
	fakes[0].keeps_failing = false;
	fakes[0].error = -EIO;
	fake_emit_at(&fakes[0], 4, 40);
	fake_emit_at(&fakes[1], 3, 30);
	expect(sub, 1, 3);
	CHECK(ksig_sub_ended(sub, 0) == -EIO);
	expect_none(sub);
	ksig_sub_close(sub);
}

static void test_lost(void)
{
	struct ksig_sub *sub = fake_openv(three, 2);
	const struct ksig_event *ev;
	struct ksig_sub_stats st = { .sz = sizeof(st) };
	int i;

	for (i = 0; i < FAKE_QUEUE + 3; i++)
		fake_emit_at(&fakes[0], i, i);
	for (i = 0; i < FAKE_QUEUE; i++)
		CHECK(ksig_sub_next(sub, 0, &ev) == 1 && !ev->lost_before);
	fake_emit_at(&fakes[0], i, 200);
	fake_emit_at(&fakes[1], 9, 100);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1);
	CHECK(ksig_event_spec(ev) == 1 && !ev->lost_before && ev->seq == 1);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1);
	CHECK(ksig_event_spec(ev) == 0 && ev->lost_before == 3);
	CHECK(ev->seq == FAKE_QUEUE + 4);
	CHECK(stats(sub).lost == 3);
	CHECK(!ksig_sub_spec_stats(sub, 1, &st) && st.lost == 0);
	CHECK(!ksig_sub_spec_stats(sub, 0, &st) && st.lost == 3);
	CHECK(ksig_sub_spec_stats(sub, 2, &st) == -EINVAL);
	ksig_sub_close(sub);
}

/* ------------------------------------------------------- delivery by signal */

static int receive(siginfo_t *info)
{
	const struct timespec soon = { .tv_sec = 60 };
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGNO);
	do {
		ret = sigtimedwait(&set, info, &soon);
	} while (ret < 0 && errno == EINTR);
	return ret;
}

static struct ksig_arm_opts arm_opts(unsigned int mode)
{
	struct ksig_arm_opts o = KSIG_ARM_OPTS_INIT;

	o.signo = SIGNO;
	o.mode = mode;
	o.max_pending = mode == KSIG_MODE_EACH;
	return o;
}

/*
 * Check that signals are sent in order, and that a gap in a stream is reported by the stream's next
 * signal.
 */
static void test_each(void)
{
	struct ksig_sub *sub = fake_openv(three, 2);
	struct ksig_arm_opts o = arm_opts(KSIG_MODE_EACH);
	siginfo_t info;

	fakes[0].offered = fakes[0].lost = fakes[0].gap = 5;
	fakes[1].offered = fakes[1].lost = fakes[1].gap = 2;
	fake_emit_at(&fakes[0], 2, 20);
	fake_emit_at(&fakes[1], 1, 10);
	fake_emit_at(&fakes[1], 3, 30);
	CHECK(!ksig_sub_arm(sub, &o));
	CHECK(receive(&info) == SIGNO && ksig_siginfo_value(&info) == 1);
	CHECK(info.si_errno == 2);
	CHECK(receive(&info) == SIGNO && ksig_siginfo_value(&info) == 2);
	CHECK(info.si_errno == 5);
	CHECK(receive(&info) == SIGNO && ksig_siginfo_value(&info) == 3);
	CHECK(info.si_errno == 0);
	fake_end_of(&fakes[0]);
	fake_emit_at(&fakes[1], 4, 40);
	CHECK(receive(&info) == SIGNO && ksig_siginfo_value(&info) == 4);
	fake_end_of(&fakes[1]);
	CHECK(receive(&info) == SIGNO && info.si_errno == -ESHUTDOWN);
	CHECK(stats(sub).delivered == 4 && stats(sub).lost == 7);
	ksig_sub_close(sub);
}

static void ignore(int signo)
{
	(void)signo;
}

/*
 * Check that after disarming, a gap before refused events is reported for the right specification.
 */
static void test_lost_restored(void)
{
	struct ksig_sub *sub = fake_openv(three, 2);
	struct ksig_arm_opts o = arm_opts(KSIG_MODE_EACH);
	const struct ksig_event *ev;
	sigset_t set;
	int i;

	/*
	 * the target is ready when the subscription is armed, but no longer ready when events
	 * arrive
	 */
	sigemptyset(&set);
	sigaddset(&set, SIGNO);
	CHECK(signal(SIGNO, ignore) != SIG_ERR);
	CHECK(!ksig_sub_arm(sub, &o));
	CHECK(!sigprocmask(SIG_UNBLOCK, &set, NULL));
	CHECK(signal(SIGNO, SIG_DFL) != SIG_ERR);
	fakes[0].offered = fakes[0].lost = fakes[0].gap = 5;
	fakes[1].offered = fakes[1].lost = fakes[1].gap = 2;
	fake_emit_at(&fakes[0], 1, 10);
	fake_emit_at(&fakes[1], 2, 20);
	while (stats(sub).refused != 2)
		/* wait: interval between two checks of a condition */
		usleep(1000);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK(!ksig_sub_disarm(sub));
	fake_emit_at(&fakes[1], 3, 30);
	fake_emit_at(&fakes[0], 4, 40);
	for (i = 0; i < 2; i++) {
		CHECK(ksig_sub_next(sub, 0, &ev) == 1);
		CHECK(ev->lost_before == (ksig_event_spec(ev) ? 2 : 5));
	}
	ksig_sub_close(sub);
}

/*
 * Check that the descriptor is readable after DISARM if an event is available, even if the relay
 * had already read the event from its stream and was still looking for older events.
 */
static void test_disarmed_readable(void)
{
	const char *const events[] = { "test:value>=1000", "test" };
	struct ksig_arm_opts o = arm_opts(KSIG_MODE_DOORBELL);
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	int64_t until;
	bool readable;
	int round, i;
	sigset_t set;

	for (round = 0; round < 300; round++) {
		sub = fake_openv(events, 2);
		for (i = 0; i < FAKE_QUEUE; i++)
			fake_emit_at(&fakes[0], i, i);
		fake_emit_at(&fakes[1], 1, 2 * FAKE_QUEUE);
		CHECK(!ksig_sub_arm(sub, &o));
		/* each round disarms at a different moment of the relay's first reads */
		for (until = ksig_now() + round * 1000; ksig_now() < until;)
			;
		CHECK(!ksig_sub_disarm(sub));
		readable = is_readable(sub);
		while (ksig_sub_next(sub, 0, &ev) != 1)
			CHECK(readable || is_readable(sub));
		CHECK(readable);
		ksig_sub_close(sub);
	}
	/* discard the doorbells that were sent before DISARM */
	sigemptyset(&set);
	sigaddset(&set, SIGNO);
	while (sigtimedwait(&set, NULL, &(struct timespec) { }) == SIGNO)
		;
}

static void test_doorbell(void)
{
	struct ksig_sub *sub = fake_openv(three, 3);
	struct ksig_arm_opts o = arm_opts(KSIG_MODE_DOORBELL);
	siginfo_t info;
	int round;

	o.value = 77;
	CHECK(!ksig_sub_arm(sub, &o));
	for (round = 0; round < 3; round++) {
		fake_emit_at(&fakes[round], 1, 10);
		CHECK(receive(&info) == SIGNO && ksig_siginfo_value(&info) == 77);
		fake_emit_at(&fakes[(round + 1) % 3], 2, 20);
		expect(sub, round, 1);
		expect(sub, (round + 1) % 3, 2);
		expect_none(sub);
	}
	CHECK(stats(sub).signals == 3);
	ksig_sub_close(sub);
}

/* -------------------------------------------------------------------- opening */

static void test_open(void)
{
	const char *const bad[] = { "time.set", "time.set:valu=1" };
	const char *const missing[] = { "time.set", NULL };
	const char *many[KSIG_SUB_SPECS + 1];
	unsigned int spec = 7, column = 7;
	char text[256];
	struct ksig_sub_opts o = {
		.sz = sizeof(o), .err = text, .err_size = sizeof(text),
		.err_column = &column, .err_spec = &spec,
		.provider = "native",
	};
	struct ksig_sub *sub = NULL;

	CHECK(ksig_sub_openv(bad, 0, &o, &sub) == -EINVAL);
	for (spec = 0; spec < KSIG_SUB_SPECS + 1; spec++)
		many[spec] = "time.set";
	CHECK(ksig_sub_openv(many, KSIG_SUB_SPECS + 1, &o, &sub) == -EINVAL);
	CHECK(ksig_sub_openv(bad, 2, &o, &sub) == -EINVAL);
	CHECK(spec == 1 && column == 10 && strstr(text, "valu"));
	spec = 7;
	CHECK(ksig_sub_openv(missing, 2, &o, &sub) == -EINVAL);
	CHECK(spec == 1);
	CHECK(!sub);
	CHECK(!ksig_sub_openv(bad, 1, &o, &sub));
	CHECK(!strcmp(ksig_sub_event(sub, 0), "time.set"));
	CHECK(!strcmp(ksig_sub_provider(sub, 0), "native"));
	CHECK(!ksig_sub_event(sub, 1) && !ksig_sub_provider(sub, 1));
	CHECK(ksig_sub_in_kernel(sub, 1) == -EINVAL);
	ksig_sub_close(sub);
}

/* Check that reading the fields of a record from another subscription fails. */
static void test_foreign(void)
{
	const struct ksig_event ev = { .flags = KSIG_EVENT_SPEC(3) };
	struct ksig_sub *sub = fake_openv(three, 3);
	struct ksig_field f = { .sz = sizeof(f) };
	char line[64];

	CHECK(ksig_event_get(sub, &ev, "value", &f) == -EINVAL);
	CHECK(ksig_event_field(sub, &ev, 0, &f) == -EINVAL);
	CHECK(ksig_event_format(sub, &ev, line, sizeof(line)) == -EINVAL);
	ksig_sub_close(sub);
}

int main(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGNO);
	CHECK(!pthread_sigmask(SIG_BLOCK, &set, NULL));
	test_order();
	test_cause_first();
	test_filtered();
	test_end();
	test_errors();
	test_lost();
	test_each();
	test_lost_restored();
	test_disarmed_readable();
	test_doorbell();
	test_open();
	test_foreign();
	return 0;
}
