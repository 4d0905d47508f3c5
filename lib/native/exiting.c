// SPDX-License-Identifier: MIT
/* Tracks processes with at least one exited thread; see exiting.h. */
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

/* Number of leader exits after which processes are reported even if the socket is not empty */
#define FRESH_MAX 64

/*
 * Maximum number of pidfds. This process may be limited to 1,024 descriptors, which are also needed
 * for other subscriptions. Programs whose main thread exits first are rare.
 */
#define PIDFDS_MAX 64

/**
 * struct exiting - a process with at least one exited thread
 * @pid: pid of the process
 * @first: the thread group leader has exited
 * @by_signal: exit code of a thread that was killed by a signal; 0 if there is none
 * @by_itself: last nonzero exit code of a thread that was not killed by a signal; 0 if there is
 *	none
 * @last_code: exit code of the thread that was the last to exit
 * @mixed: threads that were not killed by a signal had different nonzero exit codes
 * @zero: a thread exited with 0 after @first was set
 * @status: exit status of the process, from its pidfd; -1 if unknown
 * @time_ns: time of the last known exit of a thread
 * @pidfd: pidfd that shows when the last thread has exited; -1 if that thread has exited, @first is
 *	not set, or @no_pidfd is set
 * @no_pidfd: no descriptor was available, so messages must show when the last thread has exited
 * @others: IDs of the threads that remained when the leader exited and whose exits have not been
 *	reported yet
 * @n_others: number of @others
 * @incomplete: the remaining threads are unknown, or messages were lost
 * @st: name and parent of the process, if they could be read
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
	bool no_pidfd;
	pid_t *others;
	size_t n_others;
	bool incomplete;
	struct ksig_proc_stat st;
};

/* ------------------------------------------------------------------- status */

/* Determines the exit status. Return: false if it is uncertain; see exiting.h. */
static bool exiting_status(const struct exiting *p, uint64_t *status)
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
		       (!p->incomplete && !p->by_itself && !p->zero);
	}
	*status = p->last_code;
	return !p->incomplete && !p->mixed && p->last_code == p->by_itself &&
	       !(p->zero && p->by_itself);
}

/* --------------------------------------------------------------------- list */

static struct exiting *exiting_find(struct ksig_exiting *x, pid_t pid)
{
	size_t i;

	for (i = 0; i < x->n; i++) {
		if (x->list[i].pid == pid)
			return &x->list[i];
	}
	return NULL;
}

static struct exiting *exiting_add(struct ksig_exiting *x, pid_t pid)
{
	struct exiting *p = ksig_native_grow(x->list, x->n, &x->room, sizeof(*p));

	if (!p)
		return NULL;
	x->list = p;
	p = &x->list[x->n++];
	*p = (struct exiting) { .pid = pid, .pidfd = -1, .status = -1 };
	return p;
}

static void exiting_close_pidfd(struct ksig_exiting *x, struct ksig_native *n,
				struct exiting *p)
{
	if (p->pidfd < 0)
		return;
	ksig_native_unwatch(n, p->pidfd);
	p->pidfd = -1;
	x->n_pidfds--;
}

static void exiting_remove(struct ksig_exiting *x, struct ksig_native *n,
			   struct exiting *p)
{
	exiting_close_pidfd(x, n, p);
	free(p->others);
	x->n--;
	memmove(p, p + 1, (char *)(x->list + x->n) - (char *)p);
}

/* Reports the exit as a crash if it was one. */
static void exiting_report_crash(struct ksig_native *n, const struct exiting *p)
{
	uint64_t status;
	const bool known = exiting_status(p, &status);
	const uint32_t code = known ? status : p->by_signal;
	struct ksig_event *ev;

	/*
	 * only SIGSYS can kill a single thread. A message about a thread that a signal has killed
	 * may be among the lost ones
	 */
	if (!known && (code ? (code & 0x7f) == SIGSYS : p->incomplete)) {
		ksig_native_lose_upto(n, 1);
		return;
	}
	if (!(KSIG_CRASH_SIGNALS >> (code & 0x3f) & 1))
		return;
	ev = ksig_native_put(n, p->time_ns);
	if (!ev)
		return;
	ksig_proc_fill(ev, p->pid, &p->st);
	ev->len = n->desc->event_size - sizeof(*ev);
	ev->value = code & 0x7f;
	ksig_native_set_number(n, ev, "core", code >> 7 & 1);
}

