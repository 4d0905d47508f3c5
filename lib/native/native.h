/* SPDX-License-Identifier: MIT */
/*
 * Declarations shared by the source files of the native provider, which receives events from the
 * kernel without the module and without BPF.
 *
 * The provider uses no threads. The subscription's descriptor is an epoll set that contains all
 * descriptors of a source. Each call of next() moves events from the kernel to a queue of
 * opts.queue_len records until the queue is full, and returns the oldest record. All other events
 * stay in the kernel, or the kernel counts them as lost. If the kernel does not queue the events of
 * a source, new events are dropped and counted while the queue is full, as in ksig.ko.
 */
#ifndef KSIG_NATIVE_H
#define KSIG_NATIVE_H

#include <sys/types.h>

#include "../provider.h"

/* Inode numbers of the initial namespaces, which are fixed in the kernel */
#define KSIG_INITIAL_USER_NS 0xEFFFFFFDU
#define KSIG_INITIAL_PID_NS 0xEFFFFFFCU

struct ksig_native;

/**
 * struct ksig_native_source - a source of one or more events
 * @shared: one state serves all streams of a subscription that have this source, so that their
 *	events are in order
 * @open: sets @state and adds descriptors to the epoll set. Releases all resources on error.
 * @join: prepares the state for another stream, which is not among @users yet; also called for the
 *	first stream. NULL if there is nothing to prepare. On error the stream does not join
 * @initial: adds records about the initial state to the queues of all @users; called at most once,
 *	before the first @pull. NULL if the events have no state. Return: 0 or -errno
 * @close: undoes @open, except for the epoll set
 * @pull: converts pending kernel messages to records, without waiting. Return: 0; -EAGAIN if there
 *	is no record yet, but more to read; -ESHUTDOWN if there will be no more events; another
 *	-errno if this call failed
 */
struct ksig_native_source {
	bool shared;
	int (*open)(struct ksig_native *n, struct ksig_stream *stream,
		    struct ksig_error *e);
	int (*join)(struct ksig_native *n, struct ksig_error *e);
	int (*initial)(struct ksig_native *n);
	void (*close)(struct ksig_native *n);
	int (*pull)(struct ksig_native *n);
};

/**
 * struct ksig_native_users - the streams of a subscription that share the state of a source
 * @n: number of streams
 * @has_initial: the records about the initial state have been added
 * @user: the streams; the first has the source's descriptors in its epoll set
 */
struct ksig_native_users {
	unsigned int n;
	bool has_initial;
	struct ksig_native *user[KSIG_SUB_SPECS];
};

/**
 * struct ksig_native - a subscription of the native provider
 * @source: source of the events
 * @desc: description of the event
 * @stream: the stream to which this subscription belongs
 * @state: private data of the source
 * @own: private data of the source for this stream
 * @users: the streams that share @state
 * @owner: pid of the process that subscribed; a child created by fork(2) may only close the
 *	subscription
 * @epoll: epoll set with all descriptors to wait for, including @wake
 * @wake: eventfd that is readable while next() has something to return that no other descriptor
 *	reports: queued records, the end of the events, or a failed pull to retry
 * @wake_set: @wake is readable
 * @retry: the last pull failed, and possibly no descriptor reports the remaining messages
 * @end: -ESHUTDOWN once pull has returned it, or the source has ended this stream; otherwise 0
 * @len: number of queued records at which the source stops reading messages
 * @capacity: size of the queue, in records; may exceed @len after ksig_native_reserve()
 * @head: free-running index of the next record to return
 * @tail: free-running index after the newest record
 * @records: the queue
 * @returned: copy of the record that next() returned last
 * @offered: number of events so far, including lost ones
 * @delivered: number of records that next() has returned
 * @lost: number of events dropped because this queue or a queue in the kernel was full
 * @gap: number of events lost since the last record was queued
 * @lost_upto: number of messages dropped by the kernel, each of which may have been an event of
 *	this subscription
 * @gap_upto: KSIG_EVENT_LOST_UPTO if such messages were dropped since the last record was queued
 */
struct ksig_native {
	const struct ksig_native_source *source;
	const struct ksig_event_desc *desc;
	const struct ksig_stream *stream;
	void *state;
	void *own;
	struct ksig_native_users *users;
	pid_t owner;
	int epoll;
	int wake;
	bool wake_set;
	bool retry;
	int end;
	uint32_t len;
	uint32_t capacity;
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
			(size_t)(index % n->capacity) * n->desc->event_size);
}

