// SPDX-License-Identifier: MIT
/* Processes of which a thread has exited: see exiting.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exiting.h"

/* So many exited processes may wait for their status to settle. */
#define SETTLE_MOST 64

/*
 * So many pidfds at most, in a process that may have 1,024 descriptors and other
 * subscriptions. Programs whose main thread exits first are rare.
 */
#define HELD_MOST 64

/**
 * struct exiting - a process of which a thread has exited
 * @pid: its number
 * @first: its first thread has
 * @by_signal: a thread has, with that, which a signal caused; 0: none
 * @by_itself: one has, with that, which is no signal's and not 0; 0: none
 * @last_code: the last one has, with that
 * @mixed: two have with different ones like @by_itself
 * @zero: one has with 0 since @first
 * @status: of the process, by its pidfd; -1: not known
 * @time_ns: when the last one did that we know of
 * @pidfd: says when the last one has; -1: it has, @first is not set, or @unheld
 * @unheld: there was no descriptor for it: messages must say when the last has
 * @others: @n_others threads that were left when @first exited, and of whose exit
 *	we will be told
 * @n_others: their number
 * @torn: not so: they are not known, or messages were lost
 * @st: its name and parent, if they could be read
 */
struct exiting {
	pid_t pid;
	bool first;
	uint32_t by_signal;
	uint32_t by_itself;
	uint32_t last_code;
	bool mixed;
	bool zero;
	int64_t status;
	uint64_t time_ns;
	int pidfd;
	bool unheld;
	pid_t *others;
	size_t n_others;
	bool torn;
	struct ksig_proc_stat st;
};

/* ------------------------------------------------------------------- status */

/* A thread has exited with @code. The one whose memory is dumped says so. */
static void take_code(struct exiting *p, uint32_t code)
{
	p->last_code = code;
	if (code & 0x7f) {
		p->by_signal = p->by_signal ? p->by_signal | (code & 0x80) :
					      code;
	} else if (code) {
		p->mixed |= p->by_itself && p->by_itself != code;
		p->by_itself = code;
	} else {
		p->zero |= p->first;
	}
}

/* What is not certain is not known: see exiting.h. */
static bool status_of(const struct exiting *p, uint64_t *status)
{
	if (p->status >= 0) {
		*status = p->status;
		return true;
	}
	if (p->by_signal) {
		*status = p->by_signal;
		if ((p->last_code & 0x7f) != (p->by_signal & 0x7f))
			return false;
		return (p->by_signal & 0x7f) != SIGSYS ||
		       (!p->torn && !p->by_itself && !p->zero);
	}
	*status = p->last_code;
	return !p->torn && !p->mixed && p->last_code == p->by_itself &&
	       !(p->zero && p->by_itself);
}

/* --------------------------------------------------------------------- list */

static struct exiting *find(struct ksig_exiting *x, pid_t pid)
{
	size_t i;

	for (i = 0; i < x->n; i++) {
		if (x->list[i].pid == pid)
			return &x->list[i];
	}
	return NULL;
}

static struct exiting *add(struct ksig_exiting *x, pid_t pid)
{
	struct exiting *p = ksig_native_grow(x->list, x->n, &x->room, sizeof(*p));

	if (!p)
		return NULL;
	x->list = p;
	p = &x->list[x->n++];
	*p = (struct exiting) { .pid = pid, .pidfd = -1, .status = -1 };
	return p;
}

/* The descriptor is no longer looked at. */
static void let_go(struct ksig_exiting *x, struct ksig_native *n,
		   struct exiting *p)
{
	if (p->pidfd < 0)
		return;
	ksig_native_unwatch(n, p->pidfd);
	p->pidfd = -1;
	x->held--;
}

static void remove_from(struct ksig_exiting *x, struct ksig_native *n,
			struct exiting *p)
{
	let_go(x, n, p);
	free(p->others);
	x->n--;
	memmove(p, p + 1, (char *)(x->list + x->n) - (char *)p);
}

