/* SPDX-License-Identifier: MIT */
/* Providers, and the streams of events that they give. */
#ifndef KSIG_LIB_PROVIDER_H
#define KSIG_LIB_PROVIDER_H

#include "lib.h"

struct ksig_stream;

/**
 * struct ksig_provider - what produces events
 * @name: as users know it
 * @check: can it provide @d here and now? 0, or -errno and the reason and cure in @e:
 *	-ENOENT if it has no such event, -EOPNOTSUPP if this machine lacks what it needs,
 *	-EACCES or -EPERM if the caller is not permitted. Has no lasting effect
 * @desc: a description of an event that catalog.c doesn't know (a driver's
 *	channel, a tracepoint): 0 and *@d, to be freed by @desc_free; -ENOENT.
 *	NULL: it has none
 * @desc_free: frees what @desc made
 * @open: subscribe: @stream's spec, desc and opts are set. Sets @stream->fd and
 *	@stream->priv, and in_kernel of each condition that it applies. On an error
 *	everything is undone
 * @close: undoes @open
 * @next: without waiting: 1 and a record, valid until the next call; 0 if there is none;
 *	-ESHUTDOWN; another -errno. The caller applies the conditions that are not
 *	in_kernel
 * @has_buffered: has it read records for which @stream's fd is not readable? NULL: never
 * @arm: as KSIG_IOC_ARM; NULL: the library relays
 * @disarm: with @arm
 * @stats: fills in offered, lost and what else the provider counts. The library adds what it
 *	relays and filters itself
 * @lost_upto: see struct ksig_sub_stats; NULL: all losses are counted in @stats.
 *	@next sets KSIG_EVENT_LOST_UPTO in the first record after it has grown
 * @subject_ino: the pidfs inode of the process that @next's last record is about;
 *	0: not known. NULL: never known
 * @kill_current: ksig_sub_kill_current(), whose arguments are valid, if the kernel
 *	applies the whole filter. NULL: not supported
 */
struct ksig_provider {
	const char *name;
	int (*check)(const struct ksig_event_desc *d, struct ksig_error *e);
	int (*desc)(const char *name, const struct ksig_sub_opts *opts,
		    struct ksig_event_desc **d, struct ksig_error *e);
	void (*desc_free)(struct ksig_event_desc *d);
	int (*open)(struct ksig_stream *stream, struct ksig_error *e);
	void (*close)(struct ksig_stream *stream);
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

/* In order of preference, from 0; NULL: no more */
const struct ksig_provider *ksig_provider_at(unsigned int index);
/* 0; -EINVAL or -EOPNOTSUPP with the reason in @e */
int ksig_provider_check_name(const char *name, struct ksig_error *e);

/**
 * struct ksig_stream - the events of one specification of a subscription
 * @provider: that produces them
 * @spec: what was asked for
 * @desc: what its records hold
 * @own_desc: @desc was made by the provider, and is freed with the stream
 * @opts: the subscription's
 * @value: the field that is a signal's value, by opts; NULL: the record's value
 * @fd: readable when there is something to read; -1: not open
 * @priv: the provider's
 * @ends_itself: set by open if next returns -ESHUTDOWN when the process that the filter
 *	names has exited; else the library checks @subject_fd
 * @subject_fd: pidfd of the process that the filter names; -1: it names none
 * @subject_gone: that has exited, and its events were read
 * @cgroups: finds the paths of cgroups; NULL: none is needed, or none can be found
 * @end: the error after which there are no more events; 0: there may be some
 * @next: among several streams: room for the oldest event that was read and not yet
 *	handed out
 * @has_next: there is one
 * @more: the last read filtered out all events of a batch: there may be more
 * @read_upto_ns: CLOCK_MONOTONIC: so far the events have been read
 * @taken: events that passed the filter and were taken from the provider
 * @filtered: events that the provider offered and the library filtered out
 * @gap: events lost before the one that is read next
 * @gap_upto: KSIG_EVENT_LOST_UPTO if further events may have been lost before it
 * @unreported_lost: lost events that no signal of the relay has reported yet
 * @refused: events that the relay's target was not ready for
 * @unknown_logged: an event with an unknown field of a condition was logged
 * @lost_upto: what the provider reported last, for @status
 * @status: for `ksig status`; NULL: there is none
 * @status_fd: the memfd that it is in, or -1
 */
struct ksig_stream {
	const struct ksig_provider *provider;
	struct ksig_spec spec;
	const struct ksig_event_desc *desc;
	struct ksig_event_desc *own_desc;
	const struct ksig_sub_opts *opts;
	const struct ksig_field_desc *value;
	int fd;
	void *priv;
	bool ends_itself;
	/* the library's, not for providers: */
	int subject_fd;
	bool subject_gone;
	struct ksig_cgroups *cgroups;
	int end;
	struct ksig_event *next;
	bool has_next;
	bool more;
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

/* Set @stream->desc, and its provider if only one knows the event. 0 or -errno */
int ksig_choose_desc(struct ksig_stream *stream, struct ksig_error *e);
/* Open it with the first provider that can serve it. 0 or -errno */
int ksig_choose_open(struct ksig_stream *stream, struct ksig_error *e);

/* --------------------------------------------------------------- stream.c */

/*
 * Subscribe to @event; @stream is zeros. ksig_stream_close() is to follow in any case.
 * Return: 0, or -errno and the reason in @e.
 */
int ksig_stream_open(struct ksig_stream *stream, const char *event,
		     const struct ksig_sub_opts *opts, struct ksig_error *e);
void ksig_stream_close(struct ksig_stream *stream);

/* --------------------------------------------------------------- reader.c */

/*
 * Copies the next event that passes the filter to @to, without waiting. Return: 1; 0 if there
 * is none; -EAGAIN if none was found yet, but more may be queued; an error after which it can
 * be tried again; or the error that ended the stream, which is returned each time from then on.
 */
int ksig_stream_take(struct ksig_stream *stream, struct ksig_event *to);

/* Where a copied record has the pidfs inode of its subject */
static inline uint64_t *ksig_record_ino(const struct ksig_stream *stream,
					const struct ksig_event *ev)
{
	return (void *)((char *)ev + stream->desc->event_size + sizeof(uint64_t));
}

/* Bytes of a copied record, and where the first field is that the library adds */
#define KSIG_RECORD_ADDED(event_size) ((event_size) + 2 * sizeof(uint64_t))

static inline size_t ksig_record_size(const struct ksig_event_desc *d)
{
	return KSIG_RECORD_ADDED(d->event_size) +
	       (d->cgroup ? KSIG_CGROUP_MAX : 0);
}

/* --------------------------------------------------------------- status.c */

/* At the end of ksig_sub_openv(). If it isn't possible, that is logged. */
void ksig_status_open(struct ksig_stream *stream, const char *event);
void ksig_status_close(struct ksig_stream *stream);
/* One caller at a time. @arm: NULL: as before */
void ksig_status_update(struct ksig_status *s, const struct ksig_stats *st,
			uint64_t lost_upto, const struct ksig_arm_opts *arm);

static inline void ksig_event_add_lost(struct ksig_event *ev, uint64_t lost)
{
	lost += ev->lost_before;
	ev->lost_before = lost < UINT32_MAX ? lost : UINT32_MAX;
}

#endif /* KSIG_LIB_PROVIDER_H */
