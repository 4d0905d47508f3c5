// SPDX-License-Identifier: MIT
/*
 * Check that ksig_send() keeps its promises both when the module sends and when the caller sends,
 * and check which of these methods the library chooses.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include "subtest.h"

#define SIGNO 44

static const struct {
	const char *name;
	int way;
	int code;
} ways[] = {
	{ "module", KSIG_SENT_BY_MODULE, SI_QUEUE },
	{ "caller", KSIG_SENT_BY_CALLER, SI_QUEUE },
};

/* the send method under test, and the si_code of its signals */
static int way, code;

static int send_by(pid_t pid, int signo, unsigned int flags)
{
	return ksig_send(pid, signo, VALUE, flags | KSIG_SEND_BY(way));
}

static bool there(const char *name)
{
	int ret;

	block(SIGNO);
	ret = send_by(getpid(), SIGNO, 0);
	if (ret == way) {
		take(SIGNO);
		return true;
	}
	CHECK(ret == -EOPNOTSUPP || ret == -EACCES || ret == -EPERM);
	printf(": not by %s here: %s\n", name, strerror(-ret));
	return false;
}

static volatile sig_atomic_t handled;
static siginfo_t seen;

static void handler(int signo, siginfo_t *info, void *ctx)
{
	(void)signo;
	(void)ctx;
	seen = *info;
	handled = 1;
}

static void value_arrives(struct child *self, void *arg)
{
	struct signalfd_siginfo si;
	siginfo_t info;
	sigset_t set;
	int fd;

	(void)self;
	(void)arg;
	block(SIGNO);
	CHECK_EQ(send_by(getpid(), SIGNO, 0), way);
	CHECK(is_pending(getpid(), "SigPnd", SIGNO));
	info = take(SIGNO);
	CHECK_EQ(info.si_code, code);
	CHECK_EQ(ksig_siginfo_value(&info), VALUE);
	CHECK_EQ(send_by(getpid(), SIGNO, KSIG_SEND_PROCESS), way);
	CHECK(is_pending(getpid(), "ShdPnd", SIGNO));
	info = take(SIGNO);
	CHECK_EQ(ksig_siginfo_value(&info), VALUE);

	sigemptyset(&set);
	sigaddset(&set, SIGNO);
	fd = OK(signalfd(-1, &set, SFD_NONBLOCK));
	CHECK_EQ(send_by(getpid(), SIGNO, 0), way);
	CHECK_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	CHECK_EQ(ksig_signalfd_value(&si), VALUE);

	handle(SIGNO, handler, 0);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK_EQ(send_by(getpid(), SIGNO, 0), way);
	CHECK(handled);
	CHECK_EQ(ksig_siginfo_value(&seen), VALUE);
}

static void sleeper(struct child *self, void *arg)
{
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	child_say(self);
	/* sleep until the test kills this process */
	child_wait_go(self);
}

static void runner(struct child *self, void *arg)
{
	sigset_t set;

	(void)arg;
	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	child_say(self);
	for (;;)
		sched_yield();
}

/*
 * Check that sending to a target that is not ready fails with a permanent error, not -EAGAIN,
 * whether the target sleeps or runs.
 */
static void not_ready(void (*body)(struct child *self, void *arg))
{
	struct child c = child_start(body, NULL);

	child_hear(&c);
	CHECK_EQ(send_by(c.pid, SIGNO, 0), -ECONNREFUSED);
	CHECK_EQ(send_by(c.pid, SIGNO, KSIG_SEND_PROCESS), -ECONNREFUSED);
	CHECK(child_lives(&c));
	child_kill(&c);
	CHECK_EQ(send_by(c.pid, SIGNO, 0), -ESRCH);
}

/*
 * Checks that a target that the caller can no longer see, for example after chroot(2), is not
 * reported as having exited.
 */
static void not_seen(struct child *self, void *arg)
{
	struct ksig_target_opts o = {
		.sz = sizeof(o), .pid = getppid(), .pidfd = -1, .signo = SIGNO,
		.flags = KSIG_SEND_PROCESS,
	};
	struct ksig_target *target;
	int i, ret = -EAGAIN;

	(void)self;
	(void)arg;
	CHECK_EQ(ksig_target_open(&o, &target), 0);
	OK(chroot("/dev"));
	for (i = 0; i < 1000 && ret == -EAGAIN; i++)
		ret = ksig_target_send(target, 0, 1);
	CHECK_EQ(ret, -EOPNOTSUPP);
	CHECK_EQ(ksig_target_ready(target), -EOPNOTSUPP);
	ksig_target_close(target);
}