static void report(struct ksig_exiting *x, struct ksig_native *n,
		   struct exiting *p)
{
	struct ksig_event *ev = ksig_native_put(n, p->time_ns);
	uint64_t status;

	if (ev) {
		ksig_proc_fill(ev, p->pid, &p->st);
		if (status_of(p, &status))
			ev->value = status;
		else
			ev->flags |= KSIG_EVENT_NO_VALUE;
	}
	remove_from(x, n, p);
}

/* ------------------------------------------------------------- other threads */

/*
 * A descriptor that says when the last thread has exited, if it hasn't. A process that has
 * needs none, however many are held. 0 or -errno
 */
static int hold(struct ksig_exiting *x, struct ksig_native *n,
		struct exiting *p)
{
	int fd, err;

	fd = syscall(SYS_pidfd_open, p->pid, 0);
	p->unheld = fd < 0 && (errno == EMFILE || errno == ENFILE);
	/* gone; or the number is a thread's of another process by now */
	if (fd < 0)
		return p->unheld || errno == ESRCH || errno == EINVAL ||
		       errno == ENOENT ? 0 : -errno;
	if (ksig_process_ended(fd)) {
		close(fd);
		return 0;
	}
	p->unheld = x->held >= HELD_MOST;
	if (p->unheld) {
		close(fd);
		return 0;
	}
	err = ksig_native_watch(n, fd, EPOLLIN);
	if (err || ksig_process_ended(fd)) {
		ksig_native_unwatch(n, fd);
		return err;
	}
	p->pidfd = fd;
	x->held++;
	return 0;
}

static int add_other(struct exiting *p, pid_t tid)
{
	pid_t *others;
	size_t i;

	for (i = 0; i < p->n_others; i++) {
		if (p->others[i] == tid)
			return 0;
	}
	others = realloc(p->others, (p->n_others + 1) * sizeof(*others));
	if (!others)
		return -ENOMEM;
	others[p->n_others++] = tid;
	p->others = others;
	return 0;
}

/* A thread that still exists only for its tracer was reported already. */
static int list_others(struct exiting *p)
{
	struct ksig_proc_stat st;
	struct dirent *d;
	char path[40];
	int err = 0;
	pid_t tid;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", p->pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!err && (d = readdir(dir))) {
		tid = atoi(d->d_name);
		if (tid > 0 && tid != p->pid && !ksig_proc_read(tid, &st) &&
		    st.state != 'Z' && st.state != 'X')
			err = add_other(p, tid);
	}
	closedir(dir);
	return err;
}

static int first_exited(struct ksig_exiting *x, struct ksig_native *n,
			struct exiting *p, pid_t parent)
{
	p->first = true;
	/* for the second time: an execve(2) that replaced the first thread failed */
	p->n_others = 0;
	x->fresh++;
	ksig_proc_read_at(p->pid, p->time_ns, &p->st);
	if (!p->st.parent)
		p->st.parent = parent;
	p->torn = p->st.threads > 1 && list_others(p);
	return p->pidfd < 0 ? hold(x, n, p) : 0;
}

/* Has it lost its first thread, and runs on? 0 or -errno */
static int find_headless(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid)
{
	struct ksig_proc_stat st;
	struct exiting *p;
	int err;

	if (ksig_proc_read(pid, &st) || st.state != 'Z' || st.threads < 2)
		return 0;
	p = add(x, pid);
	if (!p)
		return -ENOMEM;
	p->first = true;
	p->time_ns = ksig_now();
	p->st = st;
	/* we listen already: we will be told of the exits of all that exist now */
	p->torn = list_others(p);
	err = hold(x, n, p);
	if (err)
		remove_from(x, n, p);
	return err;
}

/* ----------------------------------------------------------------- interface */

