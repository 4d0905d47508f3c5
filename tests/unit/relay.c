// SPDX-License-Identifier: MIT
/* Check that the relay keeps promises 1 to 5. relay_doorbell.c tests the doorbell. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "relay.h"

/*
 * Check that EACH mode passes the whole value, keeps the order, and reports the size of a gap with
 * the first event after it.
 */
static void test_each(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o = each(0);
	const struct ksig_event *ev;
	struct ksig_sub_stats st = { .sz = sizeof(st) };
	siginfo_t info;
	uint64_t i, got, lost = 0;

	CHECK(!ksig_sub_arm(sub, &o));
	CHECK(ksig_sub_next(sub, 0, &ev) == -EBUSY);
	fake_emit(0x1122334455667788);
	CHECK(take(&soon, &info) == SIGNO);
	CHECK(info.si_code == SI_QUEUE && !info.si_errno);
	CHECK((uint64_t)(uintptr_t)info.si_ptr == 0x1122334455667788);
	/*
	 * 32 signals are pending, the relay has dequeued one event, and the rest are queued. Fewer
	 * are pending if other processes of the user have pending signals, because /proc reports
	 * only the total for the user.
	 */
	for (i = 1; i <= 200; i++)
		fake_emit(i);
	EVENTUALLY(stats(sub).deferred && stats(sub).signals >= 2);
	st = stats(sub);
	CHECK(st.queued && st.lost && !st.refused);
	CHECK(st.signals >= 2 && st.signals <= 33);
	for (got = 0; 1 + got + stats(sub).lost < stats(sub).offered; got++) {
		CHECK(take(&soon, &info) == SIGNO);
		lost += info.si_errno;
		CHECK(info.si_value.sival_int == (int)(got + 1 + lost));
		stats(sub);
	}
	fake_emit(201);
	CHECK(take(&soon, &info) == SIGNO);
	CHECK(info.si_errno == (int)(stats(sub).lost - lost));
	CHECK(!ksig_sub_disarm(sub));
	fake_emit(202);
	CHECK(take(&moment, &info) < 0);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1 && ev->value == 202);
	stats(sub);
	ksig_sub_close(sub);
}

/* Check that events that don't match the filter are neither sent nor counted. */
static void test_filter(void)
{
	struct ksig_sub *sub = fake_open("test:value&1");
	struct ksig_arm_opts o = each(getpid());
	siginfo_t info;
	int i;

	o.flags |= KSIG_ARM_SUBJECT;
	CHECK(!ksig_sub_arm(sub, &o));
	for (i = 1; i <= 9; i++)
		fake_emit(i);
	for (i = 1; i <= 9; i += 2) {
		CHECK(take(&soon, &info) == SIGNO);
		CHECK((uint64_t)(uintptr_t)info.si_ptr ==
		      (7ULL << 32 | (unsigned int)i));
	}
	EVENTUALLY(stats(sub).offered == 5);
	CHECK(stats(sub).delivered == 5);
	ksig_sub_close(sub);
}

/* Promise 4: check that a real-time signal doesn't kill a process that is not ready for it. */
static void test_not_ready(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o;
	pid_t pid;

	pthread_sigmask(SIG_SETMASK, &(sigset_t) { }, NULL);
	pid = child(sleep_on);
	block(SIGNO);
	o = each(pid);
	CHECK(!ksig_sub_arm(sub, &o));
	fake_emit(1);
	EVENTUALLY(stats(sub).refused == 1);
	CHECK(!kill(pid, 0) && waitpid(pid, NULL, WNOHANG) == 0);
	/* a standard signal is sent even if the target is not ready */
	o.signo = SIGTERM;
	CHECK(!ksig_sub_arm(sub, &o));
	fake_emit(2);
	CHECK(waitpid(pid, NULL, 0) == pid);
	EVENTUALLY(stats(sub).flags & KSIG_STATS_TARGET_GONE);
	CHECK(!(stats(sub).flags & KSIG_STATS_ARMED));
	CHECK(ksig_sub_arm(sub, &o) == -ESRCH);
	ksig_sub_close(sub);
}