/* ----------------------------------------------------------------- queue.c */

/* Adds @fd to the epoll set. Return: 0 or -errno. */
int ksig_native_watch(struct ksig_native *n, int fd, uint32_t events);
/*
 * Removes @fd from the epoll set and closes it. Closing @fd is not sufficient: a file stays in the
 * set until its last descriptor is closed, and a child created by fork(2) may have a copy of @fd.
 * In the child, this function only closes @fd, because the child shares the epoll set with the
 * owner.
 */
void ksig_native_unwatch(struct ksig_native *n, int fd);
/*
 * Offers an event that occurred at @time_ns, CLOCK_MONOTONIC.
 *
 * Return: the record of the event, for the caller to fill in; NULL if the queue is full and the
 * event has been counted as lost.
 */
struct ksig_event *ksig_native_put(struct ksig_native *n, uint64_t time_ns);
/* Empties the queue of a stream that has returned no record yet, and resets its counters. */
void ksig_native_drop(struct ksig_native *n);
/*
 * Makes room for @count more records, so that the initial state or all events of one message fit
 * regardless of @len. Return: 0 or -ENOMEM.
 */
int ksig_native_reserve(struct ksig_native *n, size_t count);
/* Adds a record about the initial state. The caller has reserved room for it. */
struct ksig_event *ksig_native_put_initial(struct ksig_native *n, uint64_t time_ns);
/*
 * Sets a string field in a record returned by ksig_native_put(). @key is the field's name in
 * catalog.c. If @text is NULL, the object doesn't have the field. If @text is too long, the field
 * is unknown.
 */
void ksig_native_set_text(const struct ksig_native *n, struct ksig_event *ev,
			  const char *key, const char *text);
/*
 * Offers an event that reports only that the opposite state has ended, because the object no longer
 * exists. Return: as ksig_native_put(); NULL also if the stream has not asked for such events.
 */
struct ksig_event *ksig_native_put_gone(struct ksig_native *n, uint64_t time_ns);
/* Sets a number in a record's data[]. @key is the field's name in catalog.c. */
void ksig_native_set_number(const struct ksig_native *n, struct ksig_event *ev,
			    const char *key, uint64_t number);
/*
 * Returns how many records can be added to the queue of every stream that shares the source before
 * one of the queues reaches its length. If a queue is full, sources should leave their messages in
 * the kernel.
 */
uint32_t ksig_native_room(const struct ksig_native *n);
/*
 * Return: the result of a pull that has read @count messages and at most the queue's length, so that
 * others may be left: -EAGAIN if that is the case and no record is queued, otherwise 0.
 */
int ksig_native_pulled(const struct ksig_native *n, uint32_t count);
/* Counts @count events of this subscription as lost. */
void ksig_native_lose(struct ksig_native *n, uint64_t count);
/*
 * Counts @count messages that the kernel dropped as possibly lost events, in all streams that share
 * the source.
 */
void ksig_native_lose_upto(struct ksig_native *n, uint64_t count);
/* Adds @count messages dropped by the kernel to the upper bound of the lost events of @user. */
void ksig_native_miss(struct ksig_native *user, uint64_t count);
/* Return: the condition that restricts the filter to one subject, or NULL. */
struct ksig_cond *ksig_native_subject(struct ksig_stream *stream);
/*
 * Ensures that the array @list has room for one more element. @list has @n elements of @size bytes,
 * and capacity for *@room elements.
 * Return: the array, which may have moved; NULL if out of memory, with the array unchanged.
 */
void *ksig_native_grow(void *list, size_t n, size_t *room, size_t size);
/* Formats a message for an errno that needs no further explanation: "WHAT: No such file or directory" */
int ksig_native_fail(struct ksig_error *e, int err, const char *what);

/* --------------------------------------------------------------- netlink.c */

/**
 * struct ksig_netlink - a netlink socket that receives a multicast group
 * @fd: the socket
 * @drops: number of messages dropped by the kernel that have been counted so far
 * @gap: the kernel has dropped messages that would have followed those still in the socket
 * @time_ns: time at which the last message was read; no two messages have the same time
 */