int ksig_exiting_find(struct ksig_exiting *x, struct ksig_native *n)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	int err = 0;

	while (dir && !err && (d = readdir(dir))) {
		if (atoi(d->d_name) > 0)
			err = find_headless(x, n, atoi(d->d_name));
	}
	if (dir)
		closedir(dir);
	return err;
}

bool ksig_exiting_has(struct ksig_exiting *x, pid_t pid)
{
	return find(x, pid);
}

void ksig_exiting_thread(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid, pid_t tid, pid_t parent, uint32_t code,
			 uint64_t time_ns)
{
	struct exiting *p = find(x, pid);
	bool first = tid == pid;
	size_t i;

	/* the last thread's 0 says nothing before the first one has exited */
	if (!p && !first && !code)
		return;
	if (!p)
		p = add(x, pid);
	if (!p) {
		ksig_native_lose(n, first);
		return;
	}
	p->time_ns = time_ns;
	for (i = 0; i < p->n_others; i++) {
		if (p->others[i] == tid)
			p->others[i--] = p->others[--p->n_others];
	}
	take_code(p, code);
	/* no descriptor: when the others exit can't be told */
	if (first && first_exited(x, n, p, parent)) {
		remove_from(x, n, p);
		ksig_native_lose(n, 1);
	}
}

void ksig_exiting_new_thread(struct ksig_exiting *x, pid_t pid, pid_t tid)
{
	struct exiting *p = find(x, pid);

	if (p && p->first && add_other(p, tid))
		p->torn = true;
}

void ksig_exiting_reused(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid)
{
	struct exiting *p = find(x, pid);

	if (p && p->first)
		report(x, n, p);
	else if (p)
		remove_from(x, n, p);
}

void ksig_exiting_exec(struct ksig_exiting *x, struct ksig_native *n, pid_t pid)
{
	struct exiting *p = find(x, pid);

	if (p)
		remove_from(x, n, p);
}

void ksig_exiting_tear(struct ksig_exiting *x)
{
	size_t i;

	for (i = 0; i < x->n; i++)
		x->list[i].torn = true;
}

/* Has it exited, and is all known of how? The descriptor is not looked at twice. */
static bool has_settled(struct ksig_exiting *x, struct ksig_native *n,
			struct exiting *p)
{
	uint64_t status;

	if (!p->first)
		return false;
	/* without a descriptor its threads' messages are all that there is */
	if (p->unheld && !p->torn)
		return !p->n_others;
	/* a pidfd that can't be opened now is tried again later */
	if (p->unheld && (hold(x, n, p) || p->unheld))
		return false;
	if (p->pidfd >= 0 && ksig_process_ended(p->pidfd)) {
		if (ksig_pidfd_status(p->pidfd, &status))
			p->status = status;
		let_go(x, n, p);
		/* there need not be a message that says when */
		if (p->torn)
			p->time_ns = ksig_now();
	}
	return p->pidfd < 0 && (p->torn || !p->n_others);
}

/* The process has been gone for a second: no exit of its first thread will follow. */
static bool is_stale(const struct exiting *p)
{
	return !p->first && ksig_now() - (int64_t)p->time_ns > 1000000000 &&
	       kill(p->pid, 0) && errno == ESRCH;
}

void ksig_exiting_settle(struct ksig_exiting *x, struct ksig_native *n)
{
	size_t i = 0;

	x->fresh = 0;
	/* the rest at a later call: what is queued wakes the reader */
	while (i < x->n && ksig_native_room(n)) {
		if (has_settled(x, n, &x->list[i]))
			report(x, n, &x->list[i]);
		else if (is_stale(&x->list[i]))
			remove_from(x, n, &x->list[i]);
		else
			i++;
	}
}

bool ksig_exiting_many(const struct ksig_exiting *x)
{
	return x->fresh >= SETTLE_MOST;
}

void ksig_exiting_free(struct ksig_exiting *x, struct ksig_native *n)
{
	while (x->n)
		remove_from(x, n, &x->list[x->n - 1]);
	free(x->list);
}
