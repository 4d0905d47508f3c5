// SPDX-License-Identifier: MIT
/*
 * Promise 3 for armed subscriptions: a signal reaches only the process for which the subscription
 * was armed, and is sent with no more privilege than the arming process had. EPOLLPRI reports that
 * the target has exited.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

#define ALICE 1000
#define BOB 1001

static void become(uid_t real, uid_t effective, uid_t saved)
{
	OK(syscall(SYS_setresuid, real, effective, saved));
}

static void wait_pri(int fd)
{
	struct pollfd p = { fd, POLLPRI };

	CHECK_EQ(poll(&p, 1, 60000), 1);
	CHECK_EQ(p.revents, POLLPRI);
	CHECK(stats_of(fd).flags & KSIG_STATS_TARGET_GONE);
	CHECK(!(stats_of(fd).flags & KSIG_STATS_ARMED));
}

/* Checks that events still arrive and can be read, but cause no signal. */
static void check_disarmed(int fd)
{
	uint64_t signals = stats_of(fd).signals;

	emit(5);
	CHECK_EQ(read_event(fd).value, 5);
	CHECK_EQ(stats_of(fd).signals, signals);
	check_identity(fd);
}

static void blocks(struct child *self, void *arg)
{
	(void)arg;
	block(SIG);
	child_say(self);
	child_wait_go(self);
}

/*
 * Check that the subscription is disarmed when the target exits or is killed, both before and after
 * the target is reaped.
 */
static void test_exit(bool by_kill, uint32_t flags)
{
	struct child c = child_start(blocks, NULL);
	int fd = OK(chan_open("test", O_NONBLOCK));
	siginfo_t info;

	child_hear(&c);
	OK(arm(fd, SIG, KSIG_MODE_EACH, flags, c.pid));
	emit(1);
	CHECK(is_pending(c.pid, flags ? "ShdPnd" : "SigPnd", SIG));
	if (by_kill)
		kill(c.pid, SIGKILL);
	else
		child_go(&c);
	OK(waitid(P_PID, c.pid, &info, WEXITED | WNOWAIT));
	wait_pri(fd);
	check_disarmed(fd);
	if (by_kill)
		child_kill(&c);
	else
		child_join(&c);
	FAILS(arm(fd, SIG, KSIG_MODE_EACH, flags, c.pid), ESRCH);
	/* rearming clears the flag */
	OK(arm(fd, SIG, KSIG_MODE_EACH, flags, 0));
	CHECK(!(stats_of(fd).flags & KSIG_STATS_TARGET_GONE));
	close(fd);
}

/*
 * Calls exec after unblocking the signal. The process is still the target but is no longer ready.
 */
static void execs(struct child *self, void *arg)
{
	(void)arg;
	block(SIG);
	child_say(self);
	child_wait_go(self);
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	execl("/bin/sleep", "sleep", "100", NULL);
}

static char comm_of(pid_t pid)
{
	char path[40], first = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = OK(open(path, O_RDONLY));
	CHECK_EQ(read(fd, &first, 1), 1);
	close(fd);
	return first;
}

static void test_exec(void)
{
	struct child c = child_start(execs, NULL);
	int fd = OK(chan_open("test", O_NONBLOCK));

	child_hear(&c);
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, c.pid));
	child_go(&c);
	UNTIL(comm_of(c.pid) == 's');
	emit(1);
	CHECK_EQ(stats_of(fd).refused, 1);
	CHECK_EQ(stats_of(fd).signals, 0);
	CHECK(child_lives(&c));
	check_identity(fd);
	child_kill(&c);
	wait_pri(fd);
	close(fd);
}

/*
 * Calls exec in a thread other than the group leader. The leader exits and the thread takes over
 * its pid, so the process keeps its pid and the subscription stays armed.
 */
static void *exec_thread(void *arg)
{
	child_wait_go(arg);
	execl("/tests/promise3_armed", "promise3_armed", "blocks", NULL);
	return NULL;
}

