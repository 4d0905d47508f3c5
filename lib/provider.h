/* SPDX-License-Identifier: MIT */
/* Providers, and the streams of events that they produce. */
#ifndef KSIG_LIB_PROVIDER_H
#define KSIG_LIB_PROVIDER_H

#include "lib.h"

struct ksig_stream;

/**
 * struct ksig_provider - operations of a provider of events
 * @name: name shown to users
 * @check: checks whether the provider can produce @d on this system. Has no lasting effect. Return:
 *	0, or -errno with the reason and the remedy in @e: -ENOENT if the provider does not have the
 *	event, -EOPNOTSUPP if the system lacks a requirement, -EACCES or -EPERM if the caller is not
 *	permitted.
 * @desc: creates a description of an event that is not in catalog.c because it belongs to a
 *	driver's channel or is a tracepoint. Return: 0 with the description in *@d, to be freed by
 *	@desc_free; -ENOENT if there is no such event; another -errno. NULL if the provider has no
 *	such events.
 * @desc_free: frees a description created by @desc
 * @open: creates the subscription, or fails as @check does. The caller has set spec, desc and opts
 *	in @stream. Sets @stream->fd, @stream->priv, and in_kernel in each condition that the
 *	provider checks. Releases all resources on error.
 * @close: undoes @open
 * @initial: adds records about the initial state, before the first @next; called once for each
 *	stream of an event that has a state, after all streams of the subscription have been opened.
 *	NULL if the provider can't report the state. Return: 0 or -errno
 * @next: returns a record without waiting. Return: 1 and the record, which is valid until the next
 *	call; 0 if there is none; -ESHUTDOWN after the last record; another -errno. The caller
 *	checks the conditions that are not in_kernel.
 * @has_buffered: reports whether there are buffered records for which @stream's fd is not readable.
 *	NULL if that never happens.
 * @arm: arms signal delivery, like KSIG_IOC_ARM. NULL if the library's relay sends the signals.
 * @disarm: undoes @arm; set if @arm is set
 * @stats: fills in offered, lost and the other counters that the provider keeps. The library itself
 *	adds the events that it relays or filters out.
 * @lost_upto: see struct ksig_sub_stats. NULL if @stats counts all losses. @next sets
 *	KSIG_EVENT_LOST_UPTO in the first record after the value has grown.
 * @subject_ino: returns the pidfs inode number of the process that is the subject of @next's last
 *	record; 0 if unknown. NULL if it is never known.
 * @kill_current: see ksig_sub_kill_current(). The caller has checked the arguments, and the kernel
 *	applies the whole filter. NULL if not supported.
 */
struct ksig_provider {
	const char *name;
	int (*check)(const struct ksig_event_desc *d, struct ksig_error *e);
	int (*desc)(const char *name, const struct ksig_sub_opts *opts,
		    struct ksig_event_desc **d, struct ksig_error *e);
	void (*desc_free)(struct ksig_event_desc *d);
	int (*open)(struct ksig_stream *stream, struct ksig_error *e);
	void (*close)(struct ksig_stream *stream);
	int (*initial)(struct ksig_stream *stream);
	int (*next)(struct ksig_stream *stream, const struct ksig_event **ev);
	bool (*has_buffered)(const struct ksig_stream *stream);
	int (*arm)(struct ksig_stream *stream, const struct ksig_arm_opts *opts);
	int (*disarm)(struct ksig_stream *stream);
	int (*stats)(const struct ksig_stream *stream, struct ksig_stats *st);
	uint64_t (*lost_upto)(const struct ksig_stream *stream);
	uint64_t (*subject_ino)(const struct ksig_stream *stream);
	int (*kill_current)(struct ksig_stream *stream, int signo, uint64_t skip,
			    uint64_t count, unsigned int flags);
};

extern const struct ksig_provider ksig_provider_module;
extern const struct ksig_provider ksig_provider_bpf;
extern const struct ksig_provider ksig_provider_native;

/* Return: the provider at @index in the order of preference; NULL after the last one. */
const struct ksig_provider *ksig_provider_at(unsigned int index);
/*
 * Checks that @name is a provider of this build.
 * Return: 0; -EINVAL or -EOPNOTSUPP, with the reason in @e.
 */
int ksig_provider_check_name(const char *name, struct ksig_error *e);

