// SPDX-License-Identifier: MIT
/*
 * Test libksig with the module: the mapped ring and read(2), delivery by the kernel and by the
 * relay, channels of drivers, and fork.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROVIDER "module"
#include "subtest.h"

#define NODE "/dev/ksig/test"

/*
 * Check that events arrive in order and losses are reported when the ring overflows several times.
 */
static void receive(unsigned int len)
{
	struct ksig_sub *sub = sub_open("test", SUB_OPTS(.queue_len = len));
	const struct ksig_event *ev;
	unsigned int round, i;
	uint64_t seq = 0;

	for (round = 0; round < 5; round++) {
		emit_many(1000 * round, len + 3);
		for (i = 0; i < len; i++) {
			ev = sub_take(sub);
			CHECK_EQ(ev->value, 1000 * round + i);
			CHECK_EQ(ev->lost_before, i || !round ? 0 : 3);
			seq += ev->lost_before + 1;
			CHECK_EQ(ev->seq, seq);
			CHECK_EQ(sub_stats(sub).delivered,
				 (uint64_t)round * len + i + 1);
		}
		CHECK(sub_empty(sub));
		CHECK_EQ(sub_stats(sub).queued, 0);
	}
	CHECK_EQ(sub_stats(sub).lost, 15);
	ksig_sub_close(sub);
}

static void test_ring(void)
{
	receive(16);
	receive(256);
}

/* Check that the space of consumed records can be reused while other records are still queued. */
static void test_room(void)
{
	struct ksig_sub *sub = sub_open("test", SUB_OPTS(.queue_len = 16));
	unsigned int i;

	emit_many(1, 16);
	for (i = 1; i <= 8; i++)
		CHECK_EQ(sub_take(sub)->value, i);
	/*
	 * the space of all consumed records is free, except that of the last one, which the reader
	 * may still use
	 */
	emit_many(17, 7);
	CHECK_EQ(sub_stats(sub).lost, 0);
	for (; i <= 23; i++)
		CHECK_EQ(sub_take(sub)->value, i);
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
}

/* Checks that a user with only read permission can subscribe, but can't map the ring. */
static void read_only(struct child *self, void *arg)
{
	(void)self;
	(void)arg;
	OK(setgid(1000));
	OK(setuid(1000));
	child_say(self);
	child_wait_go(self);
	{
		struct ksig_sub *sub = sub_open("test:value>2", NULL);
		unsigned int i;

		CHECK_EQ(ksig_sub_in_kernel(sub, 0), 0);
		child_say(self);
		for (i = 3; i <= 20; i++)
			CHECK_EQ(sub_take(sub)->value, i);
		CHECK(sub_empty(sub));
		CHECK_EQ(sub_stats(sub).offered, 18);
		child_say(self);
		CHECK_EQ(sub_take(sub)->value, 21);
		ksig_sub_close(sub);
	}
}

/*
 * Checks that after arming, records that the library has read ahead are still sent or ring the
 * doorbell.
 */
static void arm_ahead(struct child *self, void *arg)
{
	const uint32_t *mode = arg;
	struct ksig_arm_opts o = {
		.sz = sizeof(o), .pidfd = -1, .signo = SIG, .mode = *mode,
	};
	struct ksig_sub *sub;
	int i;

	OK(setgid(1000));
	OK(setuid(1000));
	/* the relay checks in /proc whether the process waits for the signal */
	OK(prctl(PR_SET_DUMPABLE, 1));
	child_say(self);
	child_wait_go(self);
	sub = sub_open("test", NULL);
	child_say(self);
	CHECK_EQ(sub_take(sub)->value, 1);
	child_wait_go(self);
	CHECK_EQ(sub_take(sub)->value, 2);
	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	for (i = 3; i <= 20; i++) {
		if (*mode == KSIG_MODE_EACH)
			CHECK_EQ(take(SIG).si_value.sival_int, i);
		else if (i == 3)
			take(SIG);
		if (*mode == KSIG_MODE_DOORBELL)
			CHECK_EQ(sub_take(sub)->value, i);
	}
	CHECK(nothing_to_take(SIG));
	CHECK_EQ(sub_stats(sub).offered, 20);
	if (*mode == KSIG_MODE_DOORBELL)
		CHECK(sub_empty(sub));
	child_say(self);
	CHECK_EQ(take(SIG).si_value.sival_int, *mode == KSIG_MODE_EACH ? 21 : 0);
	if (*mode == KSIG_MODE_DOORBELL) {
		/* the relay has read the record, but arming must ring the doorbell again */
		CHECK_EQ(ksig_sub_arm(sub, &o), 0);
		take(SIG);
		CHECK_EQ(sub_take(sub)->value, 21);
	}
	CHECK_EQ(sub_stats(sub).offered, 21);
	ksig_sub_close(sub);
}

