// SPDX-License-Identifier: MIT
/*
 * Promise 3: SEND requires the same permissions as kill(2). The test permits every user to open the
 * control node. Each result is compared with the result of kill(2) for the same pair of processes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

#define ALICE 1000
#define BOB 1001

struct ids {
	uid_t real, effective, saved;
};

static const struct ids alice = { ALICE, ALICE, ALICE };
static const struct ids bob = { BOB, BOB, BOB };
static const struct ids root = { 0, 0, 0 };

/* Uses the system calls directly because the C library would change the ids of every thread. */
static void become(const struct ids *ids)
{
	OK(syscall(SYS_setresgid, ids->real, ids->effective, ids->saved));
	OK(syscall(SYS_setresuid, ids->real, ids->effective, ids->saved));
}

static void target_body(struct child *self, void *arg)
{
	block(SIG);
	become(arg);
	child_say(self);
	child_wait_go(self);
}

static struct child target(const struct ids *ids)
{
	struct child c = child_start(target_body, (void *)ids);

	child_hear(&c);
	return c;
}

/* Checks that kill(2), SEND to a thread and SEND to a process all have the result @err. */
static void expect(int control, pid_t pid, int err)
{
	unsigned int flags;

	if (err)
		FAILS(kill(pid, 0), err);
	else
		OK(kill(pid, 0));
	for (flags = 0; flags <= KSIG_SEND_PROCESS; flags++) {
		if (err)
			FAILS(send_signal(control, pid, SIG, flags, 1), err);
		else
			OK(send_signal(control, pid, SIG, flags, 1));
	}
}

struct sender {
	const struct ids *ids;
	int control;	/* descriptor opened by root; -1 if the sender opens the node itself */
	pid_t to;
	int err;
};

static void sender_body(struct child *self, void *arg)
{
	struct sender *s = arg;

	(void)self;
	become(s->ids);
	expect(s->control < 0 ? control_open() : s->control, s->to, s->err);
}

static void pair(const struct ids *from, const struct ids *to, int err)
{
	struct child t = target(to), s;
	struct sender sender = { from, -1, t.pid, err };

	s = child_start(sender_body, &sender);
	child_join(&s);
	/* the caller's credentials are checked, not those of the process that opened the node */
	sender.control = control_open();
	s = child_start(sender_body, &sender);
	child_join(&s);
	close(sender.control);
	CHECK_EQ(is_pending(t.pid, "SigPnd", SIG), !err);
	CHECK_EQ(is_pending(t.pid, "ShdPnd", SIG), !err);
	child_kill(&t);
}

static void test_uids(void)
{
	const struct ids setuid_shell = { ALICE, 0, 0 };
	const struct ids posing = { 0, ALICE, 0 };
	const struct ids returning = { BOB, BOB, ALICE };
	const struct ids helper = { ALICE, BOB, BOB };

	pair(&alice, &alice, 0);
	pair(&alice, &bob, EPERM);
	pair(&alice, &root, EPERM);
	/* only the target's real and saved uids matter, not its effective uid */
	pair(&alice, &posing, EPERM);
	pair(&alice, &setuid_shell, 0);
	pair(&alice, &returning, 0);
	pair(&helper, &bob, 0);
	pair(&helper, &alice, 0);
	pair(&helper, &setuid_shell, 0);
	pair(&helper, &posing, EPERM);
	pair(&bob, &helper, 0);
	pair(&returning, &alice, EPERM);
	pair(&root, &alice, 0);
	pair(&root, &bob, 0);
	pair(&root, &posing, 0);
	pair(&posing, &bob, EPERM);
	pair(&setuid_shell, &bob, 0);
}

static void drop_cap_kill(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	OK(syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1U << CAP_KILL);
	OK(syscall(SYS_capset, &header, data));
}

static void powerless(struct child *self, void *arg)
{
	(void)self;
	drop_cap_kill();
	expect(control_open(), *(pid_t *)arg, EPERM);
}

static void test_root_without_cap_kill(void)
{
	struct child t = target(&alice), s = child_start(powerless, &t.pid);

	child_join(&s);
	child_kill(&t);
}

/* Checks that SIGCONT is permitted within the same session, regardless of the uids. */
static void continues(struct child *self, void *arg)
{
	struct child *t = arg;
	int control;

	(void)self;
	become(&alice);
	control = control_open();
	OK(kill(t->pid, SIGCONT));
	OK(send_signal(control, t->pid, SIGCONT, 0, 0));
	OK(send_signal(control, t->pid, SIGCONT, KSIG_SEND_PROCESS, 0));
	OK(setsid());
	FAILS(kill(t->pid, SIGCONT), EPERM);
	FAILS(send_signal(control, t->pid, SIGCONT, 0, 0), EPERM);
	FAILS(send_signal(control, t->pid, SIGCONT, KSIG_SEND_PROCESS, 0),
	      EPERM);
}

