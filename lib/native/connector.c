// SPDX-License-Identifier: MIT
/*
 * process.fork, .exec and .exit of all processes: the proc connector.
 *
 * It tells of threads. A child that is a process has equal numbers. A process
 * has ended once its last thread has, which need not be the first one: after
 * the first one's end a pidfd tells. It tells before the connector does, so that
 * what the threads that were left end with is waited for. As each thread's end
 * is told behind its back, that can be when the number is another process's
 * already; but then the fork of that one is the next that is told of it.
 *
 * Each message has the code of one thread. They share it when the process exits
 * as a whole (a signal, exit_group(2)); else the process's status is the code of
 * the last one that began to exit (Linux 6.0). The connector doesn't tell these
 * apart: if the last code differs from another one that is not 0, the status
 * is known only to a pidfd that is still open when the process is reaped (Linux
 * 6.15). It is unknown, too, where messages are missing; and where threads that
 * outlive the first one end with 0 and with something else, for messages need
 * not come in the order in which the threads began to exit. Of signals it is
 * SIGSYS alone that can end one thread (seccomp(2)); any other is the process's.
 *
 * A process whose first thread has exited keeps a descriptor here while others
 * live, and any user can have many such processes: no more than HELD_MOST are
 * held. The end of the others shows in their threads' messages alone; where one
 * is missing they wait until a descriptor is free.
 *
 * A process that a filter names is the one that has the number then: once another
 * one is born with it, nothing that is told of the number is about it.
 *
 * With clone(CLONE_PARENT) the parent is told to have forked, not who called.
 * Names and parents are read in /proc, behind the event: of what has been
 * waited for by then the name is not known, nor, unless its end is told, the
 * parent.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "native.h"

/* The connector's event numbers, which are bits; an enum's can't be all. */
#define FORK	0x00000001U
#define EXEC	0x00000002U
#define EXIT	0x80000000U

#define INITIAL_USER_NS	0xEFFFFFFDU
#define INITIAL_PID_NS	0xEFFFFFFCU

/* So many ended processes may wait for their status to settle. */
#define SETTLE_MOST 64

/*
 * So many pidfds at most, in a process that may have 1,024 descriptors and other
 * subscriptions. Programs whose main thread exits first are rare.
 */
#define HELD_MOST 64

/* A message's parts; the event in it is not aligned. */
#define EVENT_AT (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define MESSAGE_MOST 1024

/**
 * struct leaving - a process of which a thread has ended
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
 * @others: @n_others threads that were left when @first ended, and of whose end
 *	we will hear
 * @torn: not so: they are not known, or messages were lost
 * @st: its name and parent, if they could be read
 */
