// SPDX-License-Identifier: MIT
/* ksig watch: reports lost events. */
#include <inttypes.h>

#include "cli.h"
#include "watch.h"

/* Losses are added up for this time, to limit the number of reports. */
#define SUM_UP_NS KSIG_NS

void ksig_watched_note(struct ksig_watched *e, const struct ksig_sub *sub,
		       const struct ksig_event *ev)
{
	struct ksig_sub_stats st = { .sz = sizeof(st) };

	e->lost += ev->lost_before;
	if (ev->flags & KSIG_EVENT_LOST_UPTO &&
	    !ksig_sub_spec_stats(sub, ksig_event_spec(ev), &st))
		e->lost_upto = st.lost_upto;
}

int64_t ksig_watched_report_at(const struct ksig_watched *e)
{
	return e->lost != e->reported || e->lost_upto != e->reported_upto ?
	       e->report_at : KSIG_NEVER;
}

static void report_losses(struct ksig_watched *e, const char *event)
{
	uint64_t n = e->lost - e->reported;
	uint64_t upto = e->lost_upto - e->reported_upto;

	if (n)
		ksig_error("%" PRIu64 " event%s of %s %s lost", n,
			   n == 1 ? "" : "s", event, n == 1 ? "was" : "were");
	if (upto)
		ksig_error("up to %" PRIu64 " events of %s may have been lost",
			   upto, event);
	e->reported = e->lost;
	e->reported_upto = e->lost_upto;
}

void ksig_watched_report(struct ksig_watched *e, const char *event)
{
	int64_t now = ksig_clock_ns();

	if (ksig_is_quiet() || now < ksig_watched_report_at(e))
		return;
	report_losses(e, event);
	e->report_at = now + SUM_UP_NS;
}

void ksig_watched_report_last(struct ksig_watched *e,
			      const struct ksig_sub *sub, unsigned int spec,
			      bool json)
{
	report_losses(e, ksig_sub_event(sub, spec));
	if (json && (e->lost != e->printed || e->lost_upto != e->printed_upto))
		ksig_print_loss(sub, spec, e->lost - e->printed,
				e->lost_upto - e->printed_upto);
}