static void test_read(void (*body)(struct child *self, void *arg), void *arg)
{
	struct child c = child_start(body, arg);

	child_hear(&c);
	OK(chmod(NODE, 0444));
	child_go(&c);
	child_hear(&c);
	emit_many(1, 20);
	child_go(&c);
	child_hear(&c);
	emit(21);
	child_join(&c);
	OK(chmod(NODE, 0600));
}

/*
 * Check EACH mode. @sender is 0 if the kernel sends the signals. If the filter is evaluated in the
 * library, the relay sends the signals and @sender is this process.
 */
static void arm_each(const char *event, pid_t sender)
{
	struct ksig_arm_opts o = {
		.sz = sizeof(o), .pidfd = -1, .signo = SIG, .mode = KSIG_MODE_EACH,
	};
	struct ksig_sub *sub = sub_open(event, NULL);
	const struct ksig_event *ev;
	siginfo_t info;
	int i;

	emit(5);
	CHECK_EQ(sub_take(sub)->value, 5);
	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	CHECK_EQ(ksig_sub_next(sub, 0, &ev), -EBUSY);
	for (i = 10; i < 20; i++) {
		emit(i);
		info = take(SIG);
		CHECK_EQ(info.si_code, SI_QUEUE);
		CHECK_EQ(info.si_pid, sender);
		CHECK_EQ(info.si_value.sival_int, i);
		sub_stats(sub);
	}
	CHECK_EQ(ksig_sub_disarm(sub), 0);
	emit(30);
	CHECK(nothing_to_take(SIG));
	CHECK_EQ(sub_take(sub)->value, 30);
	CHECK_EQ(sub_stats(sub).delivered, 12);
	ksig_sub_close(sub);
}

static void test_doorbell(void)
{
	struct ksig_arm_opts o = {
		.sz = sizeof(o), .pidfd = -1, .signo = SIG, .mode = KSIG_MODE_DOORBELL,
		.flags = KSIG_ARM_PROCESS, .value = 7,
	};
	struct ksig_sub *sub = sub_open("test", NULL);
	siginfo_t info;
	int i;

	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	for (i = 0; i < 20; i++) {
		emit(i);
		emit(i);
		info = take(SIG);
		CHECK_EQ(ksig_siginfo_value(&info), 7);
		sub_take(sub);
		CHECK(nothing_to_take(SIG));
		sub_take(sub);
		CHECK(sub_empty(sub));
	}
	CHECK_EQ(sub_stats(sub).signals, 20);
	ksig_sub_close(sub);
}

/* Check that the doorbell rings after any number of events that don't match. */
static void test_doorbell_filter(void)
{
	struct ksig_arm_opts o = {
		.sz = sizeof(o), .pidfd = -1, .signo = SIG, .mode = KSIG_MODE_DOORBELL,
	};
	struct ksig_sub *sub = sub_open("test:value>1000", NULL);
	const struct ksig_event *ev;

	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	emit_many(1, 150);
	emit(2000);
	take(SIG);
	CHECK_EQ(ksig_sub_next(sub, 0, &ev), 1);
	CHECK_EQ(ev->value, 2000);
	ksig_sub_close(sub);
}

static void emit_on(struct child *self, void *unused)
{
	(void)unused;
	emit(1);
	child_say(self);
	for (;;)
		emit(1);
}

/* Check that the queue has the requested length even if events arrive before the length is set. */
static void test_queue_in_storm(void)
{
	struct child c = child_start(emit_on, NULL);
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	int i;

	child_hear(&c);
	for (i = 0; i < 20; i++) {
		sub = sub_open("test", SUB_OPTS(.queue_len = 65536));
		ev = sub_take(sub);
		CHECK_EQ(ev->value, 1);
		/* the counters include lost events, but not the events discarded during setup */
		CHECK_EQ(ev->seq, ev->lost_before + 1);
		/* more events than the default queue length */
		UNTIL(sub_stats(sub).queued > 256);
		ksig_sub_close(sub);
	}
	child_kill(&c);
}

static unsigned int threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned int n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

/*
 * Check that the kernel sends the signals even if events arrive before the filter on the subject is
 * set.
 */
