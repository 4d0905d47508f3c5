// SPDX-License-Identifier: MIT
/*
 * Takes records from a stream's provider: applies the conditions that the provider
 * doesn't, and notices when the process that the filter names has exited.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "provider.h"

/* Number of events that are skipped before the clock is checked again */
#define BATCH 64

/* An event whose field is unknown doesn't match, whatever the value is. */
static void log_unknown(struct ksig_stream *stream, const struct ksig_event *ev)
{
	const struct ksig_spec *spec = &stream->spec;
	struct ksig_field f;
	char line[160];
	unsigned int i;

	if (stream->unknown_logged || !stream->opts->log)
		return;
	for (i = 0; i < spec->n_conds; i++) {
		if (!spec->conds[i].field)
			continue;
		ksig_field_read(spec->conds[i].field, ev, &f);
		if (f.known)
			continue;
		snprintf(line, sizeof(line),
			 "%s: skipped an event whose %s is unknown to %s (reported once)",
			 spec->name, f.name, stream->provider->name);
		stream->unknown_logged = true;
		stream->opts->log(stream->opts->log_ctx, line);
		return;
	}
}

static bool passes(struct ksig_stream *stream, const struct ksig_event *ev)
{
	if (ev->type != stream->desc->type)
		return false;
	if (ksig_spec_match(&stream->spec, ev))
		return true;
	log_unknown(stream, ev);
	return false;
}

/*
 * The caller's copy: numbered among those that passed the whole filter, with
 * what was lost since the last of those. Texts end within their field.
 */
static void copy_record(struct ksig_stream *stream, const struct ksig_event *ev,
			struct ksig_event *to)
{
	const struct ksig_event_desc *d = stream->desc;
	unsigned int i;

	if (to != ev)
		memcpy(to, ev, d->event_size);
	/* a text that fills its field ends here at the latest */
	memset((char *)to + d->event_size, 0, sizeof(uint64_t));
	*ksig_record_ino(stream, to) = stream->provider->subject_ino ?
				    stream->provider->subject_ino(stream) : 0;
	to->lost_before = stream->gap < UINT32_MAX ? stream->gap : UINT32_MAX;
	for (i = 0; i < d->n_fields; i++) {
		if (d->fields[i].type == KSIG_FIELD_STRING)
			((char *)to)[d->fields[i].offset +
				     d->fields[i].size - 1] = '\0';
	}
	to->flags &= ~KSIG_EVENT_SPEC(KSIG_SUB_SPECS - 1);
	to->flags |= stream->gap_upto;
	stream->gap = 0;
	stream->gap_upto = 0;
	stream->taken++;
	/* those that have left as signals are counted, too */
	to->seq = ev->seq - stream->filtered;
}

static bool subject_ended(const struct ksig_stream *stream)
{
	return stream->subject_fd >= 0 && ksig_process_ended(stream->subject_fd);
}

static bool has_queued(const struct ksig_stream *stream)
{
	struct ksig_stats st = { };

	return !stream->provider->stats || stream->provider->stats(stream, &st) ||
	       st.queued;
}

/*
 * An event is offered before its process can be seen to have exited: once that
 * is so and the queue is empty, there will be none any more. What a worker of
 * ksig.ko has yet to queue is so by the time that its counters have been read.
 */
static int next_until_end(struct ksig_stream *stream, const struct ksig_event **ev)
{
	int ret = stream->provider->next(stream, ev);

	if (ret == -ESHUTDOWN)
		stream->subject_gone |= stream->ends_itself;
	if (ret || !subject_ended(stream))
		return ret;
	has_queued(stream);
	ret = stream->provider->next(stream, ev);
	if (ret || has_queued(stream))
		return ret;
	stream->subject_gone = true;
	return -ESHUTDOWN;
}

/*
 * Into the copy, before the filter: now the cgroup is likely to exist still. The
 * provider's own record may be mapped and read-only.
 */
static const struct ksig_event *add_cgroup(struct ksig_stream *stream,
					   const struct ksig_event *ev,
					   struct ksig_event *to)
{
	const struct ksig_memory_data *data = (const void *)to->data;
	char *path = (char *)to + KSIG_RECORD_ADDED(stream->desc->event_size);

	memcpy(to, ev, stream->desc->event_size);
	if (!stream->cgroups ||
	    ksig_cgroups_path(stream->cgroups, data->cgroup_id, path)) {
		to->flags |= KSIG_EVENT_NO_CGROUP;
		*path = '\0';
	}
	return to;
}

/* What is short here, memory or a descriptor, may be available a moment later. */
static bool is_transient(int err)
{
	return err == -EINTR || err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

int ksig_stream_take(struct ksig_stream *stream, struct ksig_event *to)
{
	const struct ksig_event *ev;
	unsigned int i;
	int ret;

	for (i = 0; i < BATCH && !stream->end; i++) {
		ret = next_until_end(stream, &ev);
		if (ret < 0 && ret != -EAGAIN && !is_transient(ret))
			stream->end = ret;
		if (ret <= 0)
			return ret;
		stream->gap += ev->lost_before;
		stream->gap_upto |= ev->flags & KSIG_EVENT_LOST_UPTO;
		stream->read_upto_ns = ev->time_ns;
		if (stream->desc->cgroup && ev->type == stream->desc->type)
			ev = add_cgroup(stream, ev, to);
		if (passes(stream, ev)) {
			copy_record(stream, ev, to);
			return 1;
		}
		stream->filtered++;
	}
	return stream->end ? stream->end : -EAGAIN;
}