static void exiting_report(struct ksig_exiting *x, struct ksig_native *n,
			   struct exiting *p)
{
	struct ksig_event *ev;
	uint64_t status;

	if (n->desc->type == KSIG_PROCESS_CRASH) {
		exiting_report_crash(n, p);
		exiting_remove(x, n, p);
		return;
	}
	ev = ksig_native_put(n, p->time_ns);
	if (ev) {
		ksig_proc_fill(ev, p->pid, &p->st);
		if (exiting_status(p, &status))
			ev->value = status;
		else
			ev->flags |= KSIG_EVENT_NO_VALUE;
	}
	exiting_remove(x, n, p);
}

/* --------------------------------------------------------- remaining threads */

/*
 * Opens a pidfd that shows when the last thread has exited. If the process has already exited, no
 * pidfd is needed, so the limit does not matter.
 * Return: 0 or -errno.
 */
static int exiting_open_pidfd(struct ksig_exiting *x, struct ksig_native *n,
			      struct exiting *p)
{
	int fd, err;

	fd = syscall(SYS_pidfd_open, p->pid, 0);
	p->no_pidfd = fd < 0 && (errno == EMFILE || errno == ENFILE);
	/* the process has exited, or its pid is now the ID of a thread of another process */
	if (fd < 0)
		return p->no_pidfd || errno == ESRCH || errno == EINVAL ||
		       errno == ENOENT ? 0 : -errno;
	if (ksig_process_ended(fd)) {
		close(fd);
		return 0;
	}
	p->no_pidfd = x->n_pidfds >= PIDFDS_MAX;
	if (p->no_pidfd) {
		close(fd);
		return 0;
	}
	err = ksig_native_watch(n, fd, EPOLLIN);
	if (err || ksig_process_ended(fd)) {
		ksig_native_unwatch(n, fd);
		return err;
	}
	p->pidfd = fd;
	x->n_pidfds++;
	return 0;
}

static int exiting_add_other(struct exiting *p, pid_t tid)
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

/*
 * Skips zombie threads, which exist only because a tracer has not reaped them. The exits of these
 * threads have already been reported.
 */
static int exiting_list_others(struct exiting *p)
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
			err = exiting_add_other(p, tid);
	}
	closedir(dir);
	return err;
}

/*
 * Return: whether the process has exited and all information about its exit is available. Closes
 * the pidfd if the process has exited.
 */
static bool exiting_is_complete(struct ksig_exiting *x, struct ksig_native *n,
				struct exiting *p)
{
	uint64_t status;

	if (!p->first)
		return false;
	/* without a pidfd, only messages about its threads show that the process has exited */
	if (p->no_pidfd && !p->incomplete)
		return !p->n_others;
	/* retry later if no pidfd can be opened now */
	if (p->no_pidfd && (exiting_open_pidfd(x, n, p) || p->no_pidfd))
		return false;
	if (p->pidfd >= 0 && ksig_process_ended(p->pidfd)) {
		if (ksig_pidfd_status(p->pidfd, &status))
			p->status = status;
		exiting_close_pidfd(x, n, p);
		/* the message with the time of the exit may have been lost */
		if (p->incomplete)
			p->time_ns = ksig_now();
	}
	return p->pidfd < 0 && (p->incomplete || !p->n_others);
}

/* ----------------------------------------------------------------- interface */

int ksig_exiting_find(struct ksig_exiting *x, struct ksig_native *n)
{
	DIR *dir = opendir("/proc");
	struct ksig_proc_stat st;
	struct exiting *p;
	struct dirent *d;
	int err = 0;
	pid_t pid;

	while (dir && !err && (d = readdir(dir))) {
		pid = atoi(d->d_name);
		if (pid <= 0 || ksig_proc_read(pid, &st) || st.state != 'Z' ||
		    st.threads < 2)
			continue;
		p = exiting_add(x, pid);
		if (!p) {
			err = -ENOMEM;
			break;
		}
		p->first = true;
		p->time_ns = ksig_now();
		p->st = st;
		/*
		 * the socket is already listening, so the exits of all threads found here will be
		 * reported
		 */
		p->incomplete = exiting_list_others(p);
		err = exiting_open_pidfd(x, n, p);
		if (err)
			exiting_remove(x, n, p);
	}
	if (dir)
		closedir(dir);
	return err;
}

