// SPDX-License-Identifier: MIT
/*
 * Takes records from a subscription's provider: applies the conditions that the provider
 * doesn't, and notices when the process that the filter names has exited.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib.h"

/* Number of events that are skipped before the clock is checked again */
#define BATCH 64

int ksig_reader_watch(struct ksig_sub *sub, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(sub->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

int ksig_sub_make_wake(struct ksig_sub *sub)
{
	int fd, err;

	if (sub->wake >= 0)
		return 0;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	err = ksig_reader_watch(sub, fd);
	if (err) {
		close(fd);
		return err;
	}
	sub->wake = fd;
	return 0;
}

void ksig_sub_tell(struct ksig_sub *sub)
{
	bool wanted = sub->has_spare ||
		      (sub->provider->holds && sub->provider->holds(sub));

	if (wanted == sub->woken)
		return;
	sub->woken = wanted;
	if (wanted)
		ksig_event_set(sub->wake);
	else
		ksig_event_clear(sub->wake);
}

/* It can't pass, whatever it is. Others of its kind may be known. */
static void tell_unknown(struct ksig_sub *sub, const struct ksig_event *ev)
{
	const struct ksig_spec *spec = &sub->spec;
	struct ksig_field f;
	char line[160];
	unsigned int i;

	if (sub->unknown_told || !sub->opts.log)
		return;
	for (i = 0; i < spec->n_conds; i++) {
		if (!spec->conds[i].field)
			continue;
		ksig_field_read(spec->conds[i].field, ev, &f);
		if (f.known)
			continue;
		snprintf(line, sizeof(line),
			 "%s: skipped an event whose %s is unknown to %s (reported once)",
			 spec->name, f.name, sub->provider->name);
		sub->unknown_told = true;
		sub->opts.log(sub->opts.log_ctx, line);
		return;
	}
}

static bool passes(struct ksig_sub *sub, const struct ksig_event *ev)
{
	if (ev->type != sub->desc->type)
		return false;
	if (ksig_spec_match(&sub->spec, ev))
		return true;
	tell_unknown(sub, ev);
	return false;
}

/*
 * The caller's copy: numbered among those that passed the whole filter, with
 * what was lost since the last of those. Texts end within their field.
 */
static void copy_record(struct ksig_sub *sub, const struct ksig_event *ev,
			struct ksig_event *to)
{
	const struct ksig_event_desc *d = sub->desc;
	unsigned int i;

	if (to != ev)
		memcpy(to, ev, d->event_size);
	*ksig_record_ino(sub, to) = sub->provider->subject_ino ?
				    sub->provider->subject_ino(sub) : 0;
	to->lost_before = sub->gap < UINT32_MAX ? sub->gap : UINT32_MAX;
	for (i = 0; i < d->n_fields; i++) {
		if (d->fields[i].type == KSIG_FIELD_STRING)
			((char *)to)[d->fields[i].offset +
				     d->fields[i].size - 1] = '\0';
	}
	to->flags |= sub->gap_upto;
	sub->gap = 0;
	sub->gap_upto = 0;
	sub->taken++;
	/* those that have left as signals are counted, too */
	to->seq = ev->seq - sub->filtered;
}

static bool subject_ended(const struct ksig_sub *sub)
{
	return sub->subject_fd >= 0 && ksig_process_ended(sub->subject_fd);
}

static bool has_queued(const struct ksig_sub *sub)
{
	struct ksig_stats st = { };

	return !sub->provider->stats || sub->provider->stats(sub, &st) ||
	       st.queued;
}

/*
 * An event is offered before its process can be seen to have exited: once that
 * is so and the queue is empty, there will be none any more. What a worker of
 * ksig.ko has yet to queue is so by the time that its counters have been read.
 */
static int next_until_end(struct ksig_sub *sub, const struct ksig_event **ev)
{
	int ret = sub->provider->next(sub, ev);

	if (ret == -ESHUTDOWN)
		sub->subject_gone |= sub->ends_itself;
	if (ret || !subject_ended(sub))
		return ret;
	has_queued(sub);
	ret = sub->provider->next(sub, ev);
	if (ret || has_queued(sub))
		return ret;
	sub->subject_gone = true;
	return -ESHUTDOWN;
}

/*
 * Into the copy, before the filter: now the cgroup is likely to exist still. The
 * provider's own record may be mapped and read-only.
 */
static const struct ksig_event *add_cgroup(struct ksig_sub *sub,
					   const struct ksig_event *ev,
					   struct ksig_event *to)
{
	const struct ksig_memory_data *data = (const void *)to->data;
	char *path = (char *)to + KSIG_RECORD_ADDED(sub->desc->event_size);

	memcpy(to, ev, sub->desc->event_size);
	if (!sub->cgroups ||
	    ksig_cgroups_path(sub->cgroups, data->cgroup_id, path)) {
		to->flags |= KSIG_EVENT_NO_CGROUP;
		*path = '\0';
	}
	return to;
}

int ksig_sub_take(struct ksig_sub *sub, struct ksig_event *to)
{
	const struct ksig_event *ev;
	unsigned int i;
	int ret;

	for (i = 0; i < BATCH; i++) {
		ret = next_until_end(sub, &ev);
		if (ret <= 0)
			return ret;
		sub->gap += ev->lost_before;
		sub->gap_upto |= ev->flags & KSIG_EVENT_LOST_UPTO;
		if (sub->desc->cgroup && ev->type == sub->desc->type)
			ev = add_cgroup(sub, ev, to);
		if (passes(sub, ev)) {
			copy_record(sub, ev, to);
			return 1;
		}
		sub->filtered++;
	}
	return -EAGAIN;
}