static void test_session(void)
{
	struct child t = target(&bob), s = child_start(continues, &t);

	child_join(&s);
	child_kill(&t);
}

static void *other_uid(void *arg)
{
	OK(syscall(SYS_setresuid, BOB, BOB, BOB));
	*(volatile pid_t *)arg = gettid();
	for (;;)
		pause();
	return NULL;
}

/*
 * Checks that a thread of the caller's own process can be signalled even if the thread has another
 * uid.
 */
static void own_threads(struct child *self, void *arg)
{
	volatile pid_t tid = 0;
	pthread_t thread;
	int control = control_open();

	(void)self;
	(void)arg;
	block(SIG);
	CHECK_EQ(pthread_create(&thread, NULL, other_uid, (void *)&tid), 0);
	UNTIL(tid);
	become(&alice);
	expect(control, tid, 0);
}

static void test_own_process(void)
{
	struct child c = child_start(own_threads, NULL);

	child_join(&c);
}

static void write_file(const char *path, const char *text)
{
	int fd = OK(open(path, O_WRONLY));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

struct outside {
	pid_t alice, bob, root;
};

static void in_container(struct child *self, void *arg)
{
	const struct ids second = { 1, 1, 1 };
	struct outside *o = arg;
	struct child inner;
	int control;

	become(&alice);
	OK(unshare(CLONE_NEWUSER));
	child_say(self);
	child_wait_go(self);	/* continues after the uid and gid maps are written */
	CHECK_EQ(getuid(), 0);
	control = control_open();

	/* CAP_KILL in this namespace permits signalling processes in it */
	inner = target(&second);
	expect(control, inner.pid, 0);
	child_kill(&inner);
	/*
	 * for processes outside the namespace, the caller counts as alice, although BOB is also
	 * mapped
	 */
	expect(control, o->alice, 0);
	expect(control, o->bob, EPERM);
	expect(control, o->root, EPERM);
	expect(control, 1, EPERM);
}

static void test_user_namespace(void)
{
	struct child a = target(&alice), b = target(&bob), r = target(&root);
	struct outside o = { a.pid, b.pid, r.pid };
	struct child c = child_start(in_container, &o);
	char path[64];

	child_hear(&c);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", c.pid);
	write_file(path, "0 1000 2");
	snprintf(path, sizeof(path), "/proc/%d/gid_map", c.pid);
	write_file(path, "0 1000 2");
	child_go(&c);
	child_join(&c);
	child_kill(&a);
	child_kill(&b);
	child_kill(&r);
}

/*
 * Checks that the permission check uses the credentials of the process that writes to
 * signalconfpid, not of the process that opened it.
 */
static void writes_as_alice(struct child *self, void *arg)
{
	int conf = ((int *)arg)[0];
	char line[32];
	int n;

	(void)self;
	become(&alice);
	n = snprintf(line, sizeof(line), "%d", ((int *)arg)[1]);
	FAILS(write(conf, line, n), EPERM);
	block(SIG);
	n = snprintf(line, sizeof(line), "%d", getpid());
	CHECK_EQ(write(conf, line, n), n);
	take(SIG);
}

static void test_signalconfpid(void)
{
	struct child t = target(&bob), s;
	int arg[2] = {
		OK(open("/sys/kernel/debug/signalconfpid", O_WRONLY)), t.pid,
	};

	s = child_start(writes_as_alice, arg);
	child_join(&s);
	child_kill(&t);
	close(arg[0]);
}

/*
 * Checks si_uid in another user namespace, in which root's uid is not mapped and appears as the
 * overflow uid.
 */
static void takes_from_outside(struct child *self, void *arg)
{
	siginfo_t info;

	(void)arg;
	block(SIG);
	become(&alice);
	OK(unshare(CLONE_NEWUSER));
	child_say(self);
	info = take(SIG);
	CHECK_EQ(info.si_code, SI_QUEUE);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(info.si_uid, 65534);
	child_say(self);
	/* the process sends this signal to itself, in a namespace in which its uid is not mapped */
	OK(send_signal(*(int *)arg, getpid(), SIG, 0, 1));
	info = take(SIG);
	CHECK_EQ(info.si_uid, 65534);
}

static void test_si_uid(void)
{
	int control = control_open();
	struct child c = child_start(takes_from_outside, &control);

	child_hear(&c);
	OK(send_signal(control, c.pid, SIG, 0, 1));
	child_hear(&c);
	child_join(&c);
	close(control);
}

int main(void)
{
	OK(chmod("/dev/ksig/control", 0666));
	test_uids();
	test_root_without_cap_kill();
	test_session();
	test_own_process();
	test_user_namespace();
	test_signalconfpid();
	test_si_uid();
	OK(chmod("/dev/ksig/control", 0600));
	return 0;
}
