// SPDX-License-Identifier: MIT
/*
 * process.fork, .exec and .exit of all processes: the proc connector. It reports threads: a
 * child that is a process has equal numbers. For exits see exiting.h.
 *
 * A process that a filter names is the one that has the number then: once another
 * one is born with it, nothing that is reported about the number concerns it.
 *
 * With clone(CLONE_PARENT) the parent is reported as the one that forked, not the caller.
 * Names and parents are read in /proc, after the event: of a process that has been
 * waited for by then the name is not known, nor, except for its exit, the parent.
 */
#include <errno.h>
#include <limits.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exiting.h"
#include "kin.h"
#include "native.h"

/* The connector's event numbers, which are bits; an enum's can't be all. */
#define FORK	0x00000001U
#define EXEC	0x00000002U
#define EXIT	0x80000000U

#define INITIAL_USER_NS	0xEFFFFFFDU
#define INITIAL_PID_NS	0xEFFFFFFCU

/* A message's parts; the event in it is not aligned. */
#define EVENT_AT (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define MESSAGE_MOST 1024

/**
 * struct connector_state - the socket, and what must be remembered between messages
 * @nl: the socket
 * @what: FORK, EXEC or EXIT
 * @pinned: the process that a filter names; 0: none
 * @pidfd: of that; -1
 * @pinned_at: when it was alive, CLOCK_MONOTONIC
 * @time_offset: what that is ahead of the kernel's own, which its messages have
 * @reused: its number is another's
 * @unsure: it has exited, and what is missing may have been about another one
 * @caught_up: the socket was empty once: what it held when /proc was looked
 *	through has been read
 * @exiting: for EXIT
 * @kin: for KSIG_SUB_SKIP_OWN
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
	bool caught_up;
	struct ksig_exiting exiting;
	struct ksig_kin kin;
};

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

/* ------------------------------------------------------------------ reporting */

static void report(struct ksig_native *n, uint64_t time_ns, pid_t pid,
		 uint64_t value)
{
	struct connector_state *s = n->state;
	struct ksig_proc_stat st;
	struct ksig_event *ev;

	if (ksig_kin_exclude(&s->kin, n, pid, time_ns))
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
	ksig_proc_read_at(pid, time_ns, &st);
	ksig_proc_fill(ev, pid, &st);
	ev->value = value;
}

static void take_fork(struct ksig_native *n, const struct proc_event *ev)
{
	struct connector_state *s = n->state;
	pid_t parent = ev->event_data.fork.parent_tgid;
	pid_t child = ev->event_data.fork.child_tgid;

	if (ev->event_data.fork.child_pid != child) {
		ksig_exiting_new_thread(&s->exiting, child,
					ev->event_data.fork.child_pid);
		return;
	}
	if (s->kin.of)
		ksig_kin_fork(&s->kin, parent, child, ev->timestamp_ns);
	/* its own birth may be reported a moment after it is seen */
	if (child == s->pinned && ev->timestamp_ns > s->pinned_at &&
	    ksig_process_ended(s->pidfd))
		s->reused = true;
	if (s->what == FORK)
		report(n, ev->timestamp_ns, parent, child);
	else if (s->what == EXIT)
		ksig_exiting_reused(&s->exiting, n, child);
}

/* Of a process that the subscriber may have started it is counted once, not by thread. */
static void take_exit(struct ksig_native *n, const struct proc_event *ev)
{
	struct connector_state *s = n->state;
	pid_t pid = ev->event_data.exit.process_tgid;
	pid_t tid = ev->event_data.exit.process_pid;
	uint32_t code = ev->event_data.exit.exit_code;

	if (s->kin.of && (tid == pid || code) &&
	    !ksig_exiting_has(&s->exiting, pid)) {
		if (ksig_kin_of(&s->kin, pid) == KIN_COUNTED)
			return;
		if (ksig_kin_exclude(&s->kin, n, pid, ev->timestamp_ns)) {
			if (ksig_kin_of(&s->kin, pid) == KIN_UNKNOWN)
				s->kin.of[pid] = KIN_COUNTED;
			return;
		}
	}
	ksig_exiting_thread(&s->exiting, n, pid, tid,
			    ev->event_data.exit.parent_tgid, code,
			    ev->timestamp_ns);
}