static void test_arm_in_storm(void)
{
	struct child c = child_start(emit_on, NULL);
	struct ksig_arm_opts o = {
		.sz = sizeof(o), .pidfd = -1, .signo = SIG, .mode = KSIG_MODE_EACH,
	};
	struct ksig_sub *sub;
	int i;

	child_hear(&c);
	for (i = 0; i < 10; i++) {
		sub = sub_open("test:subject=1",
			       SUB_OPTS(.queue_len = i % 2 ? 1024 : 0));
		CHECK_EQ(ksig_sub_arm(sub, &o), 0);
		CHECK_EQ(threads(), 1);
		ksig_sub_close(sub);
	}
	child_kill(&c);
}

/*
 * Check that arming fails if the pidfd refers to a process that has exited. A process that reuses
 * the pid then receives no signal.
 */
static void test_pidfd(void)
{
	struct ksig_arm_opts o = {
		.sz = sizeof(o), .pidfd = -1, .signo = SIG, .mode = KSIG_MODE_EACH,
		.flags = KSIG_ARM_PROCESS, .pid = getpid(),
	};
	struct ksig_sub *sub = sub_open("test", NULL);
	pid_t pid = OK(fork());
	siginfo_t info;

	if (!pid)
		_exit(0);
	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	/* a pidfd of a process other than o.pid is also rejected */
	o.pidfd = OK(syscall(SYS_pidfd_open, getppid(), 0));
	CHECK_EQ(ksig_sub_arm(sub, &o), -EINVAL);
	close(o.pidfd);
	o.pidfd = OK(syscall(SYS_pidfd_open, pid, 0));
	OK(waitpid(pid, NULL, 0));
	CHECK_EQ(ksig_sub_arm(sub, &o), -ESRCH);
	/* the subscription is still armed as before */
	emit(3);
	info = take(SIG);
	CHECK_EQ(ksig_siginfo_value(&info), 3);
	o.flags = 0;
	CHECK_EQ(ksig_sub_arm(sub, &o), -EINVAL);
	close(o.pidfd);
	ksig_sub_close(sub);
}

/* Check that a child that closes an inherited subscription consumes none of its events. */
static void test_fork(void)
{
	struct ksig_sub *sub = sub_open("test", NULL);
	int status;
	pid_t pid;

	emit(1);
	pid = OK(fork());
	if (!pid) {
		ksig_sub_close(sub);
		_exit(0);
	}
	OK(waitpid(pid, &status, 0));
	CHECK_EQ(status, 0);
	emit(2);
	CHECK_EQ(sub_take(sub)->value, 1);
	CHECK_EQ(sub_take(sub)->value, 2);
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
}

static void test_send(void)
{
	siginfo_t info;

	CHECK_EQ(ksig_send(getpid(), SIG, 0x1234567, KSIG_SEND_PROCESS),
		 KSIG_SENT_BY_MODULE);
	info = take(SIG);
	CHECK_EQ(ksig_siginfo_value(&info), 0x1234567);
}

static bool listed(const char *name)
{
	const struct ksig_catalog_entry *e;
	struct ksig_catalog *c;
	bool found = false;

	CHECK_EQ(ksig_catalog_open(0, &c), 0);
	while (ksig_catalog_next(c, &e) == 1) {
		if (!strcmp(e->name, name)) {
			CHECK_EQ(e->error, 0);
			found = true;
		}
	}
	ksig_catalog_close(c);
	return found;
}

/*
 * Check that a driver's channels are found, listed and filtered, and that they report end-of-file
 * when the driver is unloaded.
 */
static void test_driver(void)
{
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	char line[64], why[1024];

	context_load();
	CHECK(listed("context") && listed("pids.one") && listed("pids.two"));
	CHECK(!listed("pids") && listed("test"));
	CHECK_EQ(ksig_sub_open("pids", NULL, &sub), -ENOENT);
	CHECK_EQ(ksig_sub_open("pids.three", NULL, &sub), -ENOENT);
	CHECK_EQ(ksig_sub_open("context.one", NULL, &sub), -ENOENT);
	CHECK_EQ(ksig_sub_open("pids.one:pid=0x7fffffff", NULL, &sub), -ESRCH);
	ksig_sub_close(sub_open("pids.two:pid=1", NULL));
	CHECK_EQ(sub_try("context", SUB_OPTS(.value_field = "nothing"), why,
			 NULL, &sub), -EINVAL);
	CHECK(strstr(why, "context has no field 'nothing'"));
	ksig_sub_close(sub_open("context", SUB_OPTS(.value_field = "subject")));
	sub = sub_open("context:value>=3", NULL);
	CHECK_EQ(context_do("process 5"), 0);
	ev = sub_take(sub);
	CHECK(ev->value >= 3);
	ksig_event_format(sub, ev, line, sizeof(line));
	CHECK(!strncmp(line, "context subject=", 16));
	while (ksig_sub_next(sub, 0, &ev) == 1)
		;
	context_unload();
	CHECK_EQ(ksig_sub_next(sub, -1, &ev), -ESHUTDOWN);
	CHECK(sub_stats(sub).flags & KSIG_STATS_HUP);
	ksig_sub_close(sub);
}

