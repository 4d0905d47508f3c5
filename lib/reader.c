// SPDX-License-Identifier: MIT
/*
 * Reads records from the provider of a stream, applies the conditions that the provider does not
 * check, and notices when the process named by the filter has exited.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "provider.h"

/* Maximum number of events that one call skips, so that the caller can check its timeout */
#define BATCH 64

/* Logs once that an event was skipped because a field of the filter is unknown. */
static void log_unknown(struct ksig_stream *stream, const struct ksig_event *ev)
{
	const struct ksig_spec *spec = &stream->spec;
	struct ksig_field f;
	char line[160];
	unsigned int i;

	if (stream->unknown_logged || !stream->opts->log)
		return;
	for (i = 0; i < spec->n_conds; i++) {
		/* an object that doesn't have the field is skipped without a message */
		if (!spec->conds[i].field || ksig_field_is_absent(spec->conds[i].field, ev))
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

/*
 * Fills in the caller's copy of the record. The sequence number counts only the events that passed
 * the whole filter. lost_before is the number of events lost since the previous event that passed.
 */
static void copy_record(struct ksig_stream *stream, const struct ksig_event *ev,
			struct ksig_event *to)
{
	const struct ksig_event_desc *d = stream->desc;
	unsigned int i;

	if (to != ev)
		memcpy(to, ev, d->event_size);
	/* terminates a string that fills data[] */
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
	/* the sequence number also counts events that were delivered by signal */
	to->seq = ev->seq - stream->filtered;
}

static bool has_queued(const struct ksig_stream *stream)
{
	struct ksig_stats st = { };

	return !stream->provider->stats || stream->provider->stats(stream, &st) ||
	       st.queued;
}

/*
 * All events of a process are offered before its exit becomes visible. Once the process has exited
 * and the queue is empty, there are no more events. Reading the counters ensures that ksig.ko's
 * workers have queued all events offered so far.
 */
static int next_until_end(struct ksig_stream *stream, const struct ksig_event **ev)
{
	int ret = stream->provider->next(stream, ev);

	if (ret == -ESHUTDOWN)
		stream->subject_gone |= stream->ends_itself;
	if (ret || stream->subject_fd < 0 || !ksig_process_ended(stream->subject_fd))
		return ret;
	has_queued(stream);
	ret = stream->provider->next(stream, ev);
	if (ret || has_queued(stream))
		return ret;
	stream->subject_gone = true;
	return -ESHUTDOWN;
}

int ksig_stream_take(struct ksig_stream *stream, struct ksig_event *to)
{
	const struct ksig_event_desc *d = stream->desc;
	const struct ksig_memory_data *data;
	const struct ksig_event *ev;
	unsigned int i;
	char *path;
	int ret;

	for (i = 0; i < BATCH && !stream->end; i++) {
		ret = next_until_end(stream, &ev);
		/* a shortage of memory or descriptors may be temporary */
		if (ret < 0 && ret != -EAGAIN && ret != -EINTR && ret != -ENOMEM &&
		    ret != -EMFILE && ret != -ENFILE)
			stream->end = ret;
		if (ret <= 0)
			return ret;
		stream->gap += ev->lost_before;
		stream->gap_upto |= ev->flags & KSIG_EVENT_LOST_UPTO;
		stream->read_upto_ns = ev->time_ns;
		if (d->cgroup && ev->type == d->type) {
			/*
			 * Look up the path before filtering, while the cgroup probably still
			 * exists. Write the path to the copy, because the provider's record may be
			 * read-only.
			 */
			memcpy(to, ev, d->event_size);
			ev = to;
			data = (const void *)to->data;
			path = (char *)to + KSIG_RECORD_ADDED(d->event_size);
			if (!stream->cgroups ||
			    ksig_cgroups_path(stream->cgroups, data->cgroup_id, path)) {
				to->flags |= KSIG_EVENT_NO_CGROUP;
				*path = '\0';
			}
		}
		if (ev->type == d->type && ksig_spec_match(&stream->spec, ev)) {
			copy_record(stream, ev, to);
			return 1;
		}
		if (ev->type == d->type)
			log_unknown(stream, ev);
		stream->filtered++;
	}
	return stream->end ? stream->end : -EAGAIN;
}
