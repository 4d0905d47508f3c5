// SPDX-License-Identifier: MIT
/*
 * Promise 6: events can be emitted from any context. 1,000 consecutive events from each context
 * (100 from an NMI) are delivered in order, or counted as lost or skipped.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

#define EVENTS 1000
/* a channel can stash this many events until the NMI returns */
#define NMI_EVENTS 100

static void read_all(int fd, const char *where, uint64_t *next)
{
	struct event ev;

	while (stats_of(fd).queued) {
		ev = read_event(fd);
		CHECK_EQ(ev.lost_before, 0);
		if (ev.value != ++*next)
			fail(__FILE__, __LINE__, "%s: %llu, not %llu", where,
			     (unsigned long long)ev.value,
			     (unsigned long long)*next);
	}
}

/* Check that if the queue is large enough, no event from any context is lost. */
static void test_queue(const char *command, int events)
{
	int fd = OK(chan_open("context", O_NONBLOCK));
	uint64_t next = 0;

	set_queue(fd, 1024);
	CHECK_EQ(context_do(command), 0);
	CHECK_EQ(stats_of(fd).offered, events);
	read_all(fd, command, &next);
	CHECK_EQ(next, events);
	CHECK_EQ(stats_of(fd).lost, 0);
	check_identity(fd);
	close(fd);
}

static void test_each(const char *command, int events, uint32_t flags)
{
	int fd = OK(chan_open("context", O_NONBLOCK)), i;
	siginfo_t info;

	set_queue(fd, 1024);
	OK(arm(fd, SIG, KSIG_MODE_EACH, flags, 0));
	CHECK_EQ(context_do(command), 0);
	for (i = 1; i <= events; i++) {
		info = take(SIG);
		if (ksig_siginfo_value(&info) != (uint64_t)i)
			fail(__FILE__, __LINE__, "%s: %llu, not %d", command,
			     (unsigned long long)ksig_siginfo_value(&info), i);
		CHECK_EQ(info.si_errno, 0);
	}
	CHECK(nothing_to_take(SIG));
	CHECK_EQ(stats_of(fd).delivered, events);
	check_identity(fd);
	close(fd);
}

static void test_doorbell(const char *command, int events)
{
	int fd = OK(chan_open("context", O_NONBLOCK));

	set_queue(fd, 1024);
	OK(arm(fd, SIG, KSIG_MODE_DOORBELL, 0, 0));
	CHECK_EQ(context_do(command), 0);
	take(SIG);
	CHECK(nothing_to_take(SIG));
	CHECK_EQ(stats_of(fd).queued, events);
	close(fd);
}

static void reader(struct child *self, void *arg)
{
	int fd = OK(chan_open("context", 0));

	(void)arg;
	child_say(self);
	CHECK_EQ(read_event(fd).value, 1);
}

/* Check that an emit from any context wakes a sleeping reader. */
static void test_wakes(const char *command)
{
	struct child c = child_start(reader, NULL);

	child_hear(&c);
	wait_state(c.pid, 'S');
	CHECK_EQ(context_do(command), 0);
	child_join(&c);
}

static uint64_t context_number(const char *name)
{
	unsigned long long n;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/ksig_context/%s", name);
	f = fopen(path, "re");
	CHECK(f);
	CHECK_EQ(fscanf(f, "%llu", &n), 1);
	fclose(f);
	return n;
}

/*
 * Check that if one NMI emits more events than the stash can hold, the excess is counted as skipped
 * and reported.
 */
static void test_nmi_overflow(void)
{
	int fd = OK(chan_open("context", O_NONBLOCK));
	struct ksig_stats st;
	uint64_t next = 0;
	struct event ev;

	set_queue(fd, 2048);
	CHECK_EQ(context_do("nmi 2000"), 0);
	st = stats_of(fd);
	CHECK(st.offered >= NMI_EVENTS && st.skipped > 0);
	CHECK_EQ(st.offered + st.skipped, 2000);
	read_all(fd, "nmi", &next);
	CHECK_EQ(next, st.offered);
	CHECK_EQ(context_do("process 2"), 0);
	ev = read_event(fd);
	CHECK(ev.flags & KSIG_EVENT_LOST_UPTO);
	ev = read_event(fd);
	CHECK(!(ev.flags & KSIG_EVENT_LOST_UPTO));
	check_identity(fd);
	close(fd);
}