static void thread_execs(struct child *self, void *arg)
{
	pthread_t thread;

	block(SIG);
	CHECK_EQ(pthread_create(&thread, NULL, exec_thread, self), 0);
	child_say(self);
	for (;;)
		pause();
	(void)arg;
}

static void test_thread_exec(uint32_t flags)
{
	struct child c = child_start(thread_execs, NULL);
	int fd = OK(chan_open("test", O_NONBLOCK));

	child_hear(&c);
	OK(arm(fd, SIG, KSIG_MODE_EACH, flags, c.pid));
	child_go(&c);
	UNTIL(is_pending(c.pid, "SigBlk", SIGUSR2));
	emit(1);
	CHECK(stats_of(fd).flags & KSIG_STATS_ARMED);
	CHECK(is_pending(c.pid, flags ? "ShdPnd" : "SigPnd", SIG));
	CHECK_EQ(stats_of(fd).delivered, 1);
	child_kill(&c);
	wait_pri(fd);
	close(fd);
}

/*
 * The group leader exits while another thread continues. A subscription armed for the leader's
 * thread is disarmed; a subscription armed for the process is not.
 */
static void *outlives(void *arg)
{
	child_wait_go(arg);
	_exit(0);
}

static void leader_ends(struct child *self, void *arg)
{
	static struct child copy;
	pthread_t thread;

	(void)arg;
	copy = *self;
	block(SIG);
	child_say(self);
	child_wait_go(self);
	CHECK_EQ(pthread_create(&thread, NULL, outlives, &copy), 0);
	syscall(SYS_exit, 0);
}

static void test_leader_ends(void)
{
	struct child c = child_start(leader_ends, NULL);
	int thread = OK(chan_open("test", O_NONBLOCK)),
	    process = OK(chan_open("test", O_NONBLOCK));

	child_hear(&c);
	OK(arm(thread, SIG, KSIG_MODE_EACH, 0, c.pid));
	OK(arm(process, SIG, KSIG_MODE_EACH, KSIG_ARM_PROCESS, c.pid));
	child_go(&c);
	wait_pri(thread);
	check_disarmed(thread);
	CHECK(stats_of(process).flags & KSIG_STATS_ARMED);
	CHECK_EQ(stats_of(process).delivered, 1);
	CHECK(is_pending(c.pid, "ShdPnd", SIG));
	child_go(&c);
	child_join(&c);
	wait_pri(process);
	check_identity(process);
	close(thread);
	close(process);
}

/* Writes a number to a file such as ns_last_pid, which determines the next pid. */
static void write_number(const char *path, int number)
{
	FILE *f = fopen(path, "we");

	CHECK(f);
	CHECK(fprintf(f, "%d", number) > 0);
	CHECK_EQ(fclose(f), 0);
}

/*
 * Check that no signal is sent to a process that reuses the pid. Return: false if the pid could not
 * be reused, possibly because an unrelated process has it. The test must then be repeated.
 */
static bool recycled(void)
{
	struct child c = child_start(blocks, NULL), stranger;
	int fd = OK(chan_open("test", O_NONBLOCK)), i;
	pid_t pid = c.pid;

	block(SIG);	/* a child that reuses the pid inherits this and could accept the signal */
	child_hear(&c);
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, pid));
	child_kill(&c);
	for (i = 0; i < 100; i++) {
		write_number("/proc/sys/kernel/ns_last_pid", pid - 1);
		stranger = child_start(blocks, NULL);
		child_hear(&stranger);
		if (stranger.pid == pid)
			break;
		child_kill(&stranger);
	}
	if (stranger.pid == pid) {
		emit(1);
		CHECK(!is_pending(pid, "SigPnd", SIG));
		CHECK_EQ(stats_of(fd).signals, 0);
		CHECK_EQ(stats_of(fd).queued, 1);
		child_kill(&stranger);
	}
	close(fd);
	return i < 100;
}

static void test_recycled(void)
{
	int tries = 0;

	while (!recycled())
		CHECK(++tries < 20);
}