static void take(struct ksig_native *n, const struct proc_event *ev)
{
	struct connector_state *s = n->state;

	switch ((uint32_t)ev->what) {
	case FORK:
		take_fork(n, ev);
		break;
	case EXEC:
		if (s->what == EXEC)
			report(n, ev->timestamp_ns,
			       ev->event_data.exec.process_tgid, 0);
		else
			ksig_exiting_exec(&s->exiting, n,
					  ev->event_data.exec.process_tgid);
		break;
	case EXIT:
		if (s->what == EXIT)
			take_exit(n, ev);
		break;
	}
}

/* Each may have been one of ours. */
static void lose(struct ksig_native *n, uint64_t lost)
{
	struct connector_state *s = n->state;

	ksig_native_lose_upto(n, lost);
	ksig_exiting_tear(&s->exiting);
	if (s->kin.of)
		ksig_kin_find(&s->kin);
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
		if (s->caught_up && ksig_exiting_many(&s->exiting))
			ksig_exiting_settle(&s->exiting, n);
	}
	if (!err) {
		s->caught_up = true;
		ksig_exiting_settle(&s->exiting, n);
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
				 "no proc connector: it exists only in the initial network namespace of a kernel with CONFIG_PROC_EVENTS; a single process's exit doesn't need it (process.exit:pid=N)");
	case -EPERM:
	case -EACCES:
		return ksig_fail(e, 0, EPERM,
				 "the proc connector needs root or CAP_NET_ADMIN before Linux 6.6; a single process's exit doesn't need it (process.exit:pid=N)");
	case -ENOMSG:
		if (!is_namespace("/proc/self/ns/user", INITIAL_USER_NS))
			return ksig_fail(e, 0, EPERM,
					 "the proc connector doesn't work in a user namespace: run ksig outside; a single process's exit doesn't need it (process.exit:pid=N)");
		if (!is_namespace("/proc/self/ns/pid", INITIAL_PID_NS))
			return ksig_fail(e, 0, EPERM,
					 "the proc connector doesn't work in a pid namespace: run ksig outside; a single process's exit doesn't need it (process.exit:pid=N)");
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "the proc connector doesn't answer: needs CONFIG_PROC_EVENTS");
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
			s->pinned || s->kin.of ? FORK | s->what : s->what;
	int err = listen_to(&s->nl);

	if (err)
		return err;
	s->time_offset = ksig_proc_time_offset();
	err = send_op(&s->nl, PROC_CN_MCAST_LISTEN, mask, 0);
	if (!err)
		err = ksig_native_watch(n, s->nl.fd, EPOLLIN);
	if (!err && s->what == EXIT)
		err = ksig_exiting_find(&s->exiting, n);
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
				 "process %s has just exited", c->text) : 0;
}

static void release(struct ksig_native *n)
{
	struct connector_state *s = n->state;

	ksig_netlink_close(&s->nl);
	if (s->pidfd >= 0)
		close(s->pidfd);
	ksig_exiting_free(&s->exiting, n);
	free(s->kin.of);
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

/* Said before the first event that lacks it */
static void say_unknown(const struct ksig_stream *stream, uint32_t what)
{
	if (!stream->opts->log)
		return;
	stream->opts->log(stream->opts->log_ctx, what == EXIT ?
		      "process.exit: native does not know the comm of a process that is reaped before its event is read, nor its status if its threads exit with different ones" :
		      what == EXEC ?
		      "process.exec: native does not know the comm and parent of a process that exits before its event is read" :
		      "process.fork: native does not know the comm and parent of a process that exits before its event is read");
}

static int connector_open(struct ksig_native *n, struct ksig_stream *stream,
			  struct ksig_error *e)
{
	struct connector_state *s = calloc(1, sizeof(*s));
	struct ksig_cond *c = ksig_native_subject(stream);
	int err;

	if (!s)
		return ksig_native_fail(e, -ENOMEM, "the proc connector");
	n->state = s;
	s->pidfd = -1;
	s->what = what_of(stream->desc->name);
	/* another number is no process's */
	if (c && c->number <= INT_MAX)
		s->pinned = c->number;
	s->nl.fd = -1;
	/* forks take room as well, for what the caller has started */
	err = c || !(stream->opts->flags & KSIG_SUB_SKIP_OWN) ? 0 : ksig_kin_begin(&s->kin);
	if (!err)
		err = ksig_netlink_open(&s->nl, NETLINK_CONNECTOR, CN_IDX_PROC,
					s->kin.of ? 2 * n->len : n->len);
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
		say_unknown(stream, s->what);
	return err;
}

const struct ksig_native_source ksig_native_connector = {
	.open = connector_open,
	.close = connector_close,
	.pull = connector_pull,
};
