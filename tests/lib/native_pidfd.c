// SPDX-License-Identifier: MIT
/*
 * Test watching a single process for its exit, which requires no privilege. The status is reported
 * if the caller is the process's parent. The status of a different process must never be reported.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#define PROVIDER "native"
#include "subtest.h"

static struct ksig_sub *subscribe_to(pid_t pid)
{
	char name[80];

	snprintf(name, sizeof(name), "process.exit:pid=%d", pid);
	return sub_open(name, NULL);
}

static void over(struct ksig_sub *sub)
{
	struct pollfd p = { .fd = ksig_sub_fd(sub), .events = POLLIN };
	const struct ksig_event *ev;

	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(ksig_sub_next(sub, 0, &ev), -ESHUTDOWN);
	CHECK_EQ(ksig_sub_next(sub, -1, &ev), -ESHUTDOWN);
	CHECK_EQ(sub_stats(sub).delivered, 1);
	ksig_sub_close(sub);
}

static bool is_zombie(pid_t pid)
{
	char path[32], line[512], *s;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	CHECK(f && fgets(line, sizeof(line), f));
	fclose(f);
	s = strrchr(line, ')');
	return s && s[2] == 'Z';
}

static void end_3(struct child *self, void *arg)
{
	(void)arg;
	child_wait_go(self);
	_exit(3);
}

static void own_child(void)
{
	struct child c = child_start(end_3, NULL);
	struct ksig_sub *sub = subscribe_to(c.pid);
	const struct ksig_process_data *data;
	const struct ksig_event *ev;
	int status;

	CHECK(sub_empty(sub));
	child_go(&c);
	ev = sub_take(sub);
	data = (const void *)ev->data;
	CHECK_EQ(ev->subject, c.pid);
	CHECK_EQ(ev->value, 3 << 8);
	CHECK_EQ(ev->flags, 0);
	CHECK_EQ(data->tgid, c.pid);
	CHECK_EQ(data->parent, getpid());
	CHECK(!strcmp(data->comm, "ksig test"));
	over(sub);
	/* the process can still be reaped */
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK_EQ(status, 3 << 8);
	close(c.to);
	close(c.from);
}

/*
 * Reaps its child on request. Since Linux 6.15, a process other than the parent can get the status
 * even after that.
 */
static void reaps(struct child *self, void *arg)
{
	struct child c = child_start(end_3, NULL);

	CHECK_EQ(write(*(int *)arg, &c.pid, sizeof(c.pid)), sizeof(c.pid));
	child_wait_go(self);
	child_go(&c);
	/*
	 * when the child is reaped, the subscriber is already waiting for the event or about to
	 * wait
	 */
	child_wait_go(self);
	CHECK_EQ(waitpid(c.pid, NULL, 0), c.pid);
}