/* parameters for arming with particular credentials */
struct armer {
	int fd;
	pid_t target;
	uint32_t flags;
	int err;
};

static void arms_as_alice(struct child *self, void *arg)
{
	struct armer *a = arg;

	(void)self;
	become(ALICE, ALICE, ALICE);
	if (a->err)
		FAILS(arm(a->fd, SIG, KSIG_MODE_EACH, a->flags, a->target),
		      a->err);
	else
		OK(arm(a->fd, SIG, KSIG_MODE_EACH, a->flags, a->target));
}

static void changes_uid(struct child *self, void *arg)
{
	const uid_t *uid = arg;

	block(SIG);
	become(uid[0], uid[1], uid[2]);
	child_say(self);
	child_wait_go(self);
	become(uid[3], uid[4], uid[5]);
	child_say(self);
	child_wait_go(self);
}

/*
 * Check that an unprivileged process that received root's descriptor can't arm it for another
 * user's process.
 */
static void test_handed_on(uint32_t flags)
{
	static uid_t uid[] = { BOB, BOB, BOB, BOB, BOB, BOB };
	struct child bob = child_start(changes_uid, uid), c;
	struct armer a = { .target = bob.pid, .flags = flags, .err = EPERM };

	child_hear(&bob);
	a.fd = OK(chan_open("test", O_NONBLOCK));
	c = child_start(arms_as_alice, &a);
	child_join(&c);
	a.target = getpid();
	c = child_start(arms_as_alice, &a);
	child_join(&c);
	a.target = 1;
	c = child_start(arms_as_alice, &a);
	child_join(&c);
	emit(1);
	CHECK_EQ(stats_of(a.fd).queued, 1);
	CHECK_EQ(stats_of(a.fd).signals, 0);
	child_kill(&bob);
	close(a.fd);
}

/*
 * Arms a subscription as the user alice if @alice, otherwise as root. Then lets the target change
 * its uids from uid[0..2] to uid[3..5]. Checks that the target still receives signals if @reached,
 * and otherwise receives no more.
 */
static void test_uids(const uid_t uid[6], bool alice, bool reached,
		      uint32_t flags)
{
	struct child t = child_start(changes_uid, (void *)uid), c;
	struct armer a = { .target = t.pid, .flags = flags };

	child_hear(&t);
	a.fd = OK(chan_open("test", O_NONBLOCK));
	if (alice) {
		c = child_start(arms_as_alice, &a);
		child_join(&c);
	} else {
		OK(arm(a.fd, SIG, KSIG_MODE_EACH, flags, t.pid));
	}
	emit(1);
	CHECK_EQ(stats_of(a.fd).signals, 1);
	child_go(&t);
	child_hear(&t);
	emit(2);
	emit(3);
	CHECK_EQ(stats_of(a.fd).signals, reached ? 3 : 1);
	CHECK_EQ(stats_of(a.fd).refused, reached ? 0 : 2);
	check_identity(a.fd);
	child_kill(&t);
	close(a.fd);
}

static void test_target_changes(uint32_t flags)
{
	/*
	 * at first, the target's real or saved uid permits kill(2) by alice; the change of the uids
	 * must end this permission
	 */
	const uid_t to_root[] = { ALICE, 0, ALICE, ALICE, 0, 0 };
	const uid_t to_bob[] = { ALICE, 0, 0, BOB, BOB, BOB };
	const uid_t same[] = { ALICE, ALICE, ALICE, ALICE, ALICE, ALICE };
	const uid_t drops[] = { 0, 0, 0, BOB, BOB, BOB };

	test_uids(to_root, true, false, flags);
	test_uids(to_bob, true, false, flags);
	test_uids(same, true, true, flags);
	/* root has CAP_KILL, so its signals stay permitted */
	test_uids(drops, false, true, flags);
	test_uids(to_root, false, true, flags);
}

/*
 * Check that signals are sent with the credentials at the time of arming, even if the arming
 * process later changes its credentials or exits.
 */
