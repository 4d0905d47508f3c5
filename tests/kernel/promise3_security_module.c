// SPDX-License-Identifier: MIT
/*
 * Promise 3: the security module's restrictions on the sender apply. The test uses Landlock, which
 * needs no setup and, since Linux 6.12, can forbid signals to processes outside a domain.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktest.h"

/* missing in Debian 12's headers */
#define RULESET_VERSION 1
#define SCOPE_SIGNAL 2

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

static void takes(struct child *self, void *arg)
{
	(void)arg;
	block(SIG);
	child_say(self);
	child_wait_go(self);
}

static void restrict_self(void)
{
	struct ruleset_attr attr = { .scoped = SCOPE_SIGNAL };
	int fd;

	OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	fd = OK(syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0));
	OK(syscall(SYS_landlock_restrict_self, fd, 0));
	close(fd);
}

struct outside {
	pid_t pid;
	int fd;		/* a subscription that is not armed yet */
};

static void in_domain(struct child *self, void *arg)
{
	struct outside *o = arg;
	struct child inside;
	int control = control_open();
	char line[32];
	int conf = OK(open("/sys/kernel/debug/signalconfpid", O_WRONLY));
	uint32_t flags;

	(void)self;
	restrict_self();
	FAILS(kill(o->pid, 0), EPERM);
	snprintf(line, sizeof(line), "%d", o->pid);
	FAILS(write(conf, line, sizeof(line)), EINVAL);
	FAILS(write(conf, line, snprintf(line, sizeof(line), "%d", o->pid)),
	      EPERM);
	inside = child_start(takes, NULL);
	child_hear(&inside);
	for (flags = 0; flags <= 1; flags++) {
		FAILS(send_signal(control, o->pid, SIG, flags, 1), EPERM);
		FAILS(send_signal(control, o->pid, SIGKILL, flags, 1), EPERM);
		FAILS(arm(o->fd, SIG, KSIG_MODE_EACH, flags, o->pid), EPERM);
		OK(send_signal(control, inside.pid, SIG, flags, 1));
		OK(arm(o->fd, SIG, KSIG_MODE_EACH, flags, inside.pid));
	}
	child_kill(&inside);
}

/*
 * Emits to a subscription that root armed outside the domain. Root's credentials are checked,
 * regardless of which process emits.
 */
static void emits_in_domain(struct child *self, void *arg)
{
	(void)arg;
	restrict_self();
	emit(7);
	child_say(self);
}

int main(void)
{
	struct child t, c;
	struct outside o;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, RULESET_VERSION) < 6)
		skip("this kernel's Landlock can't restrict signals (added in Linux 6.12)");
	t = child_start(takes, NULL);
	child_hear(&t);
	o.pid = t.pid;
	o.fd = OK(chan_open("test", O_NONBLOCK));
	c = child_start(in_domain, &o);
	child_join(&c);
	CHECK(!is_pending(t.pid, "SigPnd", SIG));
	CHECK(!is_pending(t.pid, "ShdPnd", SIG));

	OK(arm(o.fd, SIG, KSIG_MODE_EACH, 0, t.pid));
	c = child_start(emits_in_domain, NULL);
	child_hear(&c);
	child_join(&c);
	CHECK_EQ(stats_of(o.fd).refused, 0);
	CHECK(is_pending(t.pid, "SigPnd", SIG));
	child_kill(&t);
	return 0;
}
