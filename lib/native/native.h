/* SPDX-License-Identifier: MIT */
/*
 * Shared by the native provider's files: events that user space gets from the kernel
 * without the module and without BPF.
 *
 * There is no thread. A source's descriptors are in one epoll set, which is the
 * subscription's descriptor. Each call of next() pulls what the kernel has into a queue of
 * opts.queue_len records, while there is room, and returns the first. Anything further
 * stays in the kernel, or is counted there. Where the kernel can't queue it, a full queue
 * drops the newest event and counts it, as ksig.ko's does.
 */
#ifndef KSIG_NATIVE_H
#define KSIG_NATIVE_H

#include <sys/types.h>

#include "../provider.h"

struct ksig_native;

/**
 * struct ksig_native_source - where one or a few events come from
 * @open: sets @state, and adds the descriptors to wait for to the epoll set. Leaves nothing
 *	behind on an error
 * @close: undoes @open, except for the epoll set
 * @pull: turns what the kernel has into records, without waiting. Return: 0; -EAGAIN: no
 *	record yet, but there is more to read; -ESHUTDOWN: there will be no more events;
 *	another -errno: this call failed
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
 * @owner: the process that subscribed; a child of fork(2) only closes
 * @epoll: everything that is waited for, with @wake
 * @wake: eventfd that is readable while next() has something to return that no other
 *	descriptor reports: queued records, the end, a pull to retry
 * @wake_set: it is readable
 * @retry: the last pull failed, and no descriptor may report what it left
 * @end: -ESHUTDOWN once pull has returned it; 0 before
 * @len: size of the queue, in records
 * @head: the next record to return; runs free
 * @tail: after the newest; runs free
 * @records: @len of them
 * @returned: copy of the record that next() returned last
 * @offered: events so far, lost ones too
 * @delivered: records that next() has returned
 * @lost: events for which there was no room, here or in the kernel
 * @gap: those of them since the last record that was queued
 * @lost_upto: messages that the kernel dropped, each of which may have been an event of this
 *	subscription
 * @gap_upto: KSIG_EVENT_LOST_UPTO if there were any since the last record that was queued
 */