static void emits_one(struct child *self, void *arg)
{
	(void)arg;
	child_say(self);
	for (;;)
		CHECK_EQ(context_do("pid 1 7"), 0);
}

/*
 * Check that no event that arrives between open(2) and setting the filter is sent. These events are
 * of type "one".
 */
static void test_before_filter(void)
{
	struct ksig_arm_opts o = {
		.sz = sizeof(o), .pidfd = -1, .signo = SIG, .mode = KSIG_MODE_EACH,
	};
	struct child c;
	int i;

	context_load();
	c = child_start(emits_one, NULL);
	child_hear(&c);
	for (i = 0; i < 300; i++) {
		struct ksig_sub *sub = sub_open("pids.two", NULL);

		CHECK_EQ(ksig_sub_arm(sub, &o), 0);
		sub_stats(sub);
		ksig_sub_close(sub);
	}
	CHECK(nothing_to_take(SIG));
	child_kill(&c);
	context_unload();
}

/* KSIG_FRONT_MAX in kernel/channel.h */
#define FRONT_MAX 32

static void waits(struct child *self, void *arg)
{
	(void)arg;
	child_wait_go(self);
}

/*
 * Check that a process's exit event is reported before end-of-file, even if the worker delivers the
 * event late.
 */
static void test_end_behind_worker(void)
{
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	struct child c;
	char name[64];
	int i, got;

	for (i = 0; i < 100; i++) {
		c = child_start(waits, NULL);
		snprintf(name, sizeof(name), "process.exit:pid=%d", c.pid);
		sub = sub_open(name, NULL);
		child_go(&c);
		do
			got = ksig_sub_next(sub, 0, &ev);
		while (!got);
		CHECK_EQ(got, 1);
		CHECK_EQ(ev->subject, c.pid);
		CHECK(sub_over(sub));
		ksig_sub_close(sub);
		child_join(&c);
	}
}

/*
 * The worker can't identify the caller's own processes. Check that a subscription served by the
 * worker uses another provider or fails with an error that states the reason.
 */
static void test_behind_worker(void)
{
	struct ksig_sub_opts any = {
		.sz = sizeof(any), .flags = KSIG_SUB_SKIP_OWN,
	};
	struct ksig_sub_opts native = any;
	struct ksig_sub *front[FRONT_MAX], *sub;
	char why[1024];
	int i, err;

	native.provider = "native";
	for (i = 0; i < FRONT_MAX; i++)
		front[i] = sub_open("process.exit", NULL);
	test_end_behind_worker();
	CHECK_EQ(sub_try("process.exit", SUB_OPTS(.flags = KSIG_SUB_SKIP_OWN),
			 why, NULL, &sub), -EUSERS);
	CHECK(strstr(why, "KSIG_SUB_SKIP_OWN"));
	/* another provider is used, unless this build has none */
	err = sub_try("process.exit", &native, why, NULL, &sub);
	if (err && strstr(why, "this build has no provider")) {
		printf(": no other provider is built in\n");
	} else {
		CHECK_EQ(err, 0);
		ksig_sub_close(sub);
		sub = sub_open("process.exit", &any);
		CHECK(strcmp(ksig_sub_provider(sub, 0), "module"));
		ksig_sub_close(sub);
	}
	for (i = 0; i < FRONT_MAX; i++)
		ksig_sub_close(front[i]);
}

int main(void)
{
	sub_or_skip("test");
	block(SIG);
	test_ring();
	test_room();
	test_read(read_only, NULL);
	test_read(arm_ahead, &(uint32_t){ KSIG_MODE_EACH });
	test_read(arm_ahead, &(uint32_t){ KSIG_MODE_DOORBELL });
	arm_each("test", 0);
	arm_each("test:value>0", getpid());
	test_doorbell();
	test_doorbell_filter();
	test_queue_in_storm();
	test_arm_in_storm();
	test_pidfd();
	test_fork();
	test_send();
	test_driver();
	test_before_filter();
	test_behind_worker();
	return 0;
}
