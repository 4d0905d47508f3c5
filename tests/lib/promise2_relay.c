// SPDX-License-Identifier: MIT
/*
 * Promise 2 for subscriptions through the library: at all times, offered = delivered + queued +
 * lost + refused (sub_stats() checks this). The first record or signal after a gap carries the size
 * of the gap.
 */
#define _GNU_SOURCE
#include "source.h"

#define MORE 50

/**
 * struct tally - events received, compared with events triggered
 * @exact: true if the filter runs in the kernel, so every lost event matched it
 * @values: values of the @n triggered events
 * @next: index of the first value that is neither received nor missed yet
 * @missed: number of events not received. If not @exact, it may exceed @lost by up to lost_upto
 */
struct tally {
	bool exact;
	uint64_t *values;
	uint64_t n;
	uint64_t next;
	uint64_t received;
	uint64_t lost;
	uint64_t missed;
};

/*
 * Counts an event and the gap before it. Checks the order, and that all missing events were
 * reported.
 */
static void count(struct tally *t, uint64_t value, int lost)
{
	uint64_t missing;

	CHECK(lost >= 0);
	for (missing = 0; t->values[t->next] != value; missing++) {
		t->next++;
		CHECK(t->next < t->n);
	}
	if (t->exact)
		CHECK_EQ(missing, lost);
	t->missed += missing;
	t->next++;
	t->received++;
	t->lost += lost;
}

/* Checks that every event is accounted for and that the last one was received. */
static void check_tally(struct ksig_sub *sub, const struct tally *t)
{
	struct ksig_sub_stats st = sub_stats(sub);

	CHECK_EQ(t->next, t->n);
	CHECK_EQ(st.lost, t->lost);
	CHECK(t->missed <= st.lost + sub_lost_upto(sub));
	CHECK_EQ(st.delivered, t->received);
	CHECK_EQ(st.signals, t->received);
	CHECK_EQ(st.queued, 0);
	if (t->exact)
		CHECK_EQ(st.offered, t->n);
}

static void take_one(struct tally *t)
{
	siginfo_t info = take(SIG);

	count(t, ksig_siginfo_value(&info), info.si_errno);
}

/* Accepts all signals that were sent, including those for events still in the queue. */
static void take_all(struct ksig_sub *sub, struct tally *t)
{
	while (sub_stats(sub).queued || sub_stats(sub).signals > t->received) {
		if (sub_stats(sub).signals > t->received)
			take_one(t);
	}
}

/*
 * Triggers another event to report the last gap. If the native provider's socket queue in the
 * kernel is full, this event is also lost and another one has to report the gap.
 */
static void take_another(struct ksig_sub *sub, struct tally *t)
{
	int tries, i;

	for (tries = 0; tries < MORE; tries++) {
		t->values[t->n++] = produce_one(5000 + tries);
		for (i = 0; i < 500 && t->next < t->n; i++) {
			take_all(sub, t);
			usleep(1000);	/* wait: for this event, unless it was lost */
		}
		if (t->next == t->n)
			return;
		CHECK(!t->exact);
	}
	fail(__FILE__, __LINE__, "%d events, and none is received", MORE);
}

/*
 * Check the counters in EACH mode when the target thread blocks the signal: up to 32 signals are
 * pending, 16 events are queued, the relay has dequeued one, and the rest are lost. Fewer signals
 * are pending if other processes of the user have pending signals, because /proc reports only the
 * total for the user.
 */
static void test_overflow(uint32_t flags)
{
	struct ksig_sub *sub = subscribe(16);
	bool exact = ksig_sub_in_kernel(sub, 0);
	uint64_t n = exact ? 1000 : 300, values[1000 + MORE];
	struct tally t = { .exact = exact, .values = values };
	struct ksig_sub_stats st;

	CHECK_EQ(arm_each(sub, 0, flags), 0);
	while (t.n < 100 && !sub_stats(sub).deferred) {
		values[t.n] = produce_one(t.n);
		t.n++;
		UNTIL(sub_stats(sub).signals == t.n || sub_stats(sub).deferred);
	}
	CHECK(t.n <= 33);
	produce(t.n, n - t.n, values + t.n);
	t.n = n;
	st = sub_stats(sub);
	CHECK_EQ(st.delivered, st.signals);
	CHECK_EQ(st.refused, 0);
	if (exact) {
		CHECK_EQ(st.offered, n);
		CHECK(st.queued <= 16U + source_relays());
		CHECK_EQ(st.lost, n - st.signals - st.queued);
	}
	take_all(sub, &t);
	take_another(sub, &t);
	check_tally(sub, &t);
	CHECK(t.lost || !exact);
	ksig_sub_close(sub);
}

