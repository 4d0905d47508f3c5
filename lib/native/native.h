/* SPDX-License-Identifier: MIT */
/*
 * What the native provider's files share: events that user space gets from the
 * kernel without the module and without BPF.
 *
 * There is no thread. A source's descriptors are in one epoll set, which is
 * the subscription's descriptor; each call of next() pulls what the kernel
 * holds into a queue of opts.queue_len records, as far as there is room, and
 * gives out the first. What is more waits in the kernel, or is counted there;
 * where the kernel can't hold it a full queue loses the newest event and counts
 * it, as ksig.ko's does.
 */
#ifndef KSIG_NATIVE_H
#define KSIG_NATIVE_H

#include <sys/types.h>

#include "../provider.h"

struct ksig_native;

/**
 * struct ksig_native_source - where one or a few events come from
 * @open: sets @state, and adds what is to be waited for to the epoll set. On an
 *	error it leaves nothing behind
 * @close: undoes @open, but for the epoll set
 * @pull: turns what the kernel has into records, without waiting: 0;
 *	-EAGAIN: none yet, but there is more to look at; -ESHUTDOWN: these
 *	were the last; another -errno: so for this call
 */
struct ksig_native_source {
	int (*open)(struct ksig_native *n, struct ksig_stream *stream,
		    struct ksig_error *e);
	void (*close)(struct ksig_native *n);
	int (*pull)(struct ksig_native *n);
};

/**
 * struct ksig_native - a subscription of this provider
 * @source: where its events come from
 * @desc: what its records are
 * @state: the source's
 * @owner: who subscribed; a child of fork(2) only closes
 * @epoll: all that is waited for; @wake is in it
 * @wake: eventfd that is readable while there is more to say that the kernel
 *	doesn't know of: queued records, an end, something to try again
 * @woken: it is readable
 * @again: pull has failed: what it would go on with no descriptor tells of
 * @over: what pull said last of all, -ESHUTDOWN; 0: not yet
 * @len: records that the queue holds
 * @head: the next record to give out; runs free
 * @tail: behind the newest
 * @records: @len of them
 * @given: copy of the one that next() gave last
 * @offered: events so far, lost ones too
 * @delivered: given out
 * @lost: not queued for want of room, here or in the kernel
 * @gap: those of them since the last record that was queued
 * @lost_upto: messages that the kernel dropped, each of which may have been an
 *	event of this subscription
 * @gap_upto: KSIG_EVENT_LOST_UPTO if there were some since that record
 */
struct ksig_native {
	const struct ksig_native_source *source;
	const struct ksig_event_desc *desc;
	void *state;
	pid_t owner;
	int epoll;
	int wake;
	bool woken;
	bool again;
	int over;
	uint32_t len;
	uint32_t head;
	uint32_t tail;
	unsigned char *records;
	struct ksig_event *given;
	uint64_t offered;
	uint64_t delivered;
	uint64_t lost;
	uint64_t gap;
	uint64_t lost_upto;
	uint32_t gap_upto;
};

static inline struct ksig_event *
ksig_native_record(const struct ksig_native *n, uint32_t index)
{
	return (void *)(n->records +
			(size_t)(index % n->len) * n->desc->event_size);
}

/* ----------------------------------------------------------------- queue.c */

/* Waits for it too. 0 or -errno */
int ksig_native_watch(struct ksig_native *n, int fd, uint32_t events);
/*
 * No more, and closes it. The set would forget it only once nobody has the file
 * any more, and a child of fork(2) may; but a child's word would be the owner's.
 */
void ksig_native_unwatch(struct ksig_native *n, int fd);
/*
 * Offers an event that happened at @time_ns, CLOCK_MONOTONIC: its record, to be
 * filled in further; or NULL, and it is counted as lost.
 */
struct ksig_event *ksig_native_put(struct ksig_native *n, uint64_t time_ns);
/*
 * Sets a string in the record of ksig_native_put(), by its key in catalog.c. NULL or a
 * string that doesn't fit leaves the field empty.
 */
void ksig_native_set_text(const struct ksig_native *n, struct ksig_event *ev,
			  const char *key, const char *text);
