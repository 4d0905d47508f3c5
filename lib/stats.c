// SPDX-License-Identifier: MIT
/* The counters of a subscription: the provider's counters, adjusted for the library's own work. */
#include <errno.h>

#include "sub.h"

/*
 * Computes the counters of one stream. If the provider does not count deliveries, events that were
 * read or filtered out count as delivered. All other offered events count as queued, except those
 * that were lost.
 */
static int stats_count(const struct ksig_sub *sub, const struct ksig_stream *stream,
		       struct ksig_stats *st)
{
	bool prefetched = sub->has_prefetched &&
			  ksig_sub_stream(sub, sub->prefetched) == stream;
	unsigned int waiting = stream->has_next + prefetched;
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

int ksig_stats_sum(const struct ksig_sub *sub, unsigned int first,
		   unsigned int n, struct ksig_sub_stats *sum)
{
	/* the sum has these flags only if all streams have them */
	const uint64_t of_all = KSIG_STATS_HUP | KSIG_STATS_SUBJECT_GONE;
	uint64_t every = of_all;
	unsigned int i;
	int err;

	for (i = first; i < first + n; i++) {
		struct ksig_stats st = { };

		err = stats_count(sub, &sub->streams[i], &st);
		if (err)
			return err;
		sum->offered += st.offered;
		sum->delivered += st.delivered;
		sum->queued += st.queued;
		sum->lost += st.lost;
		sum->refused += st.refused;
		sum->signals += st.signals;
		sum->deferred += st.deferred;
		sum->lost_upto += lost_upto(&sub->streams[i]);
		sum->flags |= st.flags;
		every &= st.flags;
	}
	sum->flags &= ~of_all | every;
	return 0;
}

void ksig_stats_publish(struct ksig_sub *sub, bool ask)
{
	struct ksig_stream *stream;
	unsigned int i;

	for (i = 0; i < sub->n; i++) {
		struct ksig_stats st = { };

		stream = &sub->streams[i];
		/* without a relay, ksig.ko itself reports the counters, in the channel's fdinfo */
		if (!stream->status || (!sub->relay && stream->provider->arm) ||
		    stats_count(sub, stream, &st))
			continue;
		/* the relay's counters are shared by all streams */
		st.signals += sub->signals;
		st.deferred += sub->deferred;
		if (ask)
			stream->lost_upto = lost_upto(stream);
		ksig_status_update(stream->status, &st, stream->lost_upto,
				   sub->relay ? &sub->arm : NULL);
	}
}