struct leaving {
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

/**
 * struct connector_state - the socket, and who is leaving
 * @nl: the socket
 * @what: FORK, EXEC or EXIT
 * @pinned: the process that a filter names; 0: none
 * @pidfd: of that; -1
 * @pinned_at: when it lived, CLOCK_MONOTONIC
 * @time_offset: what that is ahead of the kernel's own, which its messages have
 * @reused: its number is another's
 * @unsure: it has ended, and what is missing may have told of another one
 * @leaving: @n_leaving of them, for EXIT, in the order in which they began to
 * @room: so many would fit
 * @held: pidfds in @leaving
 * @fresh: first threads' ends since the last look at who has ended
 * @caught_up: the socket was empty once: what it held when /proc was looked
 *	through has been read
 * @kin: enum kin of each number, for KSIG_SUB_SKIP_OWN; NULL: not asked for
 * @since: when it was subscribed to, CLOCK_MONOTONIC
 * @torn_until: KIN_UNKNOWN is another's process only after this; until then
 *	its fork may have been among the messages that were lost
 */
struct connector_state {
	struct ksig_netlink nl;
	uint32_t what;
	pid_t pinned;
	int pidfd;
	uint64_t pinned_at;
	int64_t time_offset;
	bool reused;
	bool unsure;
	struct leaving *leaving;
	size_t n_leaving;
	size_t room;
	size_t held;
	size_t fresh;
	bool caught_up;
	unsigned char *kin;
	uint64_t since;
	uint64_t torn_until;
};

/* KIN_COUNTED: not known, and its end was counted when another thread told of it */
enum kin { KIN_UNKNOWN, KIN_OTHER, KIN_OWN, KIN_COUNTED };

/* The kernel's PID_MAX_LIMIT */
#define PID_LIMIT (4 * 1024 * 1024)

/* -------------------------------------------------------------- the protocol */

/* @mask: only those; 0: all. What a kernel doesn't know it ignores. */
static int send_op(const struct ksig_netlink *nl, uint32_t op, uint32_t mask,
		   uint32_t ack)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const uint32_t input[] = { op, mask };
	size_t len = mask ? sizeof(input) : sizeof(*input);
	struct cn_msg cn = {
		.id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC },
		.ack = ack, .len = len,
	};
	struct nlmsghdr nlh = {
		.nlmsg_len = EVENT_AT + len, .nlmsg_type = NLMSG_DONE,
	};
	struct iovec iov[] = {
		{ &nlh, sizeof(nlh) }, { &cn, sizeof(cn) },
		{ (void *)input, len },
	};
	struct msghdr msg = {
		.msg_name = &kernel, .msg_namelen = sizeof(kernel),
		.msg_iov = iov, .msg_iovlen = ARRAY_SIZE(iov),
	};

	return sendmsg(nl->fd, &msg, 0) < 0 ? -errno : 0;
}

/* 1 an event, 0 there is none, or as ksig_netlink_read() */
static int read_event(struct ksig_netlink *nl, struct proc_event *ev,
		      uint32_t *ack, uint64_t *lost)
{
	char buf[MESSAGE_MOST];
	struct cn_msg cn;
	ssize_t len;

	do {
		len = ksig_netlink_read(nl, buf, sizeof(buf), lost);
		if (len <= 0)
			return len;
		if (len < (ssize_t)EVENT_AT)
			continue;
		memcpy(&cn, buf + NLMSG_HDRLEN, sizeof(cn));
	} while (len < (ssize_t)(EVENT_AT + offsetof(struct proc_event,
						     event_data)) ||
		 cn.id.idx != CN_IDX_PROC || cn.id.val != CN_VAL_PROC);
	len -= EVENT_AT;
	memset(ev, 0, sizeof(*ev));
	memcpy(ev, buf + EVENT_AT,
	       len < (ssize_t)sizeof(*ev) ? len : (ssize_t)sizeof(*ev));
	*ack = cn.ack;
	return 1;
}

/*
 * The kernel answers before sendmsg() returns, or not at all. What else has
 * come meanwhile is before the subscription.
 */
static int listen_to(struct ksig_netlink *nl)
{
	uint32_t ours = ksig_now() | 1, ack;
	struct proc_event ev;
	uint64_t lost;
	int err;

	err = send_op(nl, PROC_CN_MCAST_LISTEN, 0, ours);
	while (!err) {
		err = read_event(nl, &ev, &ack, &lost);
		if (!err)
			return -ENOMSG;
		if (err > 0 && !ev.what && ack == ours + 1)
			return -(int)ev.event_data.ack.err;
		if (err > 0 || err == -ENOBUFS)
			err = 0;
	}
	return err;
}

/* ------------------------------------------------------------- telling of them */

/* What /proc shows is someone else if it began later. */
static void read_proc(pid_t pid, uint64_t time_ns, struct ksig_proc_stat *st)
{
	if (ksig_proc_read(pid, st) || !ksig_proc_began_before(st, time_ns))
		memset(st, 0, sizeof(*st));
}

/* ------------------------------------------------- what the caller has started */

/**
 * struct relative - a process as /proc shows it
 * @pid: its number
 * @parent: its parent
 * @kin: KIN_OWN or KIN_OTHER
 */