static void waiter(struct child *self, void *arg)
{
	(void)arg;
	child_wait_go(self);
	CHECK_EQ(take(SIGNO).si_code, code);
}

/*
 * Check that a thread in sigtimedwait(2) counts as ready, although /proc shows the signal as
 * unblocked.
 */
static void waiting_is_ready(void)
{
	struct child c;

	block(SIGNO);
	c = child_start(waiter, NULL);
	child_go(&c);
	wait_state(c.pid, 'S');
	CHECK_EQ(send_by(c.pid, SIGNO, 0), way);
	child_join(&c);
}

static void become_plain(void)
{
	OK(setresgid(1000, 1000, 1000));
	OK(setresuid(1000, 1000, 1000));
}

/* @arg: non-NULL if other processes of the same user are permitted to inspect this process. */
static void plain_waiter(struct child *self, void *arg)
{
	become_plain();
	OK(prctl(PR_SET_DUMPABLE, !!arg));
	block(SIGNO);
	child_say(self);
	CHECK_EQ(take(SIGNO).si_code, SI_QUEUE);
}

/* Return: true if Yama prevents an unprivileged user's processes from tracing each other. */
static bool restricted(void)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (f && fscanf(f, "%d", &scope) != 1)
		scope = 0;
	if (f)
		fclose(f);
	return scope > 0;
}

/*
 * Checks that sending fails with -EACCES if the caller is not permitted to see which signal the
 * thread waits for. The target must not be reported as not ready.
 */
static void sends_unseen(struct child *self, void *arg)
{
	struct child *c = arg;
	struct ksig_target_opts o = {
		.sz = sizeof(o), .pid = c[0].pid, .pidfd = -1, .signo = SIGNO,
		.flags = KSIG_SEND_PROCESS,
	};
	struct ksig_target *target;

	(void)self;
	become_plain();
	way = KSIG_SENT_BY_CALLER;
	CHECK_EQ(send_by(c[0].pid, SIGNO, 0), -EACCES);
	CHECK_EQ(send_by(c[0].pid, SIGNO, KSIG_SEND_PROCESS), -EACCES);
	CHECK_EQ(ksig_send(c[0].pid, SIGNO, 1, 0), -EACCES);
	CHECK_EQ(ksig_target_open(&o, &target), 0);
	CHECK_EQ(ksig_target_ready(target), -EACCES);
	CHECK_EQ(ksig_target_send(target, 0, 1), -EACCES);
	ksig_target_close(target);
	CHECK_EQ(send_by(c[1].pid, SIGNO, 0), restricted() ? -EACCES : way);
}

/*
 * Checks that sending fails with -EACCES if the caller can open the /proc files but not read them.
 */
static void sends_untraced(struct child *self, void *arg)
{
	struct child *c = arg;
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	(void)self;
	OK(syscall(SYS_capget, &head, data));
	data[0].effective &= ~(1U << CAP_SYS_PTRACE);
	OK(syscall(SYS_capset, &head, data));
	way = KSIG_SENT_BY_CALLER;
	CHECK_EQ(send_by(c[0].pid, SIGNO, 0), -EACCES);
	CHECK_EQ(send_by(c[1].pid, SIGNO, KSIG_SEND_PROCESS), -EACCES);
}

static void unseen(void)
{
	struct child c[2], sender;
	int i;

	for (i = 0; i < 2; i++) {
		c[i] = child_start(plain_waiter, (void *)(intptr_t)i);
		child_hear(&c[i]);
		wait_state(c[i].pid, 'S');
	}
	sender = child_start(sends_untraced, c);
	child_join(&sender);
	sender = child_start(sends_unseen, c);
	child_join(&sender);
	/* a caller that is permitted to trace the target can read its state */
	way = KSIG_SENT_BY_CALLER;
	for (i = restricted() ? 1 : 0; i >= 0; i--) {
		CHECK(child_lives(&c[i]));
		CHECK_EQ(send_by(c[i].pid, SIGNO, 0), way);
	}
	child_join(&c[1]);
	child_join(&c[0]);
}

static void continues(struct child *self, void *arg)
{
	(void)self;
	become_plain();
	way = KSIG_SENT_BY_CALLER;
	CHECK_EQ(send_by(*(pid_t *)arg, SIGTERM, KSIG_SEND_PROCESS), -EPERM);
	CHECK_EQ(send_by(*(pid_t *)arg, SIGCONT, KSIG_SEND_PROCESS), way);
}