/**
 * struct ksig_stream - the events of one specification of a subscription
 * @provider: provider of the events
 * @spec: parsed specification
 * @desc: description of the event
 * @own_desc: @desc, if the provider created it; freed with the stream
 * @opts: options of the subscription
 * @first: first stream of the subscription; the streams before this one are open
 * @value: field that the options select as the value of signals; NULL for the record's value
 * @probe: opened only to find out whether the event is available; no events will be read
 * @gone: the process named by the filter had exited before the subscription, and this is to be
 *	reported
 * @fd: descriptor that is readable when there is something to read; -1 if not open
 * @priv: private data of the provider
 * @ends_itself: set by the provider's open() if its next() returns -ESHUTDOWN once the process
 *	named by the filter has exited; otherwise the library checks @subject_fd
 * @subject_fd: pidfd of the process named by the filter; -1 if there is none
 * @subject_gone: the process named by the filter has exited, and its events have all been read
 * @cgroups: lookup of cgroup paths; NULL if not needed or not possible
 * @end: error that ended the stream; 0 as long as there may be more events
 * @next: buffer for the oldest event that has been read but not returned yet; used if there are
 *	several streams
 * @has_next: @next contains an event
 * @more: the last read filtered out a whole batch of events, so there may be more
 * @failing_since: when reading began to fail, CLOCK_MONOTONIC; 0 if the last read succeeded
 * @read_upto_ns: time of the last event that was read, CLOCK_MONOTONIC
 * @taken: number of events that passed the filter and were read from the provider
 * @filtered: number of events offered by the provider that the library filtered out
 * @gap: number of events lost before the next event to be read
 * @gap_upto: KSIG_EVENT_LOST_UPTO if further events may have been lost before that event
 * @unreported_lost: number of lost events that no signal of the relay has reported yet
 * @refused: number of events for which the relay's target was not ready
 * @unknown_logged: it has been logged that a field in a condition was unknown
 * @lost_upto: value last reported by the provider, for @status
 * @status: status shown by `ksig status`; NULL if there is none
 * @status_fd: memfd that contains @status, or -1
 */
struct ksig_stream {
	const struct ksig_provider *provider;
	struct ksig_spec spec;
	const struct ksig_event_desc *desc;
	struct ksig_event_desc *own_desc;
	const struct ksig_sub_opts *opts;
	struct ksig_stream *first;
	const struct ksig_field_desc *value;
	bool probe;
	bool gone;
	int fd;
	void *priv;
	bool ends_itself;
	/* The following members are used only by the library, not by providers: */
	int subject_fd;
	bool subject_gone;
	struct ksig_cgroups *cgroups;
	int end;
	struct ksig_event *next;
	bool has_next;
	bool more;
	int64_t failing_since;
	uint64_t read_upto_ns;
	uint64_t taken;
	uint64_t filtered;
	uint64_t gap;
	uint32_t gap_upto;
	uint64_t unreported_lost;
	uint64_t refused;
	bool unknown_logged;
	uint64_t lost_upto;
	struct ksig_status *status;
	int status_fd;
};

/* --------------------------------------------------------------- choose.c */

/*
 * Sets @stream->desc. If only one provider knows the event, also sets @stream->provider.
 * Return: 0 or -errno.
 */
int ksig_choose_desc(struct ksig_stream *stream, struct ksig_error *e);
/* Opens the stream with the first provider that supports it. Return: 0 or -errno. */
int ksig_choose_open(struct ksig_stream *stream, struct ksig_error *e);

/* --------------------------------------------------------------- stream.c */

/*
 * Subscribes to @event. @stream must be zeroed except for @first, and the caller must call
 * ksig_stream_close() even after an error.
 * Return: 0, or -errno with the reason in @e.
 */
int ksig_stream_open(struct ksig_stream *stream, const char *event,
		     const struct ksig_sub_opts *opts, struct ksig_error *e);
void ksig_stream_close(struct ksig_stream *stream);
/* Return: whether the initial state is to be reported first. */
bool ksig_stream_wants_initial(const struct ksig_stream *stream);

/* --------------------------------------------------------------- reader.c */

/*
 * Copies the next event that passes the filter to @to, without waiting.
 * Return: 1 if an event was copied; 0 if no event is queued; -EAGAIN if no matching event has been
 * found yet but more events may be queued; another -errno. If the error has ended the stream, all
 * later calls return the same error; otherwise the call can be repeated.
 */
int ksig_stream_take(struct ksig_stream *stream, struct ksig_event *to);

/* Returns where a copied record stores the pidfs inode number of its subject. */
static inline uint64_t *ksig_record_ino(const struct ksig_stream *stream,
					const struct ksig_event *ev)
{
	return (void *)((char *)ev + stream->desc->event_size + sizeof(uint64_t));
}

/* Size of a copied record without added fields, and the offset of the first added field */
#define KSIG_RECORD_ADDED(event_size) ((event_size) + 2 * sizeof(uint64_t))

static inline size_t ksig_record_size(const struct ksig_event_desc *d)
{
	return KSIG_RECORD_ADDED(d->event_size) +
	       (d->cgroup ? KSIG_CGROUP_PATH_MAX : 0);
}

/* --------------------------------------------------------------- status.c */

/* Called at the end of ksig_sub_openv(). A failure is only logged. */
void ksig_status_open(struct ksig_stream *stream, const char *event);
void ksig_status_close(struct ksig_stream *stream);
/* Calls must be serialized. If @arm is NULL, the armed target stays unchanged. */
void ksig_status_update(struct ksig_status *s, const struct ksig_stats *st,
			uint64_t lost_upto, const struct ksig_arm_opts *arm);

static inline void ksig_event_add_lost(struct ksig_event *ev, uint64_t lost)
{
	lost += ev->lost_before;
	ev->lost_before = lost < UINT32_MAX ? lost : UINT32_MAX;
}

#endif /* KSIG_LIB_PROVIDER_H */