struct ksig_netlink {
	int fd;
	uint32_t drops;
	bool gap;
	uint64_t time_ns;
};

/*
 * Opens the socket. @group is the number of a multicast group, not a bit mask; 0 for none.
 * Return: 0 or -errno.
 */
int ksig_netlink_open(struct ksig_netlink *nl, int protocol,
		      unsigned int group, unsigned int queue_len);
/* Joins another multicast group. Return: 0 or -errno. */
int ksig_netlink_join(struct ksig_netlink *nl, unsigned int group);
void ksig_netlink_close(struct ksig_netlink *nl);
/*
 * Reads the next message that the kernel itself has sent. @size: size of the buffer, in bytes.
 *
 * Return: the length of the message; 0 if there is none; -ENOBUFS if *@lost messages are missing
 * between the previous message and the next one; another -errno.
 */
ssize_t ksig_netlink_read(struct ksig_netlink *nl, void *buf, size_t size,
			  uint64_t *lost);

/* --------------------------------------------------------------- setting.c */

/*
 * Parse digits followed by a unit: us, ms, s, min or h; K, M, G, T (powers of 1024) or none.
 * Return: the end of the parsed text, or NULL. *@us or *@bytes is UINT64_MAX if it would be greater.
 */
const char *ksig_setting_time(const char *s, uint64_t *us);
const char *ksig_setting_size(const char *s, uint64_t *bytes);

/* ------------------------------------------------------------------ proc.c */

/**
 * struct ksig_proc_stat - a process as shown in /proc
 * @comm: name of the process
 * @parent: pid of its parent; 0 if the parent is not visible in this pid namespace
 * @state: state letter; 0 if nothing could be read
 * @threads: number of threads; includes the group leader until the whole process has exited
 * @start: start time in clock ticks
 */
struct ksig_proc_stat {
	char comm[16];
	pid_t parent;
	char state;
	long threads;
	uint64_t start;
};

/* Returns @other minus CLOCK_BOOTTIME, in ns, from the most exact of several readings. */
int64_t ksig_clock_offset(clockid_t other);

/* Returns the offset of CLOCK_MONOTONIC in this time namespace from the initial one, in ns. */
int64_t ksig_proc_time_offset(void);

/* Return: 0; -ENOENT or -ESRCH if the process has exited; another -errno. */
int ksig_proc_read(pid_t pid, struct ksig_proc_stat *st);
/*
 * Reads the state of the process that had the pid @pid at @time_ns. All members are zero if /proc
 * shows no such process, or a process that started later than @time_ns.
 */
void ksig_proc_read_at(pid_t pid, uint64_t time_ns, struct ksig_proc_stat *st);
/* Return: whether the process started before @time_ns, CLOCK_MONOTONIC. */
bool ksig_proc_began_before(const struct ksig_proc_stat *st, uint64_t time_ns);
void ksig_proc_fill(struct ksig_event *ev, pid_t pid,
		    const struct ksig_proc_stat *st);

/* ----------------------------------------------------------------- pidfd.c */

/*
 * Reads the exit status of the process, in the format of wait(2). The kernel reports the status to
 * the parent and, from Linux 6.15 on, to other processes once the process has been reaped.
 * Return: false if the status is unknown.
 */
bool ksig_pidfd_status(int fd, uint64_t *status);

/* ----------------------------------------------------------------- sources */

extern const struct ksig_native_source ksig_native_pidfd;
/* process.exit of a process that has exited already, reported as the initial state */
extern const struct ksig_native_source ksig_native_gone;
extern const struct ksig_native_source ksig_native_connector;
extern const struct ksig_native_source ksig_native_rtnl;
extern const struct ksig_native_source ksig_native_uevent;
extern const struct ksig_native_source ksig_native_clock;
extern const struct ksig_native_source ksig_native_pressure;
extern const struct ksig_native_source ksig_native_mount;
extern const struct ksig_native_source ksig_native_space;
extern const struct ksig_native_source ksig_native_fserror;
extern const struct ksig_native_source ksig_native_cgroup;
extern const struct ksig_native_source ksig_native_kmsg;
extern const struct ksig_native_source ksig_native_gpio;
extern const struct ksig_native_source ksig_native_supply;
extern const struct ksig_native_source ksig_native_kill;

#endif /* KSIG_NATIVE_H */