static void reaped_child(void)
{
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	struct child p;
	int fds[2];
	pid_t pid;

	if (!linux_at_least(6, 15)) {
		printf(": before Linux 6.15 only the parent knows the status\n");
		return;
	}
	OK(pipe2(fds, O_CLOEXEC));
	p = child_start(reaps, &fds[1]);
	CHECK_EQ(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
	sub = subscribe_to(pid);
	child_go(&p);
	/* after the process has exited, no event is reported until its status is available */
	while (!is_zombie(pid))
		CHECK_EQ(ksig_sub_next(sub, 0, &ev), 0);
	CHECK_EQ(ksig_sub_next(sub, 0, &ev), 0);
	child_go(&p);
	ev = sub_take(sub);
	CHECK_EQ(ev->subject, pid);
	CHECK_EQ(ev->flags, 0);
	CHECK_EQ(ev->value, 3 << 8);
	CHECK_EQ(((const struct ksig_process_data *)ev->data)->parent, p.pid);
	over(sub);
	child_join(&p);
	close(fds[0]);
	close(fds[1]);
}

#define TRIES 300

static void reaps_at_once(struct child *self, void *arg)
{
	struct child c;
	int i;

	for (i = 0; i < TRIES; i++) {
		c = child_start(end_3, NULL);
		CHECK_EQ(write(*(int *)arg, &c.pid, sizeof(c.pid)),
			 sizeof(c.pid));
		child_wait_go(self);
		child_go(&c);
		CHECK_EQ(waitpid(c.pid, NULL, 0), c.pid);
		close(c.to);
		close(c.from);
	}
}

/* Check that the status is reported even if the process is reaped while the event is being read. */
static void reaped_meanwhile(void)
{
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	struct child p;
	int fds[2], i;
	pid_t pid;

	if (!linux_at_least(6, 15))
		return;
	OK(pipe2(fds, O_CLOEXEC));
	p = child_start(reaps_at_once, &fds[1]);
	for (i = 0; i < TRIES; i++) {
		CHECK_EQ(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
		sub = subscribe_to(pid);
		child_go(&p);
		while (!ksig_sub_next(sub, 0, &ev))
			;
		CHECK_EQ(ev->value, 3 << 8);
		CHECK_EQ(ev->flags & KSIG_EVENT_NO_VALUE, 0);
		ksig_sub_close(sub);
	}
	child_join(&p);
	close(fds[0]);
	close(fds[1]);
}

/* Runs a parent that reaps its child only when the test requests it. */
static void parent(struct child *self, void *arg)
{
	struct child c = child_start(end_3, NULL);
	int status;

	CHECK_EQ(write(*(int *)arg, &c.pid, sizeof(c.pid)), sizeof(c.pid));
	child_wait_go(self);
	child_go(&c);
	child_wait_go(self);
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK_EQ(status, 3 << 8);
}

static void others_child(void)
{
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	struct child p;
	int fds[2];
	pid_t pid;

	OK(pipe2(fds, O_CLOEXEC));
	p = child_start(parent, &fds[1]);
	CHECK_EQ(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
	sub = subscribe_to(pid);
	child_go(&p);
	ev = sub_take(sub);
	CHECK_EQ(ev->subject, pid);
	CHECK_EQ(ev->flags, KSIG_EVENT_NO_VALUE);
	CHECK_EQ(ev->value, 0);
	CHECK_EQ(((const struct ksig_process_data *)ev->data)->parent, p.pid);
	over(sub);
	child_go(&p);
	child_join(&p);
	close(fds[0]);
	close(fds[1]);
}

static void *sleep_on(void *arg)
{
	*(pid_t *)arg = gettid();
	for (;;)
		pause();
	return NULL;
}

static void bad_input(void)
{
	volatile pid_t tid = 0;
	char name[80];
	pthread_t t;
	pid_t gone;

	gone = OK(fork());
	if (!gone)
		_exit(0);
	OK(waitpid(gone, NULL, 0));
	snprintf(name, sizeof(name), "process.exit:pid=%d", gone);
	sub_fails(name, ESRCH, 18, "no process");
	sub_fails("process.exit:pid=0", EINVAL, 18, "invalid pid '0'");
	sub_fails("process.exit:pid=4294967297", EINVAL, 18, "4294967297");
	CHECK_EQ(pthread_create(&t, NULL, sleep_on, (void *)&tid), 0);
	while (!tid)
		sched_yield();
	snprintf(name, sizeof(name), "process.exit:pid=%d", tid);
	sub_fails(name, EINVAL, 18, "thread");
}

static void set_next_pid(pid_t pid)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid - 1);
	int fd = OK(open("/proc/sys/kernel/ns_last_pid", O_WRONLY));

	CHECK_EQ(write(fd, text, n), n);
	close(fd);
}

/* Checks that no data about a process that reuses the pid is reported. */
static void reused(struct child *self, void *arg)
{
	const struct ksig_process_data *data;
	const struct ksig_event *ev;
	struct child first, second;
	struct ksig_sub *sub;

	(void)self;
	(void)arg;
	OK(mount("proc", "/proc", "proc", 0, NULL));
	first = child_start(end_3, NULL);
	sub = subscribe_to(first.pid);
	child_go(&first);
	OK(waitpid(first.pid, NULL, 0));
	OK(prctl(PR_SET_NAME, "another"));
	set_next_pid(first.pid);
	second = child_start(end_3, NULL);
	CHECK_EQ(second.pid, first.pid);
	ev = sub_take(sub);
	data = (const void *)ev->data;
	CHECK_EQ(ev->subject, first.pid);
	CHECK_EQ(data->parent, 0);
	CHECK_EQ(*data->comm, 0);
	/* since Linux 6.15, the pidfd provides the status even after the process is reaped */
	CHECK(ev->flags & KSIG_EVENT_NO_VALUE || ev->value == 3 << 8);
	over(sub);
	child_kill(&second);
}

static void reuse(struct child *self, void *arg)
{
	struct child c;

	(void)self;
	(void)arg;
	OK(unshare(CLONE_NEWPID | CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	c = child_start(reused, NULL);
	child_join(&c);
}

static void as_nobody(struct child *self, void *arg)
{
	(void)self;
	(void)arg;
	if (!getuid())
		OK(setresuid(65534, 65534, 65534));
	own_child();
	others_child();
	reaped_child();
	reaped_meanwhile();
	bad_input();
}

int main(void)
{
	struct child c;

	OK(prctl(PR_SET_NAME, "ksig test"));
	c = child_start(as_nobody, NULL);
	child_join(&c);
	if (getuid())
		skip("only root can force the reuse of a pid");
	c = child_start(reuse, NULL);
	child_join(&c);
	return 0;
}