struct ksig_native {
	const struct ksig_native_source *source;
	const struct ksig_event_desc *desc;
	void *state;
	pid_t owner;
	int epoll;
	int wake;
	bool wake_set;
	bool retry;
	int end;
	uint32_t len;
	uint32_t head;
	uint32_t tail;
	unsigned char *records;
	struct ksig_event *returned;
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

/* Adds @fd to the epoll set. 0 or -errno */
int ksig_native_watch(struct ksig_native *n, int fd, uint32_t events);
/*
 * Removes @fd from the epoll set and closes it. Closing alone isn't enough: the set keeps a
 * file until its last descriptor is closed, and a child of fork(2) may have one. The child
 * itself only closes, since it shares the set with the owner.
 */
void ksig_native_unwatch(struct ksig_native *n, int fd);
/*
 * Offers an event that happened at @time_ns, CLOCK_MONOTONIC.
 *
 * Return: its record, to be filled in further; NULL if the queue is full, and it is counted
 * as lost.
 */
struct ksig_event *ksig_native_put(struct ksig_native *n, uint64_t time_ns);
/*
 * Sets a string in the record of ksig_native_put(), by its key in catalog.c. NULL or a
 * string that doesn't fit leaves the field empty.
 */
void ksig_native_set_text(const struct ksig_native *n, struct ksig_event *ev,
			  const char *key, const char *text);
/* Free records in the queue. Anything further is better left in the kernel. */
uint32_t ksig_native_room(const struct ksig_native *n);
/* Counts @count events of this subscription as lost. */
void ksig_native_lose(struct ksig_native *n, uint64_t count);
/* Counts @count messages that the kernel dropped as possibly lost events. */
void ksig_native_lose_upto(struct ksig_native *n, uint64_t count);
/* The condition that names one subject, or NULL */
struct ksig_cond *ksig_native_subject(struct ksig_stream *stream);
/*
 * Makes room for one more element in the array @list of @n elements of @size bytes, which
 * has room for *@room. Return: the array, which may have moved; NULL: no memory, nothing has
 * changed.
 */
void *ksig_native_grow(void *list, size_t n, size_t *room, size_t size);
/* Reports an errno without a better explanation: "WHAT: No such file" */
int ksig_native_fail(struct ksig_error *e, int err, const char *what);

/* --------------------------------------------------------------- netlink.c */

/**
 * struct ksig_netlink - a netlink socket that receives a multicast group
 * @fd: the socket
 * @drops: messages that the kernel dropped and that were counted
 * @gap: more were dropped, after those that the socket still has
 * @protocol: -1 if it receives no group
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

/* Opens the socket. 0 or -errno. @group: a number, not a bit; 0: none */
int ksig_netlink_open(struct ksig_netlink *nl, int protocol,
		      unsigned int group, unsigned int queue_len);
void ksig_netlink_close(struct ksig_netlink *nl);
/*
 * Reads the next message that the kernel itself sent, of at most @size bytes.
 *
 * Return: its length; 0 if there is none; -ENOBUFS if *@lost messages are missing between
 * the last that was read and the next; another -errno.
 */
ssize_t ksig_netlink_read(struct ksig_netlink *nl, void *buf, size_t size,
			  uint64_t *lost);

/* ----------------------------------------------------------------- order.c */

/* Before a socket is bound: the earliest position in the log that its messages can have */
uint64_t ksig_order_begin(int protocol);
/*
 * When the message was read that is the next one of its group for this reader: now, or when
 * another subscription has read it. CLOCK_MONOTONIC, never twice the same.
 */
uint64_t ksig_order_time(int protocol, uint64_t *position, const void *msg,
			 size_t len);

/* ------------------------------------------------------------------ proc.c */

/**
 * struct ksig_proc_stat - a process as /proc shows it
 * @comm: its name
 * @parent: its parent; 0: none that is visible here
 * @state: a letter; 0: nothing could be read
 * @threads: its threads; the first one counts until the process has exited
 * @start: when it began, in ticks
 */
struct ksig_proc_stat {
	char comm[16];
	pid_t parent;
	char state;
	long threads;
	uint64_t start;
};

/* Difference of @other to CLOCK_BOOTTIME, in ns: the most exact of several readings */
int64_t ksig_clock_offset(clockid_t other);

/* Difference of this time namespace's CLOCK_MONOTONIC to the initial one's, in ns */
int64_t ksig_proc_time_offset(void);

/* Return: 0; -ENOENT or -ESRCH if the process is gone; another -errno. */
int ksig_proc_read(pid_t pid, struct ksig_proc_stat *st);
/*
 * The process that had the number @pid at @time_ns; zeros if the one that /proc shows now
 * began later, or there is none.
 */
void ksig_proc_read_at(pid_t pid, uint64_t time_ns, struct ksig_proc_stat *st);
/* Did it begin before @time_ns, CLOCK_MONOTONIC? */
bool ksig_proc_began_before(const struct ksig_proc_stat *st, uint64_t time_ns);
void ksig_proc_fill(struct ksig_event *ev, pid_t pid,
		    const struct ksig_proc_stat *st);

/* ----------------------------------------------------------------- pidfd.c */

/*
 * The exit status of a pidfd's process, as wait(2) gives it; false: unknown. The kernel
 * reports it to the parent, and to others once the process was reaped, from Linux 6.15 on.
 */
bool ksig_pidfd_status(int fd, uint64_t *status);

/* ----------------------------------------------------------------- sources */

extern const struct ksig_native_source ksig_native_pidfd;
extern const struct ksig_native_source ksig_native_connector;
extern const struct ksig_native_source ksig_native_link;
extern const struct ksig_native_source ksig_native_uevent;
extern const struct ksig_native_source ksig_native_clock;
extern const struct ksig_native_source ksig_native_pressure;
extern const struct ksig_native_source ksig_native_kill;

#endif /* KSIG_NATIVE_H */
