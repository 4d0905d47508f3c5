// SPDX-License-Identifier: MIT
/*
 * process.fork, process.exec and process.exit of all processes: use the proc connector, which
 * reports threads. If the child of a fork is a new process, its thread ID equals its pid. For
 * exits, see exiting.h.
 *
 * A pid in a filter means the process that has this pid at the time of the subscription. Once
 * another process is created with that pid, messages about the pid are ignored.
 *
 * For clone(CLONE_PARENT) the connector reports the caller's parent as the process that forked. The
 * names and parents of processes are read from /proc after the event. If a process has been reaped
 * by then, its name is unknown. Its parent is also unknown, except for exits.
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

/* Event types of the connector. They are bits, not all of which fit into an enum. */
#define FORK	0x00000001U
#define EXEC	0x00000002U
#define EXIT	0x80000000U

/* Offset of the event in a message; the event is not aligned. */
#define EVENT_AT (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define MESSAGE_MOST 1024

/**
 * struct connector_kind - an event provided by the connector
 * @event: name of the event in catalog.c
 * @what: FORK, EXEC or EXIT
 * @unknown: message to log about fields that may be unknown
 */
static const struct connector_kind {
	const char *event;
	uint32_t what;
	const char *unknown;
} connector_kinds[] = {
	{ "process.fork", FORK,
	  "process.fork: native does not know the comm and parent of a process that exits before its event is read" },
	{ "process.exec", EXEC,
	  "process.exec: native does not know the comm and parent of a process that exits before its event is read" },
	{ "process.exit", EXIT,
	  "process.exit: native does not know the comm of a process that is reaped before its event is read, nor the status of a process whose threads exit with different codes" },
	{ "process.crash", EXIT,
	  "process.crash: native does not know the comm of a process that is reaped before its event is read" },
};

/**
 * struct connector_state - the socket, and the state kept between messages
 * @nl: the socket
 * @what: FORK, EXEC or EXIT
 * @pinned: pid of the process named by the filter; 0 if there is none
 * @pidfd: pidfd of @pinned, or -1
 * @pinned_at: a time at which @pinned was alive, CLOCK_MONOTONIC
 * @time_offset: converts the time in a message to CLOCK_MONOTONIC in this time namespace, in ns
 * @reused: the pid @pinned now belongs to another process
 * @unsure: @pinned has exited, and lost messages may have been about another process with the same
 *	pid
 * @leader_ended: for EXIT: the leader of @pinned has exited, or the message about that may be lost
 * @caught_up: the socket has been empty once, so the messages that were queued while /proc was
 *	searched have been read
 * @exiting: state for EXIT
 * @kin: state for KSIG_SUB_SKIP_OWN
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
	bool leader_ended;
	bool caught_up;
	struct ksig_exiting exiting;
	struct ksig_kin kin;
};

/* -------------------------------------------------------------- the protocol */

/*
 * Sends a request. @mask: events that the kernel should report; 0 for all. Kernels ignore unknown
 * bits.
 */