/*
 * Check that a temporary error in this process isn't attributed to the target and doesn't affect
 * later events.
 */
static void test_passing_errors(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o = each(0);
	struct rlimit few, many;
	siginfo_t info;

	CHECK(!ksig_sub_arm(sub, &o));
	pthread_mutex_lock(&fakes[0].lock);
	fakes[0].error = -EMFILE;
	pthread_mutex_unlock(&fakes[0].lock);
	fake_emit(1);
	CHECK(take(&soon, &info) == SIGNO && info.si_value.sival_int == 1);
	CHECK(!(stats(sub).flags & KSIG_STATS_HUP));
	/* the relay has no free descriptor to check the target with */
	CHECK(!getrlimit(RLIMIT_NOFILE, &many));
	few = (struct rlimit) { 3, many.rlim_max };
	CHECK(!setrlimit(RLIMIT_NOFILE, &few));
	fake_emit(2);
	CHECK(take(&moment, &info) < 0);
	CHECK(!setrlimit(RLIMIT_NOFILE, &many));
	CHECK(take(&soon, &info) == SIGNO && info.si_value.sival_int == 2);
	CHECK(stats(sub).delivered == 2 && !stats(sub).refused);
	ksig_sub_close(sub);
}

static int64_t cpu_ns(clockid_t clock)
{
	struct timespec ts;

	CHECK(!clock_gettime(clock, &ts));
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/*
 * Promise 5: check that a stopped target causes no noticeable CPU load. This thread never idles, so
 * that a relay that doesn't idle either would get as much CPU time, however busy the machine is.
 */
static void test_stuck(void)
{
	struct ksig_sub *sub = fake_open("test");
	int64_t mine, all, end;
	struct ksig_arm_opts o;
	int i;
	/* the child inherits the blocked signal */
	pid_t pid = child(sleep_on);

	kill(pid, SIGSTOP);
	o = each(pid);
	o.max_pending = 2;
	CHECK(!ksig_sub_arm(sub, &o));
	for (i = 0; i < 10; i++)
		fake_emit(i);
	EVENTUALLY(stats(sub).deferred);
	mine = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	all = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	end = ksig_now() + 500000000;
	while (ksig_now() < end)
		;
	mine = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - mine;
	all = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - all;
	CHECK(all - mine < mine / 2);
	CHECK(stats(sub).signals >= 1 && stats(sub).signals <= 2);
	reap(pid);
	EVENTUALLY(stats(sub).flags & KSIG_STATS_TARGET_GONE);
	ksig_sub_close(sub);
}

/*
 * Check that after the relay has reported that the target exited, arming delivery by the kernel
 * or by the relay clears the flag.
 */
static void test_gone_before(bool by_relay)
{
	struct ksig_sub *sub = fake_open("test");
	pid_t pid = child(sleep_on);
	struct ksig_arm_opts o = each(pid);
	struct ksig_sub_stats st = { .sz = sizeof(st) };

	sub->streams->provider = &fake_kernel;
	fake_buffered = true;
	CHECK(!ksig_sub_arm(sub, &o));
	reap(pid);
	EVENTUALLY(!ksig_sub_stats(sub, &st) &&
		   st.flags & KSIG_STATS_TARGET_GONE);
	fake_buffered = by_relay;
	o.pid = getpid();
	CHECK(!ksig_sub_arm(sub, &o));
	st.flags = 0;
	CHECK(!ksig_sub_stats(sub, &st));
	CHECK(!(st.flags & KSIG_STATS_TARGET_GONE));
	fake_buffered = false;
	ksig_sub_close(sub);
}

static void *storm(void *arg)
{
	bool *stop = arg;
	uint64_t i;

	for (i = 0; !__atomic_load_n(stop, __ATOMIC_RELAXED); i++)
		fake_emit(i);
	return NULL;
}

/* Check that a relay thread that never idles doesn't starve other threads. */
static void test_storm(void)
{
	struct ksig_sub *sub = fake_open("test:value<0");
	struct ksig_arm_opts o = each(0);
	pthread_t thread;
	bool stop = false;
	int i;

	CHECK(!pthread_create(&thread, NULL, storm, &stop));
	for (i = 0; i < 100; i++) {
		CHECK(!ksig_sub_arm(sub, &o));
		CHECK(!stats(sub).signals);
		CHECK(!ksig_sub_disarm(sub));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	CHECK(!pthread_join(thread, NULL));
	ksig_sub_close(sub);
}

static int step_fd;

/* Starts as a target that is not ready, then becomes ready but doesn't consume its signals. */
static void refuse_then_block(void)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK(write(step_fd, "", 1) == 1);
	CHECK(!sigwait(&set, &signo));
	block(SIGNO);
	CHECK(write(step_fd, "", 1) == 1);
	sleep_on();
}

/*
 * Check that if the signal that would report a gap is refused, the gap is reported with the next
 * event that is read or sent.
 */
static void test_gap(bool target_full)
{
	struct ksig_sub *sub = fake_open("test");
	const struct ksig_event *ev;
	struct ksig_arm_opts o;
	int fds[2];
	pid_t pid;
	char c;

	CHECK(!pipe(fds));
	step_fd = fds[1];
	pthread_sigmask(SIG_SETMASK, &(sigset_t) { }, NULL);
	block(SIGUSR1);
	pid = child(refuse_then_block);
	block(SIGNO);
	CHECK(read(fds[0], &c, 1) == 1);
	o = each(pid);
	o.max_pending = 1;
	CHECK(!ksig_sub_arm(sub, &o));
	fakes[0].gap = fakes[0].lost = fakes[0].offered = 5;
	fake_emit(1);
	EVENTUALLY(stats(sub).refused == 1);
	if (target_full) {
		kill(pid, SIGUSR1);
		CHECK(read(fds[0], &c, 1) == 1);
		CHECK(!sigqueue(pid, SIGNO, (union sigval) { }));
		fake_emit(2);
		EVENTUALLY(stats(sub).deferred);
		CHECK(!ksig_sub_disarm(sub));
	}
	reap(pid);
	if (!target_full) {
		EVENTUALLY(stats(sub).flags & KSIG_STATS_TARGET_GONE);
		fake_emit(2);
	}
	CHECK(ksig_sub_next(sub, 0, &ev) == 1);
	CHECK(ev->value == 2 && ev->lost_before == 5);
	fake_emit(3);
	CHECK(ksig_sub_next(sub, 0, &ev) == 1 && !ev->lost_before);
	stats(sub);
	ksig_sub_close(sub);
	close(fds[0]);
	close(fds[1]);
}

/* Check that end-of-file is reported after all events, with a negative error code. */
static void test_end(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o = each(0);
	const struct ksig_event *ev;
	siginfo_t info;

	CHECK(!ksig_sub_arm(sub, &o));
	fake_emit(1);
	fake_end();
	CHECK(take(&soon, &info) == SIGNO && info.si_value.sival_int == 1);
	CHECK(take(&soon, &info) == SIGNO && info.si_errno == -ESHUTDOWN);
	CHECK(!ksig_sub_disarm(sub));
	CHECK(ksig_sub_next(sub, -1, &ev) == -ESHUTDOWN);
	ksig_sub_close(sub);
}

/*
 * Check that arming and disarming repeatedly loses no event, and that no signal is sent after
 * disarming.
 */
static void test_rearm(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o = each(0);
	const struct ksig_event *ev;
	uint64_t next = 1, sent = 1;
	siginfo_t info;
	int i;

	for (i = 0; i < 200; i++) {
		CHECK(!ksig_sub_arm(sub, &o));
		fake_emit(sent++);
		fake_emit(sent++);
		CHECK(!ksig_sub_disarm(sub));
		while (take(&(struct timespec) { }, &info) == SIGNO)
			CHECK((uint64_t)info.si_value.sival_int == next++);
		while (ksig_sub_next(sub, 0, &ev) == 1)
			CHECK(ev->value == next++);
		CHECK(next == sent);
		stats(sub);
	}
	ksig_sub_close(sub);
}

static void *emits_on(void *unused)
{
	for (;;)
		fake_emit(1);
	return unused;
}

/*
 * Arming blocks all of the caller's signals while the relay thread is created. The relay must not
 * conclude that the caller is ready for a signal that would otherwise kill the process.
 */
static void rearms(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o = each(0);
	pthread_t thread;
	sigset_t none;
	int i;

	sigemptyset(&none);
	CHECK(!sigprocmask(SIG_SETMASK, &none, NULL));
	/*
	 * create the thread before arming because pthread_create(3) also blocks all signals
	 * temporarily
	 */
	CHECK(!pthread_create(&thread, NULL, emits_on, NULL));
	for (i = 0; i < 300; i++)
		CHECK(!ksig_sub_arm(sub, &o));
}

static void test_rearm_unready(void)
{
	int status;
	pid_t pid = child(rearms);

	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(!status);
}

/* Check that the previous arming stays in effect if no thread can be created. */
static void test_no_thread(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o = each(0);
	pthread_attr_t before, vast;
	siginfo_t info;

	CHECK(!ksig_sub_arm(sub, &o));
	CHECK(!pthread_getattr_default_np(&before));
	CHECK(!pthread_attr_init(&vast));
	CHECK(!pthread_attr_setstacksize(&vast, 1UL << 46));
	CHECK(!pthread_setattr_default_np(&vast));
	CHECK(ksig_sub_arm(sub, &o) == -EAGAIN);
	CHECK(!pthread_setattr_default_np(&before));
	CHECK(stats(sub).flags & KSIG_STATS_ARMED);
	fake_emit(1);
	CHECK(take(&soon, &info) == SIGNO && info.si_value.sival_int == 1);
	ksig_sub_close(sub);
}

static void test_input(void)
{
	struct ksig_sub *sub = fake_open("test");
	struct ksig_arm_opts o = each(0);

	o.mode = 2;
	CHECK(ksig_sub_arm(sub, &o) == -EINVAL);
	o = each(0);
	o.signo = 65;
	CHECK(ksig_sub_arm(sub, &o) == -EINVAL);
	o = each(0);
	o.flags = 4;
	CHECK(ksig_sub_arm(sub, &o) == -EINVAL);
	o = each(0);
	o.value = 1;
	CHECK(ksig_sub_arm(sub, &o) == -EINVAL);
	o = each(0);
	o.max_pending = KSIG_PENDING_MAX + 1;
	CHECK(ksig_sub_arm(sub, &o) == -EINVAL);
	o = each(0);
	o.mode = KSIG_MODE_DOORBELL;
	o.max_pending = 2;
	CHECK(ksig_sub_arm(sub, &o) == -EINVAL);
	o = each(0x7ffffffe);
	CHECK(ksig_sub_arm(sub, &o) == -ESRCH);
	CHECK(ksig_sub_arm(sub, NULL) == -EINVAL);
	CHECK(!ksig_sub_disarm(sub));
	ksig_sub_close(sub);

	CHECK(ksig_send(0, SIGNO, 1, 0) == -EINVAL);
	CHECK(ksig_send(1, 0, 1, 0) == -EINVAL);
	CHECK(ksig_send(1, SIGNO, 1, 2) == -EINVAL);
	CHECK(ksig_send(0x7ffffffe, SIGNO, 1, 0) == -ESRCH);
}

static void test_send(void)
{
	siginfo_t info;
	int ret = ksig_send(getpid(), SIGNO, 1234, KSIG_SEND_PROCESS);

	CHECK(ret == KSIG_SENT_BY_MODULE || ret == KSIG_SENT_BY_CALLER);
	CHECK(take(&soon, &info) == SIGNO);
	CHECK(ksig_siginfo_value(&info) == 1234);
}

int main(void)
{
	block(SIGNO);
	test_each();
	test_filter();
	test_not_ready();
	test_passing_errors();
	test_stuck();
	test_gap(false);
	test_gap(true);
	test_end();
	test_rearm();
	test_rearm_unready();
	test_no_thread();
	test_gone_before(false);
	test_gone_before(true);
	test_storm();
	test_input();
	test_send();
	return 0;
}