bool ksig_exiting_has(struct ksig_exiting *x, pid_t pid)
{
	return exiting_find(x, pid);
}

void ksig_exiting_thread(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid, pid_t tid, pid_t parent, uint32_t code,
			 uint64_t time_ns)
{
	struct exiting *p = exiting_find(x, pid);
	bool first = tid == pid;
	size_t i;

	/* an exit code of 0 does not affect the status before the leader exits */
	if (!p && !first && !code)
		return;
	if (!p)
		p = exiting_add(x, pid);
	if (!p) {
		ksig_native_lose(n, first);
		return;
	}
	p->time_ns = time_ns;
	for (i = 0; i < p->n_others; i++) {
		if (p->others[i] == tid)
			p->others[i--] = p->others[--p->n_others];
	}
	/*
	 * After a core dump, only one thread's exit code has the core dump flag, so the flag is
	 * kept once it has been seen.
	 */
	p->last_code = code;
	if (code & 0x7f) {
		p->by_signal = p->by_signal ? p->by_signal | (code & 0x80) : code;
	} else if (code) {
		p->mixed |= p->by_itself && p->by_itself != code;
		p->by_itself = code;
	} else {
		p->zero |= p->first;
	}
	if (!first)
		return;
	p->first = true;
	/*
	 * stale entries may remain from an execve(2) that failed after another thread had become
	 * the leader
	 */
	p->n_others = 0;
	x->fresh++;
	ksig_proc_read_at(p->pid, p->time_ns, &p->st);
	if (!p->st.parent)
		p->st.parent = parent;
	p->incomplete = p->st.threads > 1 && exiting_list_others(p);
	/* without a pidfd the exit of the remaining threads can't be noticed */
	if (p->pidfd < 0 && exiting_open_pidfd(x, n, p)) {
		exiting_remove(x, n, p);
		ksig_native_lose(n, 1);
	}
}

void ksig_exiting_new_thread(struct ksig_exiting *x, pid_t pid, pid_t tid)
{
	struct exiting *p = exiting_find(x, pid);

	if (p && p->first && exiting_add_other(p, tid))
		p->incomplete = true;
}

void ksig_exiting_reused(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid)
{
	struct exiting *p = exiting_find(x, pid);

	if (p && p->first)
		exiting_report(x, n, p);
	else if (p)
		exiting_remove(x, n, p);
}

void ksig_exiting_exec(struct ksig_exiting *x, struct ksig_native *n, pid_t pid)
{
	struct exiting *p = exiting_find(x, pid);

	if (p)
		exiting_remove(x, n, p);
}

void ksig_exiting_lost(struct ksig_exiting *x)
{
	size_t i;

	for (i = 0; i < x->n; i++)
		x->list[i].incomplete = true;
}

void ksig_exiting_report(struct ksig_exiting *x, struct ksig_native *n)
{
	struct exiting *p;
	size_t i = 0;

	x->fresh = 0;
	/*
	 * the remaining processes are reported by a later call; the queued records wake the reader
	 */
	while (i < x->n && ksig_native_room(n)) {
		p = &x->list[i];
		if (exiting_is_complete(x, n, p))
			exiting_report(x, n, p);
		/*
		 * the process has exited, and a message about its leader would have arrived within
		 * a second
		 */
		else if (!p->first && ksig_now() - (int64_t)p->time_ns > 1000000000 &&
			 kill(p->pid, 0) && errno == ESRCH)
			exiting_remove(x, n, p);
		else
			i++;
	}
}

bool ksig_exiting_many(const struct ksig_exiting *x)
{
	return x->fresh >= FRESH_MAX;
}

void ksig_exiting_free(struct ksig_exiting *x, struct ksig_native *n)
{
	while (x->n)
		exiting_remove(x, n, &x->list[x->n - 1]);
	free(x->list);
}