struct relative {
	pid_t pid;
	pid_t parent;
	enum kin kin;
};

static enum kin kin_of(const struct connector_state *s, pid_t pid)
{
	return pid > 0 && pid < PID_LIMIT ? s->kin[pid] : KIN_OTHER;
}

/* A child that is older than the subscription is not the subscription's. */
static enum kin kin_of_child(const struct connector_state *s, pid_t pid,
			     const struct ksig_proc_stat *st)
{
	if (pid == getpid())
		return KIN_OWN;
	if (st->parent != getpid() || kin_of(s, pid) == KIN_OWN ||
	    !ksig_proc_began_before(st, s->since))
		return KIN_UNKNOWN;
	return KIN_OTHER;
}

static size_t list_relatives(const struct connector_state *s,
			     struct relative **list)
{
	DIR *dir = opendir("/proc");
	struct relative *r = NULL, *more;
	struct ksig_proc_stat st;
	struct dirent *d;
	size_t n = 0;
	pid_t pid;

	while (dir && (d = readdir(dir))) {
		pid = atoi(d->d_name);
		if (pid <= 0 || pid >= PID_LIMIT || ksig_proc_read(pid, &st))
			continue;
		if (!(n & (n - 1))) {
			more = realloc(r, (n ? 2 * n : 1) * sizeof(*r));
			if (!more)
				break;
			r = more;
		}
		r[n++] = (struct relative) { pid, st.parent,
					     kin_of_child(s, pid, &st) };
	}
	if (dir)
		closedir(dir);
	*list = r;
	return n;
}

/*
 * Messages were lost, and forks may have been among them: what lives is found
 * in /proc. Of what does not, nothing is known.
 */
static void find_own(struct connector_state *s)
{
	struct relative *list;
	size_t n = list_relatives(s, &list), i;
	bool changed = true;

	memset(s->kin, KIN_UNKNOWN, PID_LIMIT);
	s->kin[getpid()] = KIN_OWN;
	while (changed) {
		changed = false;
		for (i = 0; i < n; i++) {
			if (list[i].kin || kin_of(s, list[i].parent) != KIN_OWN)
				continue;
			list[i].kin = KIN_OWN;
			s->kin[list[i].pid] = KIN_OWN;
			changed = true;
		}
	}
	for (i = 0; i < n; i++) {
		if (list[i].kin != KIN_OWN)
			s->kin[list[i].pid] = KIN_OTHER;
	}
	free(list);
	s->torn_until = ksig_now();
}

static void note_fork(struct connector_state *s, pid_t parent, pid_t child,
		      uint64_t time_ns)
{
	enum kin kin = kin_of(s, parent);

	if (child <= 0 || child >= PID_LIMIT)
		return;
	if (kin == KIN_COUNTED)
		kin = KIN_UNKNOWN;
	if (kin == KIN_UNKNOWN && time_ns > s->torn_until)
		kin = KIN_OTHER;
	s->kin[child] = kin;
}

/* One that can't be attributed may be the caller's, or an event that is lost. */
static bool is_left_out(struct ksig_native *n, pid_t pid, uint64_t time_ns)
{
	const struct connector_state *s = n->state;
	struct ksig_proc_stat st;

	if (!s->kin || kin_of(s, pid) == KIN_OTHER)
		return false;
	if (kin_of(s, pid) == KIN_OWN)
		return true;
	/* what lives now, and did then, was found in /proc in between */
	if (time_ns > s->torn_until ||
	    (!ksig_proc_read(pid, &st) && ksig_proc_began_before(&st, time_ns)))
		return false;
	ksig_native_lose_upto(n, 1);
	return true;
}

/* ------------------------------------------------------------------ reporting */

