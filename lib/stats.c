// SPDX-License-Identifier: MIT
/* The counters of a subscription: those of the provider, and what the library adds. */
#include <errno.h>

#include "sub.h"

static bool is_prefetched(const struct ksig_sub *sub,
			  const struct ksig_stream *stream)
{
	return sub->has_prefetched &&
	       ksig_sub_stream(sub, sub->prefetched) == stream;
}

/*
 * A provider without counters of its own for what it hands out has handed out
 * what was taken and what was filtered out; the rest of what it offers waits.
 */
static int count(const struct ksig_sub *sub, const struct ksig_stream *stream,
		 struct ksig_stats *st)
{
	unsigned int waiting = stream->has_next + is_prefetched(sub, stream);
	const struct ksig_provider *p = stream->provider;
	int err = p->stats ? p->stats(stream, st) : 0;

	if (err)
		return err;
	if (!p->arm) {
		st->delivered = stream->taken + stream->filtered;
		st->queued = st->offered - st->lost - st->delivered;
	}
	st->offered -= stream->filtered;
	st->delivered -= stream->filtered + waiting + stream->refused;
	st->queued += waiting;
	st->refused += stream->refused;
	if (stream->subject_gone)
		st->flags |= KSIG_STATS_SUBJECT_GONE | KSIG_STATS_HUP;
	st->flags |= sub->relay_flags;
	return 0;
}

static uint64_t lost_upto(const struct ksig_stream *stream)
{
	return stream->provider->lost_upto ?
	       stream->provider->lost_upto(stream) : 0;
}

static void add(struct ksig_sub_stats *sum, const struct ksig_stats *st)
{
	sum->offered += st->offered;
	sum->delivered += st->delivered;
	sum->queued += st->queued;
	sum->lost += st->lost;
	sum->refused += st->refused;
	sum->signals += st->signals;
	sum->deferred += st->deferred;
}

int ksig_stats_sum(const struct ksig_sub *sub, unsigned int first,
		   unsigned int n, struct ksig_sub_stats *sum)
{
	const uint64_t of_all = KSIG_STATS_HUP | KSIG_STATS_SUBJECT_GONE;
	uint64_t every = of_all;
	unsigned int i;
	int err;

	for (i = first; i < first + n; i++) {
		struct ksig_stats st = { };

		err = count(sub, &sub->streams[i], &st);
		if (err)
			return err;
		add(sum, &st);
		every &= st.flags;
		sum->flags |= st.flags;
		sum->lost_upto += lost_upto(&sub->streams[i]);
	}
	/* an end is one when all have ended */
	sum->flags &= ~of_all | every;
	return 0;
}

/* What the module does itself, the kernel reports. */
static void publish(const struct ksig_sub *sub, struct ksig_stream *stream,
		    bool ask)
{
	struct ksig_stats st = { };

	if (!stream->status || (!sub->relay && stream->provider->arm) ||
	    count(sub, stream, &st))
		return;
	/* the relay's are those of all streams */
	st.signals += sub->signals;
	st.deferred += sub->deferred;
	if (ask)
		stream->lost_upto = lost_upto(stream);
	ksig_status_update(stream->status, &st, stream->lost_upto,
			   sub->relay ? &sub->arm : NULL);
}

void ksig_stats_publish(struct ksig_sub *sub, bool ask)
{
	unsigned int i;

	for (i = 0; i < sub->n; i++)
		publish(sub, &sub->streams[i], ask);
}