/* Records that the queue has room for: what is more is better left where it is */
uint32_t ksig_native_room(const struct ksig_native *n);
/* So many events of this subscription were lost. */
void ksig_native_lose(struct ksig_native *n, uint64_t count);
/* Up to so many were, among the messages that the kernel had no room for. */
void ksig_native_lose_upto(struct ksig_native *n, uint64_t count);
/* The condition that names one subject, or NULL */
struct ksig_cond *ksig_native_subject(struct ksig_stream *stream);
/*
 * Room for one element more in the array @list of @n elements of @size bytes, which has room
 * for *@room. Return: the array, which may have moved; NULL: no memory, nothing has changed.
 */
void *ksig_native_grow(void *list, size_t n, size_t *room, size_t size);
/* An errno for which nothing better is known: "WHAT: No such file" */
int ksig_native_fail(struct ksig_error *e, int err, const char *what);

/* --------------------------------------------------------------- netlink.c */

/**
 * struct ksig_netlink - a netlink socket that hears a multicast group
 * @fd: the socket
 * @drops: messages that the kernel had no room for, of which we know
 * @gap: there are more, behind what the socket still holds
 * @protocol: -1 if it hears no group
 * @position: in the log of what this process has read of that protocol's group
 * @time_ns: of the last message that was read: the same in all subscriptions
 */
struct ksig_netlink {
	int fd;
	uint32_t drops;
	bool gap;
	int protocol;
	uint64_t position;
	uint64_t time_ns;
};

/* The socket; 0 or -errno. @group: a number, not a bit; 0: none */
int ksig_netlink_open(struct ksig_netlink *nl, int protocol,
		      unsigned int group, unsigned int queue_len);
void ksig_netlink_close(struct ksig_netlink *nl);
/*
 * The next message of the kernel itself, of no more than @size bytes: its
 * length; 0 there is none; or -errno, and -ENOBUFS where messages are missing:
 * *@lost of them, between the last that was read and the next.
 */
ssize_t ksig_netlink_read(struct ksig_netlink *nl, void *buf, size_t size,
			  uint64_t *lost);

/* ----------------------------------------------------------------- order.c */

/* Before a socket is bound: where in the log its messages can be at the earliest */
uint64_t ksig_order_begin(int protocol);
/*
 * When was the message read that is the next one of its group for this reader? Now,
 * or when another subscription has read it; CLOCK_MONOTONIC, never twice the same.
 */
uint64_t ksig_order_time(int protocol, uint64_t *position, const void *msg,
			 size_t len);

/* ------------------------------------------------------------------ proc.c */

/**
 * struct ksig_proc_stat - a process as /proc shows it
 * @comm: its name
 * @parent: its parent; 0: none that is seen here
 * @state: a letter; 0: nothing of it could be read
 * @threads: so many are left, the first one counts until the end
 * @start: when it began, in ticks
 */
struct ksig_proc_stat {
	char comm[16];
	pid_t parent;
	char state;
	long threads;
	uint64_t start;
};

/* Another clock less CLOCK_BOOTTIME, in ns: the closest of some tries. */
int64_t ksig_clock_offset(clockid_t other);

/* CLOCK_MONOTONIC of this time namespace less that of the initial one, in ns */
int64_t ksig_proc_time_offset(void);

/* 0, or -errno: -ENOENT, -ESRCH it is gone */
int ksig_proc_read(pid_t pid, struct ksig_proc_stat *st);
/* The process that had the number at @time_ns, or zeros: what /proc shows may have begun later. */
void ksig_proc_read_at(pid_t pid, uint64_t time_ns, struct ksig_proc_stat *st);
/* Had it begun by then? @time_ns: CLOCK_MONOTONIC */
bool ksig_proc_began_before(const struct ksig_proc_stat *st, uint64_t time_ns);
void ksig_proc_fill(struct ksig_event *ev, pid_t pid,
		    const struct ksig_proc_stat *st);

/* ----------------------------------------------------------------- pidfd.c */

/*
 * What the process of a pidfd has exited with, as wait(2) gives it; false: unknown.
 * The kernel says so to the parent, and to others once the process was reaped, from
 * Linux 6.15 on.
 */
bool ksig_pidfd_status(int fd, uint64_t *status);

/* ------------------------------------------------------- one a kind of source */

extern const struct ksig_native_source ksig_native_pidfd;
extern const struct ksig_native_source ksig_native_connector;
extern const struct ksig_native_source ksig_native_link;
extern const struct ksig_native_source ksig_native_uevent;
extern const struct ksig_native_source ksig_native_clock;
extern const struct ksig_native_source ksig_native_pressure;
extern const struct ksig_native_source ksig_native_kill;

#endif /* KSIG_NATIVE_H */