static void arms_and_drops(struct child *self, void *arg)
{
	struct armer *a = arg;

	OK(arm(a->fd, SIG, KSIG_MODE_EACH, a->flags, a->target));
	become(ALICE, ALICE, ALICE);
	child_say(self);
	child_wait_go(self);
}

static void test_armer_drops(void)
{
	static uid_t uid[] = { BOB, BOB, BOB, BOB, BOB, BOB };
	struct child bob = child_start(changes_uid, uid), c;
	struct armer a = { .target = bob.pid };

	child_hear(&bob);
	a.fd = OK(chan_open("test", O_NONBLOCK));
	c = child_start(arms_and_drops, &a);
	child_hear(&c);
	emit(1);
	CHECK_EQ(stats_of(a.fd).signals, 1);
	child_go(&c);
	child_join(&c);
	emit(2);
	CHECK_EQ(stats_of(a.fd).signals, 2);
	child_kill(&bob);
	close(a.fd);
}

/* Check that SIGKILL kills the whole process, regardless of which thread is the target. */
static void *sleeps(void *arg)
{
	*(volatile pid_t *)arg = gettid();
	for (;;)
		pause();
	return NULL;
}

static void has_thread(struct child *self, void *arg)
{
	volatile pid_t tid = 0;
	pthread_t thread;

	(void)arg;
	CHECK_EQ(pthread_create(&thread, NULL, sleeps, (void *)&tid), 0);
	UNTIL(tid);
	CHECK_EQ(write(self->to, (void *)&tid, sizeof(tid)), sizeof(tid));
	child_wait_go(self);
}

static void test_sigkill(void)
{
	struct child c = child_start(has_thread, NULL);
	int fd = OK(chan_open("test", O_NONBLOCK)), status;
	pid_t tid;

	CHECK_EQ(read(c.from, &tid, sizeof(tid)), sizeof(tid));
	OK(arm(fd, SIGKILL, KSIG_MODE_EACH, 0, tid));
	emit(1);
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	wait_pri(fd);
	close(fd);
}

static void *exec_again(void *arg)
{
	(void)arg;
	execl("/proc/self/exe", "promise3_armed", "execs", NULL);
	_exit(1);
}

/* Calls exec repeatedly, each time in a second thread, which becomes the group leader. */
static void execs_on(struct child *self, void *arg)
{
	pthread_t thread;

	(void)self;
	(void)arg;
	block(SIGUSR2);
	CHECK_EQ(pthread_create(&thread, NULL, exec_again, NULL), 0);
	for (;;)
		pause();
}

/* Check that arming doesn't fail while the target calls exec, since the target keeps its pid. */
static void test_arm_while_exec(uint32_t flags)
{
	struct child c = child_start(execs_on, NULL);
	int fd = OK(chan_open("test", O_NONBLOCK)), i;
	int n = how_many(20000);

	for (i = 0; i < n; i++) {
		OK(arm(fd, SIGUSR2, KSIG_MODE_EACH, flags, c.pid));
		if (stats_of(fd).flags & KSIG_STATS_TARGET_GONE)
			fail(__FILE__, __LINE__, "gone, the %dth time", i);
	}
	CHECK(child_lives(&c));
	child_kill(&c);
	close(fd);
}

int main(int argc, char **argv)
{
	uint32_t flags;

	if (argc > 1 && argv[1][0] == 'e')
		execs_on(NULL, NULL);
	if (argc > 1 && argv[1][0] == 'b') {
		block(SIGUSR2);
		for (;;)
			pause();
	}
	for (flags = 0; flags <= KSIG_ARM_PROCESS; flags++) {
		test_exit(false, flags);
		test_exit(true, flags);
		test_thread_exec(flags);
		test_handed_on(flags);
		test_target_changes(flags);
		test_arm_while_exec(flags);
	}
	test_exec();
	test_leader_ends();
	test_recycled();
	test_armer_drops();
	test_sigkill();
	return 0;
}