static void tell(struct ksig_native *n, uint64_t time_ns, pid_t pid,
		 uint64_t value)
{
	const struct connector_state *s = n->state;
	struct ksig_proc_stat st;
	struct ksig_event *ev;

	if (is_left_out(n, pid, time_ns))
		return;
	if (pid == s->pinned && s->reused)
		return;
	if (pid == s->pinned && s->unsure) {
		ksig_native_lose_upto(n, 1);
		return;
	}
	ev = ksig_native_put(n, time_ns);
	if (!ev)
		return;
	read_proc(pid, time_ns, &st);
	ksig_proc_fill(ev, pid, &st);
	ev->value = value;
}

static bool by_signal(uint32_t code)
{
	return code & 0x7f;
}

/* A thread has exited with @code. The one whose memory is dumped says so. */
static void take_code(struct leaving *l, uint32_t code)
{
	l->last_code = code;
	if (by_signal(code)) {
		l->by_signal = l->by_signal ? l->by_signal | (code & 0x80) :
					      code;
	} else if (code) {
		l->mixed |= l->by_itself && l->by_itself != code;
		l->by_itself = code;
	} else {
		l->zero |= l->first;
	}
}

/* See above: what is not certain is not known. */
static bool status_of(const struct leaving *l, uint64_t *status)
{
	if (l->status >= 0) {
		*status = l->status;
		return true;
	}
	if (l->by_signal) {
		*status = l->by_signal;
		if ((l->last_code & 0x7f) != (l->by_signal & 0x7f))
			return false;
		return (l->by_signal & 0x7f) != SIGSYS ||
		       (!l->torn && !l->by_itself && !l->zero);
	}
	*status = l->last_code;
	return !l->torn && !l->mixed && l->last_code == l->by_itself &&
	       !(l->zero && l->by_itself);
}

/* The descriptor is not looked at any more. */
static void let_go(struct ksig_native *n, struct leaving *l)
{
	struct connector_state *s = n->state;

	if (l->pidfd < 0)
		return;
	ksig_native_unwatch(n, l->pidfd);
	l->pidfd = -1;
	s->held--;
}

static void remove_leaving(struct ksig_native *n, struct leaving *l)
{
	struct connector_state *s = n->state;

	let_go(n, l);
	free(l->others);
	s->n_leaving--;
	memmove(l, l + 1, (char *)(s->leaving + s->n_leaving) - (char *)l);
}

static void tell_end(struct ksig_native *n, struct leaving *l)
{
	struct ksig_event *ev = ksig_native_put(n, l->time_ns);
	uint64_t status;

	if (ev) {
		ksig_proc_fill(ev, l->pid, &l->st);
		if (status_of(l, &status))
			ev->value = status;
		else
			ev->flags |= KSIG_EVENT_NO_VALUE;
	}
	remove_leaving(n, l);
}

/* ---------------------------------------------------------- who is leaving */

static struct leaving *find_leaving(struct connector_state *s, pid_t pid)
{
	size_t i;

	for (i = 0; i < s->n_leaving; i++) {
		if (s->leaving[i].pid == pid)
			return &s->leaving[i];
	}
	return NULL;
}

static struct leaving *add_leaving(struct connector_state *s, pid_t pid)
{
	size_t room = s->room ? 2 * s->room : 16;
	struct leaving *l;

	if (s->n_leaving == s->room) {
		l = realloc(s->leaving, room * sizeof(*l));
		if (!l)
			return NULL;
		s->leaving = l;
		s->room = room;
	}
	l = &s->leaving[s->n_leaving++];
	*l = (struct leaving) { .pid = pid, .pidfd = -1, .status = -1 };
	return l;
}

/*
 * A descriptor that says when the last thread has ended, if it hasn't. One that has
 * needs none, however many are held.
 */