static int connector_send(const struct ksig_netlink *nl, uint32_t op, uint32_t mask,
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

/* Return: 1 if an event was read; otherwise the same as ksig_netlink_read(). */
static int connector_read(struct ksig_netlink *nl, struct proc_event *ev,
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

/* ------------------------------------------------------------------ reporting */

static void connector_report(struct ksig_native *n, uint64_t time_ns, pid_t pid,
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

/*
 * The exit of a process that the subscriber may have started is not reported, but counted as
 * possibly lost: once for the process, not once for each of its threads.
 */
static void connector_handle_exit(struct ksig_native *n, const struct proc_event *ev)
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

static void connector_handle(struct ksig_native *n, const struct proc_event *ev)
{
	struct connector_state *s = n->state;
	pid_t pid, child;

	switch ((uint32_t)ev->what) {
	case FORK:
		pid = ev->event_data.fork.parent_tgid;
		child = ev->event_data.fork.child_tgid;
		if (ev->event_data.fork.child_pid != child) {
			ksig_exiting_new_thread(&s->exiting, child,
						ev->event_data.fork.child_pid);
			break;
		}
		if (s->kin.of)
			ksig_kin_fork(&s->kin, pid, child, ev->timestamp_ns);
		/* a message from before @pinned_at may be about the creation of @pinned itself */
		if (child == s->pinned && ev->timestamp_ns > s->pinned_at &&
		    ksig_process_ended(s->pidfd))
			s->reused = true;
		if (s->what == FORK)
			connector_report(n, ev->timestamp_ns, pid, child);
		else if (s->what == EXIT)
			ksig_exiting_reused(&s->exiting, n, child);
		break;
	case EXEC:
		pid = ev->event_data.exec.process_tgid;
		if (s->what == EXEC)
			connector_report(n, ev->timestamp_ns, pid, 0);
		else
			ksig_exiting_exec(&s->exiting, n, pid);
		break;
	case EXIT:
		pid = ev->event_data.exit.process_tgid;
		s->leader_ended |= pid == s->pinned && pid == ev->event_data.exit.process_pid &&
				   ev->timestamp_ns > s->pinned_at;
		if (s->what == EXIT)
			connector_handle_exit(n, ev);
		break;
	}
}

/*
 * Reads at most as many messages as the queue has records, because messages may arrive faster than
 * they are read. Returns -EAGAIN if none of them resulted in a record and the socket may contain
 * more.
 */
static int connector_pull(struct ksig_native *n)
{
	struct connector_state *s = n->state;
	struct proc_event ev;
	uint64_t lost;
	uint32_t i, ack;
	int err = 1;

	for (i = 0; i < n->len && ksig_native_room(n) && err; i++) {
		err = connector_read(&s->nl, &ev, &ack, &lost);
		if (err > 0) {
			ev.timestamp_ns += s->time_offset;
			connector_handle(n, &ev);
		} else if (err == -ENOBUFS) {
			/* each lost message may have been an event of this subscription */
			ksig_native_lose_upto(n, lost);
			ksig_exiting_lost(&s->exiting);
			if (s->kin.of)
				ksig_kin_find(&s->kin);
			s->unsure = s->pidfd >= 0 && ksig_process_ended(s->pidfd);
			s->leader_ended |= s->unsure;
		} else if (err) {
			return err;
		}
		if (s->caught_up && ksig_exiting_many(&s->exiting))
			ksig_exiting_report(&s->exiting, n);
	}
	if (!err) {
		s->caught_up = true;
		ksig_exiting_report(&s->exiting, n);
	}
	/* a pidfd shows the exit before the message that is the event arrives */
	if (s->what == EXIT && s->leader_ended && ksig_process_ended(s->pidfd) &&
	    !ksig_exiting_has(&s->exiting, s->pinned))
		return -ESHUTDOWN;
	return err && ksig_native_room(n) == n->len ? -EAGAIN : 0;
}

/* -------------------------------------------------------------- open and close */

static bool connector_is_initial(const char *path, ino_t initial)
{
	struct stat st;

	return stat(path, &st) || st.st_ino == initial;
}

static int connector_fail(int err, struct ksig_error *e)
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
		if (!connector_is_initial("/proc/self/ns/user", KSIG_INITIAL_USER_NS))
			return ksig_fail(e, 0, EPERM,
					 "the proc connector doesn't work in a user namespace: run ksig outside; a single process's exit doesn't need it (process.exit:pid=N)");
		if (!connector_is_initial("/proc/self/ns/pid", KSIG_INITIAL_PID_NS))
			return ksig_fail(e, 0, EPERM,
					 "the proc connector doesn't work in a pid namespace: run ksig outside; a single process's exit doesn't need it (process.exit:pid=N)");
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "the proc connector does not respond: needs CONFIG_PROC_EVENTS");
	}
	return ksig_native_fail(e, err, "cannot use the proc connector");
}

/*
 * Subscribes to the connector. The kernel acknowledges the request before sendmsg() returns, or not
 * at all.
 */