static void keep_bpf_caps(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ 1U << CAP_SYS_ADMIN, 1U << CAP_SYS_ADMIN, 0 },
		{ 3U << (CAP_PERFMON - 32), 3U << (CAP_PERFMON - 32), 0 },
	};

	OK(prctl(PR_SET_KEEPCAPS, 1));
	OK(setresuid(65534, 65534, 65534));
	OK(syscall(SYS_capset, &head, data));
}

/*
 * Checks that neither the capability to load BPF programs nor an open control node permits
 * signalling root's processes.
 */
static void not_allowed(struct child *self, void *arg)
{
	pid_t pid = *(pid_t *)arg;

	(void)self;
	keep_bpf_caps();
	if (way == KSIG_SENT_BY_MODULE) {
		CHECK_EQ(send_by(pid, SIGNO, 0), -EACCES);
		return;
	}
	CHECK_EQ(send_by(pid, SIGNO, 0), -EPERM);
	block(SIGNO);
	CHECK_EQ(send_by(getpid(), SIGNO, 0), way);
}

static void full_queue(struct child *self, void *arg)
{
	struct rlimit none = { 0, 0 };

	(void)self;
	(void)arg;
	block(SIGNO);
	OK(setrlimit(RLIMIT_SIGPENDING, &none));
	CHECK_EQ(send_by(getpid(), SIGNO, 0), -EAGAIN);
	CHECK(nothing_to_take(SIGNO));
}

/*
 * Checks sending to the caller's own pid in a new PID namespace. Pid 1 is the caller in this
 * namespace, but a different process outside.
 */
static void own_numbers(struct child *self, void *arg)
{
	(void)self;
	(void)arg;
	if (getpid() != 1) {
		if (unshare(CLONE_NEWPID))
			skip("no pid namespace: %m");
		*self = child_start(own_numbers, NULL);
		child_join(self);
		return;
	}
	block(SIGNO);
	/* in the instance of /proc that is still mounted, pid 1 is the machine's init process */
	if (way == KSIG_SENT_BY_CALLER) {
		CHECK_EQ(send_by(1, SIGNO, 0), -EOPNOTSUPP);
		OK(unshare(CLONE_NEWNS));
		OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		OK(mount("proc", "/proc", "proc", 0, NULL));
	}
	CHECK_EQ(send_by(1, SIGNO, 0), way);
	CHECK_EQ(take(SIGNO).si_code, code);
}

static void in_child(void (*body)(struct child *self, void *arg), void *arg)
{
	struct child c = child_start(body, arg);

	child_join(&c);
}

static void check_way(void)
{
	pid_t self = getpid();

	in_child(value_arrives, NULL);
	not_ready(sleeper);
	not_ready(runner);
	waiting_is_ready();
	in_child(not_allowed, &self);
	in_child(full_queue, NULL);
	in_child(own_numbers, NULL);
}

/* Checks that without /proc, the module can send but the caller can't. */
static void choice(struct child *self, void *arg)
{
	bool module = !access("/dev/ksig/control", F_OK);
	int best = module ? KSIG_SENT_BY_MODULE : KSIG_SENT_BY_CALLER;

	(void)self;
	(void)arg;
	block(SIGNO);
	CHECK_EQ(ksig_send(getpid(), SIGNO, 1, 0), best);
	OK(unshare(CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	OK(umount2("/proc", MNT_DETACH));
	way = KSIG_SENT_BY_CALLER;
	CHECK_EQ(send_by(getpid(), SIGNO, 0), -EOPNOTSUPP);
	CHECK_EQ(ksig_send(getpid(), SIGNO, 1, 0), module ? best : -EOPNOTSUPP);
}

static void bad_input(void)
{
	CHECK_EQ(ksig_send(0, SIGNO, 0, 0), -EINVAL);
	CHECK_EQ(ksig_send(1, 65, 0, 0), -EINVAL);
	CHECK_EQ(ksig_send(1, SIGNO, 0, KSIG_SEND_PROCESS << 1), -EINVAL);
	CHECK_EQ(ksig_send(1, SIGNO, 0, KSIG_SEND_BY(2)), -EINVAL);
}

int main(void)
{
	pid_t self = getpid();
	size_t i;

	if (getuid())
		skip("root's permissions are needed");
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		way = ways[i].way;
		code = ways[i].code;
		if (!there(ways[i].name))
			continue;
		check_way();
	}
	way = KSIG_SENT_BY_CALLER;
	in_child(not_seen, NULL);
	unseen();
	/* kill(2) permits sending SIGCONT to any process in the same session */
	in_child(continues, &self);
	in_child(choice, NULL);
	bad_input();
	return 0;
}