static int hold(struct ksig_native *n, struct leaving *l)
{
	struct connector_state *s = n->state;
	int fd, err;

	fd = syscall(SYS_pidfd_open, l->pid, 0);
	l->unheld = fd < 0 && (errno == EMFILE || errno == ENFILE);
	/* gone; or the number is a thread's of another process by now */
	if (fd < 0)
		return l->unheld || errno == ESRCH || errno == EINVAL ||
		       errno == ENOENT ? 0 : -errno;
	if (ksig_process_ended(fd)) {
		close(fd);
		return 0;
	}
	l->unheld = s->held >= HELD_MOST;
	if (l->unheld) {
		close(fd);
		return 0;
	}
	err = ksig_native_watch(n, fd, EPOLLIN);
	if (err || ksig_process_ended(fd)) {
		ksig_native_unwatch(n, fd);
		return err;
	}
	l->pidfd = fd;
	s->held++;
	return 0;
}

static int add_other(struct leaving *l, pid_t tid)
{
	pid_t *others;
	size_t i;

	for (i = 0; i < l->n_others; i++) {
		if (l->others[i] == tid)
			return 0;
	}
	others = realloc(l->others, (l->n_others + 1) * sizeof(*others));
	if (!others)
		return -ENOMEM;
	others[l->n_others++] = tid;
	l->others = others;
	return 0;
}

static void remove_other(struct leaving *l, pid_t tid)
{
	size_t i;

	for (i = 0; i < l->n_others; i++) {
		if (l->others[i] == tid)
			l->others[i--] = l->others[--l->n_others];
	}
}

/* A thread that is there for a tracer's sake only has been told of. */
static int list_others(struct leaving *l)
{
	struct ksig_proc_stat st;
	struct dirent *d;
	char path[40];
	int err = 0;
	pid_t tid;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", l->pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!err && (d = readdir(dir))) {
		tid = atoi(d->d_name);
		if (tid > 0 && tid != l->pid && !ksig_proc_read(tid, &st) &&
		    st.state != 'Z' && st.state != 'X')
			err = add_other(l, tid);
	}
	closedir(dir);
	return err;
}

static int first_ended(struct ksig_native *n, struct leaving *l,
		       const struct proc_event *ev)
{
	struct connector_state *s = n->state;

	l->first = true;
	/* for the second time: an exec(2) that replaced the first thread failed */
	l->n_others = 0;
	s->fresh++;
	read_proc(l->pid, ev->timestamp_ns, &l->st);
	if (!l->st.parent)
		l->st.parent = ev->event_data.exit.parent_tgid;
	l->torn = l->st.threads > 1 && list_others(l);
	return l->pidfd < 0 ? hold(n, l) : 0;
}

static void thread_ended(struct ksig_native *n, const struct proc_event *ev)
{
	struct connector_state *s = n->state;
	pid_t pid = ev->event_data.exit.process_tgid;
	pid_t tid = ev->event_data.exit.process_pid;
	bool first = tid == pid;
	uint32_t code = ev->event_data.exit.exit_code;
	struct leaving *l = find_leaving(s, pid);
	int err = 0;

	if (!l && (first || code)) {
		if (s->kin && kin_of(s, pid) == KIN_COUNTED)
			return;
		if (is_left_out(n, pid, ev->timestamp_ns)) {
			if (kin_of(s, pid) == KIN_UNKNOWN)
				s->kin[pid] = KIN_COUNTED;
			return;
		}
		l = add_leaving(s, pid);
		if (!l)
			ksig_native_lose(n, first);
	}
	if (!l)
		return;
	l->time_ns = ev->timestamp_ns;
	remove_other(l, tid);
	take_code(l, code);
	if (first)
		err = first_ended(n, l, ev);
	/* no descriptor: when the others end can't be told */
	if (err) {
		remove_leaving(n, l);
		ksig_native_lose(n, 1);
	}
}

/* Nobody's first thread will end any more behind one that is gone so long. */
static bool is_stale(const struct leaving *l)
{
	return ksig_now() - (int64_t)l->time_ns > 1000000000 &&
	       kill(l->pid, 0) && errno == ESRCH;
}