/* Check that if the event after a gap is refused, the next event reports the gap. */
static void test_gap_before_refused(void)
{
	struct ksig_sub *sub = subscribe(16);
	struct ksig_sub_stats st;
	siginfo_t info;
	uint64_t value;

	produce(1, 20, NULL);
	unblock_all();
	CHECK_EQ(arm_each(sub, 0, 0), 0);
	st = settled(sub, 20);
	/*
	 * with a filter in the library, the number of lost events that would have matched is
	 * unknown
	 */
	if (ksig_sub_in_kernel(sub, 0))
		CHECK_EQ(st.lost, 4);
	CHECK_EQ(st.refused, st.offered - st.lost);
	produce_one(30);
	CHECK_EQ(settled(sub, st.offered + 1).refused, st.refused + 1);
	block(SIG);
	value = produce_one(31);
	info = take(SIG);
	CHECK_EQ(ksig_siginfo_value(&info), value);
	CHECK_EQ(info.si_errno, st.lost);
	CHECK_EQ(settled(sub, st.offered + 2).delivered, 1);
	ksig_sub_close(sub);
}

/*
 * Check that if no signal reported a gap before the subscription is disarmed, the next event read
 * reports the gap.
 */
static void test_gap_given_back(void)
{
	struct ksig_sub *sub = subscribe(16);
	bool exact = ksig_sub_in_kernel(sub, 0);
	const struct ksig_event *ev;
	struct ksig_sub_stats st;
	uint64_t value;

	produce(1, 20, NULL);
	unblock_all();
	CHECK_EQ(arm_each(sub, 0, 0), 0);
	st = settled(sub, 20);
	produce_one(30);
	st = settled(sub, st.offered + 1);
	CHECK_EQ(ksig_sub_disarm(sub), 0);
	block(SIG);
	value = produce_one(31);
	ev = sub_take(sub);
	CHECK_EQ(ev->value, value);
	CHECK_EQ(ev->lost_before, st.lost);
	/* with a filter in the library, queued events are counted even if they don't match */
	CHECK(exact ? ev->seq == st.offered + 1 : ev->seq > st.offered);
	value = produce_one(32);
	ev = sub_take(sub);
	CHECK_EQ(ev->value, value);
	CHECK_EQ(ev->lost_before, 0);
	CHECK(exact ? sub_stats(sub).offered == st.offered + 2 :
		      sub_stats(sub).offered >= st.offered + 2);
	ksig_sub_close(sub);
}

/* Check the counters continuously while events arrive and are sent, queued and lost. */
static void test_concurrent(void)
{
	struct ksig_sub *sub = subscribe(64);
	bool exact = ksig_sub_in_kernel(sub, 0);
	uint64_t n = how_many(exact ? 4000 : 300), i = 0, j;
	static uint64_t values[4000 + MORE];
	static siginfo_t got[4000];
	struct tally t = { .exact = exact, .values = values, .n = n };
	struct ksig_arm_opts o = each_to(0, 0);

	o.max_pending = 4;
	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	produce_start(1, n);
	/* the values are known only at the end, so keep the signals until then */
	while (i < n / 2 && sub_stats(sub).offered < n) {
		if (sub_stats(sub).signals > i)
			got[i++] = take(SIG);
	}
	produce_end(n, values);
	for (j = 0; j < i; j++)
		count(&t, ksig_siginfo_value(&got[j]), got[j].si_errno);
	take_all(sub, &t);
	take_another(sub, &t);
	check_tally(sub, &t);
	printf(": %s: of %llu events %llu sent, %llu lost\n", source.provider,
	       (unsigned long long)t.n, (unsigned long long)t.received,
	       (unsigned long long)t.lost);
	ksig_sub_close(sub);
}

/* Check that all events are counted as refused if the target accepts none of them. */
static void test_many_refused(void)
{
	struct ksig_sub *sub = subscribe(4096);
	uint64_t n = how_many(ksig_sub_in_kernel(sub, 0) ? 4000 : 200);
	struct ksig_sub_stats st;

	produce(1, n, NULL);
	unblock_all();
	CHECK_EQ(arm_each(sub, 0, 0), 0);
	st = settled(sub, n);
	CHECK_EQ(st.refused + st.lost, st.offered);
	CHECK_EQ(st.signals, 0);
	block(SIG);
	ksig_sub_close(sub);
}

static void test_all(void)
{
	block(SIG);
	test_overflow(0);
	test_overflow(KSIG_ARM_PROCESS);
	test_gap_before_refused();
	test_gap_given_back();
	test_many_refused();
	test_concurrent();
}

int main(void)
{
	return run_each_source(test_all);
}