static int connector_start(struct ksig_native *n, struct connector_state *s)
{
	uint32_t ours = ksig_now() | 1, ack, mask;
	struct proc_event ev;
	uint64_t lost;
	int err;

	err = connector_send(&s->nl, PROC_CN_MCAST_LISTEN, 0, ours);
	if (err)
		return err;
	/* skip messages before the acknowledgement, which were queued before the subscription */
	do {
		err = connector_read(&s->nl, &ev, &ack, &lost);
		if (err <= 0 && err != -ENOBUFS)
			return err ? err : -ENOMSG;
	} while (err < 0 || ev.what || ack != ours + 1);
	if (ev.event_data.ack.err)
		return -(int)ev.event_data.ack.err;
	s->time_offset = ksig_proc_time_offset();
	/* from Linux 6.6 on, the kernel sends only the requested events */
	mask = s->what == EXIT ? FORK | EXEC | EXIT :
	       s->pinned || s->kin.of ? FORK | s->what : s->what;
	err = connector_send(&s->nl, PROC_CN_MCAST_LISTEN, mask, 0);
	if (!err)
		err = ksig_native_watch(n, s->nl.fd, EPOLLIN);
	if (!err && s->what == EXIT)
		err = ksig_exiting_find(&s->exiting, n);
	if (err)
		connector_send(&s->nl, PROC_CN_MCAST_IGNORE, 0, 0);
	return err;
}

static void connector_free(struct ksig_native *n)
{
	struct connector_state *s = n->state;

	ksig_netlink_close(&s->nl);
	if (s->pidfd >= 0)
		close(s->pidfd);
	ksig_exiting_free(&s->exiting, n);
	free(s->kin.of);
	free(s);
}

/*
 * Unsubscribes from the connector. Otherwise the kernel would continue to send messages even
 * without a socket to receive them.
 */
static void connector_close(struct ksig_native *n)
{
	struct connector_state *s = n->state;

	if (n->owner == getpid())
		connector_send(&s->nl, PROC_CN_MCAST_IGNORE, 0, 0);
	connector_free(n);
}

static int connector_open(struct ksig_native *n, struct ksig_stream *stream,
			  struct ksig_error *e)
{
	const struct connector_kind *kind = connector_kinds;
	struct ksig_cond *c = ksig_native_subject(stream);
	struct connector_state *s = calloc(1, sizeof(*s));
	int err = 0;

	if (!s)
		return ksig_native_fail(e, -ENOMEM, "cannot use the proc connector");
	while (strcmp(kind->event, stream->desc->name))
		kind++;
	n->state = s;
	s->what = kind->what;
	s->nl.fd = -1;
	s->pidfd = -1;
	/* no pid is larger than INT_MAX */
	if (c && c->number <= INT_MAX)
		s->pinned = c->number;
	if (!c && stream->opts->flags & KSIG_SUB_SKIP_OWN)
		err = ksig_kin_begin(&s->kin);
	/* for KSIG_SUB_SKIP_OWN the socket also needs room for forks */
	if (!err)
		err = ksig_netlink_open(&s->nl, NETLINK_CONNECTOR, CN_IDX_PROC,
					s->kin.of ? 2 * n->len : n->len);
	if (!err)
		err = connector_start(n, s);
	if (err) {
		connector_free(n);
		return connector_fail(err, e);
	}
	if (c) {
		s->pidfd = ksig_process_open(c->number, c->text_column, e);
		if (s->pidfd < 0) {
			err = s->pidfd;
			goto close;
		}
		stream->ends_itself = s->what == EXIT;
		/* if the process is still alive after this, it was alive at @pinned_at */
		s->pinned_at = ksig_now();
		if (ksig_process_ended(s->pidfd)) {
			err = ksig_fail(e, c->text_column, ESRCH,
					"process %s has just exited", c->text);
			goto close;
		}
	}
	if (stream->opts->log)
		stream->opts->log(stream->opts->log_ctx, kind->unknown);
	return 0;

close:
	connector_close(n);
	return err;
}

const struct ksig_native_source ksig_native_connector = {
	.open = connector_open,
	.close = connector_close,
	.pull = connector_pull,
};