/* Has it, and is all known of how? The descriptor is not looked at twice. */
static bool has_settled(struct ksig_native *n, struct leaving *l)
{
	uint64_t status;

	if (!l->first)
		return false;
	/* without a descriptor its threads' messages are all that there is */
	if (l->unheld && !l->torn)
		return !l->n_others;
	/* one that can't be had now is waited for */
	if (l->unheld && (hold(n, l) || l->unheld))
		return false;
	if (l->pidfd >= 0 && ksig_process_ended(l->pidfd)) {
		if (ksig_pidfd_status(l->pidfd, &status))
			l->status = status;
		let_go(n, l);
		/* nothing need have told when */
		if (l->torn)
			l->time_ns = ksig_now();
	}
	return l->pidfd < 0 && (l->torn || !l->n_others);
}

/* Has it lost its first thread, and lives on? 0 or -errno */
static int take_headless(struct ksig_native *n, pid_t pid)
{
	struct ksig_proc_stat st;
	struct leaving *l;
	int err;

	if (ksig_proc_read(pid, &st) || st.state != 'Z' || st.threads < 2)
		return 0;
	l = add_leaving(n->state, pid);
	if (!l)
		return -ENOMEM;
	l->first = true;
	l->time_ns = ksig_now();
	l->st = st;
	/* we listen already: of the ends of all that are there now we will hear */
	l->torn = list_others(l);
	err = hold(n, l);
	if (err)
		remove_leaving(n, l);
	return err;
}

static int take_all_headless(struct ksig_native *n)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	int err = 0;

	while (dir && !err && (d = readdir(dir))) {
		if (atoi(d->d_name) > 0)
			err = take_headless(n, atoi(d->d_name));
	}
	if (dir)
		closedir(dir);
	return err;
}

/* Messages are missing: what is waited for may have been among them. */
static void tear(struct connector_state *s)
{
	size_t i;

	for (i = 0; i < s->n_leaving; i++)
		s->leaving[i].torn = true;
}

/*
 * Tells of those whose last thread has ended. Once the socket is empty, so that
 * what it says of their other threads is known; or when they get many.
 */
static void settle(struct ksig_native *n)
{
	struct connector_state *s = n->state;
	size_t i = 0;

	s->fresh = 0;
	/* the rest at a later call: what is queued wakes the reader */
	while (i < s->n_leaving && ksig_native_room(n)) {
		struct leaving *l = &s->leaving[i];

		if (has_settled(n, l))
			tell_end(n, l);
		else if (!l->first && is_stale(l))
			remove_leaving(n, l);
		else
			i++;
	}
}

/* The number is another's: if it was not told yet that it ended, it has. */
static void number_reused(struct ksig_native *n, pid_t pid)
{
	struct leaving *l = find_leaving(n->state, pid);

	if (l && l->first)
		tell_end(n, l);
	else if (l)
		remove_leaving(n, l);
}

static void thread_began(struct connector_state *s, pid_t pid, pid_t tid)
{
	struct leaving *l = find_leaving(s, pid);

	if (l && l->first && add_other(l, tid))
		l->torn = true;
}

/* ------------------------------------------------------------------- the source */

static void take_fork(struct ksig_native *n, const struct proc_event *ev)
{
	struct connector_state *s = n->state;
	pid_t child = ev->event_data.fork.child_tgid;
	bool is_process = ev->event_data.fork.child_pid == child;

	if (s->kin && is_process)
		note_fork(s, ev->event_data.fork.parent_tgid, child,
			  ev->timestamp_ns);
	/* its own birth may be told a moment later than it is seen */
	if (child == s->pinned && is_process &&
	    ev->timestamp_ns > s->pinned_at && ksig_process_ended(s->pidfd))
		s->reused = true;
	if (!is_process)
		thread_began(s, child, ev->event_data.fork.child_pid);
	else if (s->what == FORK)
		tell(n, ev->timestamp_ns, ev->event_data.fork.parent_tgid,
		     child);
	else if (s->what == EXIT)
		number_reused(n, child);
}