/*
 * Check NMIs that interrupt an emit while the queue's lock is held. With large records, the lock is
 * held most of the time. Events from both contexts must be received or counted, and each context's
 * events must be in order.
 */
static void test_nmi_meets_lock(void)
{
	int fd = OK(chan_open("large", O_NONBLOCK)), ring;
	uint64_t next[2] = { 0, 0 }, lost = 0, seen = 0, nmis = 0;
	static char record[4096];
	struct ksig_stats st;
	struct event ev;

	ring = OK(chan_open("large", O_NONBLOCK));
	set_queue(fd, 8192);
	OK(arm(ring, SIG, KSIG_MODE_DOORBELL, 0, 0));
	CHECK_EQ(context_do("locked 4000"), 0);
	st = stats_of(fd);
	check_identity(fd);
	CHECK_EQ(st.offered + st.skipped, context_number("emitted"));
	while (stats_of(fd).queued) {
		CHECK_EQ(read(fd, record, sizeof(record)), sizeof(record));
		memcpy(&ev, record, sizeof(ev));
		lost += ev.lost_before;
		seen++;
		nmis += ev.subject;	/* events from an NMI have subject 1 */
		CHECK(ev.value > next[ev.subject]);
		next[ev.subject] = ev.value;
	}
	CHECK_EQ(seen + lost, st.offered);
	CHECK_EQ(st.lost, lost);
	CHECK(nmis + st.skipped >= context_number("emitted") - 4000);
	printf(": %llu NMIs met a busy queue: %llu of %llu events lost\n",
	       (unsigned long long)nmis, (unsigned long long)lost,
	       (unsigned long long)st.offered);
	take(SIG);
	close(ring);
	close(fd);
}

/* Check emits from a tracepoint probe. Since Linux 7.0, other tasks may preempt the probe. */
static void test_preempted_probe(void)
{
	int fd = OK(chan_open("context", O_NONBLOCK)), i;
	int each = OK(chan_open("context", O_NONBLOCK));
	uint64_t next = 0;
	siginfo_t info;
	pid_t pid;

	set_queue(fd, 1024);
	set_queue(each, 1024);
	OK(arm(each, SIG, KSIG_MODE_EACH, 0, 0));
	CHECK_EQ(context_do("probe 1000"), 0);
	pid = OK(fork());
	if (!pid)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(context_do("unprobe 0"), 0);
	CHECK_EQ(stats_of(fd).offered, EVENTS);
	read_all(fd, "probe", &next);
	CHECK_EQ(next, EVENTS);
	check_identity(fd);
	for (i = 1; i <= EVENTS; i++) {
		info = take(SIG);
		CHECK_EQ(ksig_siginfo_value(&info), i);
	}
	CHECK(nothing_to_take(SIG));
	check_identity(each);
	CHECK_EQ(context_number("preempted"),
		 linux_at_least(7, 0) ? EVENTS / 16 : 0);
	close(each);
	close(fd);
}

static bool has_nmi(void)
{
	int err = context_do("nmi 0");

	CHECK(!err || err == EOPNOTSUPP);
	return !err;
}

int main(void)
{
	static const char *const where[] = {
		"process", "preempt", "irqsoff", "hardirq", "softirq", "nmi",
	};
	char command[32];
	cpu_set_t first;
	int events;
	size_t i;

	context_load();
	block(SIG);
	/* NMIs arrive on CPU 0, so run there */
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	OK(sched_setaffinity(0, sizeof(first), &first));
	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		if (!strcmp(where[i], "nmi") && !has_nmi()) {
			printf(": only a PC has NMIs that can be requested\n");
			continue;
		}
		events = strcmp(where[i], "nmi") ? EVENTS : NMI_EVENTS;
		snprintf(command, sizeof(command), "%s %d", where[i], events);
		test_queue(command, events);
		test_each(command, events, 0);
		test_each(command, events, KSIG_ARM_PROCESS);
		test_doorbell(command, events);
		snprintf(command, sizeof(command), "%s 1", where[i]);
		test_wakes(command);
	}
	test_preempted_probe();
	if (has_nmi()) {
		test_nmi_overflow();
		test_nmi_meets_lock();
	}
	context_unload();
	return 0;
}