/* All other threads have ended by this, the first one too if another calls. */
static void take_exec(struct ksig_native *n, const struct proc_event *ev)
{
	struct connector_state *s = n->state;
	pid_t pid = ev->event_data.exec.process_tgid;
	struct leaving *l = find_leaving(s, pid);

	if (s->what == EXEC)
		tell(n, ev->timestamp_ns, pid, 0);
	else if (l)
		remove_leaving(n, l);
}

static void take(struct ksig_native *n, const struct proc_event *ev)
{
	struct connector_state *s = n->state;

	switch ((uint32_t)ev->what) {
	case FORK:
		take_fork(n, ev);
		break;
	case EXEC:
		take_exec(n, ev);
		break;
	case EXIT:
		if (s->what == EXIT)
			thread_ended(n, ev);
		break;
	}
}

/* Each may have been one of ours. */
static void lose(struct ksig_native *n, uint64_t lost)
{
	struct connector_state *s = n->state;

	ksig_native_lose_upto(n, lost);
	tear(s);
	if (s->kin)
		find_own(s);
	s->unsure = s->pidfd >= 0 && ksig_process_ended(s->pidfd);
}

/*
 * No more at once than an empty queue holds: a storm has no end. Where all of it
 * was about others, that is not the socket's end.
 */
static int connector_pull(struct ksig_native *n)
{
	struct connector_state *s = n->state;
	struct proc_event ev;
	uint64_t lost;
	uint32_t i, ack;
	int err = 1;

	for (i = 0; i < n->len && ksig_native_room(n) && err; i++) {
		err = read_event(&s->nl, &ev, &ack, &lost);
		if (err > 0) {
			ev.timestamp_ns += s->time_offset;
			take(n, &ev);
		} else if (err == -ENOBUFS) {
			lose(n, lost);
		} else if (err) {
			return err;
		}
		if (s->fresh >= SETTLE_MOST && s->caught_up)
			settle(n);
	}
	if (!err) {
		s->caught_up = true;
		settle(n);
	}
	return err && ksig_native_room(n) == n->len ? -EAGAIN : 0;
}

static bool is_namespace(const char *path, ino_t initial)
{
	struct stat st;

	return stat(path, &st) || st.st_ino == initial;
}

static int explain(int err, struct ksig_error *e)
{
	switch (err) {
	case -EPROTONOSUPPORT:
	case -ECONNREFUSED:
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "there is no proc connector in this network namespace: it is in the initial one only, of a kernel with CONFIG_PROC_EVENTS; one process's exit needs none (process.exit:pid=N)");
	case -EPERM:
	case -EACCES:
		return ksig_fail(e, 0, EPERM,
				 "the proc connector needs CAP_NET_ADMIN before Linux 6.6: run it as root; one process's exit needs none (process.exit:pid=N)");
	case -ENOMSG:
		if (!is_namespace("/proc/self/ns/user", INITIAL_USER_NS))
			return ksig_fail(e, 0, EPERM,
					 "the proc connector does not answer in a user namespace: run it outside; one process's exit needs none (process.exit:pid=N)");
		if (!is_namespace("/proc/self/ns/pid", INITIAL_PID_NS))
			return ksig_fail(e, 0, EPERM,
					 "the proc connector does not answer in a pid namespace: run it outside; one process's exit needs none (process.exit:pid=N)");
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "the proc connector does not answer: it takes a kernel with CONFIG_PROC_EVENTS");
	}
	return ksig_native_fail(e, err, "the proc connector");
}

static uint32_t what_of(const char *event)
{
	if (!strcmp(event, "process.fork"))
		return FORK;
	return strcmp(event, "process.exec") ? EXIT : EXEC;
}

/* From Linux 6.6 on it sends only what it is asked for. */
static int start(struct ksig_native *n, struct connector_state *s)
{
	uint32_t mask = s->what == EXIT ? FORK | EXEC | EXIT :
			s->pinned || s->kin ? FORK | s->what : s->what;
	int err = listen_to(&s->nl);

	if (err)
		return err;
	s->time_offset = ksig_proc_time_offset();
	err = send_op(&s->nl, PROC_CN_MCAST_LISTEN, mask, 0);
	if (!err)
		err = ksig_native_watch(n, s->nl.fd, EPOLLIN);
	if (!err && s->what == EXIT)
		err = take_all_headless(n);
	if (err)
		send_op(&s->nl, PROC_CN_MCAST_IGNORE, 0, 0);
	return err;
}

/* It lived when that was looked at last, so it had the number until then. */
static int pin(struct connector_state *s, const struct ksig_cond *c,
	       struct ksig_error *e)
{
	s->pidfd = ksig_process_open(c->number, c->text_column, e);
	if (s->pidfd < 0)
		return s->pidfd;
	s->pinned_at = ksig_now();
	return ksig_process_ended(s->pidfd) ? ksig_fail(e, c->text_column, ESRCH,
				 "process %s has just ended", c->text) : 0;
}

static void release(struct ksig_native *n)
{
	struct connector_state *s = n->state;

	ksig_netlink_close(&s->nl);
	if (s->pidfd >= 0)
		close(s->pidfd);
	while (s->n_leaving)
		remove_leaving(n, &s->leaving[s->n_leaving - 1]);
	free(s->leaving);
	free(s->kin);
	free(s);
}

/* Without a word the kernel would go on sending, to nobody. */
static void connector_close(struct ksig_native *n)
{
	struct connector_state *s = n->state;

	if (n->owner == getpid())
		send_op(&s->nl, PROC_CN_MCAST_IGNORE, 0, 0);
	release(n);
}

/* A table of all numbers, of which only pages in use take memory. */
static int begin_kin(struct connector_state *s)
{
	s->kin = calloc(PID_LIMIT, 1);
	if (!s->kin)
		return -ENOMEM;
	s->kin[getpid()] = KIN_OWN;
	s->since = ksig_now();
	return 0;
}

/* Said before the first event that lacks it */
static void say_unknown(const struct ksig_sub *sub, uint32_t what)
{
	if (!sub->opts.log)
		return;
	sub->opts.log(sub->opts.log_ctx, what == EXIT ?
		      "process.exit: native does not know the comm of a process that is reaped before its event is read, nor its status if its threads exit with different ones" :
		      what == EXEC ?
		      "process.exec: native does not know the comm and parent of a process that exits before its event is read" :
		      "process.fork: native does not know the comm and parent of a process that exits before its event is read");
}

static int connector_open(struct ksig_native *n, struct ksig_sub *sub,
			  struct ksig_error *e)
{
	struct connector_state *s = calloc(1, sizeof(*s));
	struct ksig_cond *c = ksig_native_subject(sub);
	int err;

	if (!s)
		return ksig_native_fail(e, -ENOMEM, "the proc connector");
	n->state = s;
	s->pidfd = -1;
	s->what = what_of(sub->desc->name);
	/* another number is no process's */
	if (c && c->number <= INT_MAX)
		s->pinned = c->number;
	s->nl.fd = -1;
	/* forks take room as well, for what the caller has started */
	err = c || !(sub->opts.flags & KSIG_SUB_SKIP_OWN) ? 0 : begin_kin(s);
	if (!err)
		err = ksig_netlink_open(&s->nl, NETLINK_CONNECTOR, CN_IDX_PROC,
					s->kin ? 2 * n->len : n->len);
	if (!err)
		err = start(n, s);
	if (err) {
		release(n);
		return explain(err, e);
	}
	err = c ? pin(s, c, e) : 0;
	if (err)
		connector_close(n);
	else
		say_unknown(sub, s->what);
	return err;
}

const struct ksig_native_source ksig_native_connector = {
	.open = connector_open,
	.close = connector_close,
	.pull = connector_pull,
};
