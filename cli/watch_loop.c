// SPDX-License-Identifier: MIT
/* ksig watch: reads events, acts on them, and waits for more. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "watch.h"

/* Time between SIGTERM and SIGKILL for --restart */
#define END_NS (5 * KSIG_NS)
/* Value of kill_at: the command could not be signalled */
#define UNKILLABLE (KSIG_NEVER - 1)
/* Polling interval for a target with too many pending signals */
#define RETRY_NS (KSIG_NS / 100)
/* A target is reported as stalled only after this time. */
#define REPORT_FULL_NS KSIG_NS
/* Output is written within this time, even if more events are available. */
#define OUTPUT_NS (KSIG_NS / 10)
/* Number of events acted on before doing anything else, including output */
#define BATCH 256

/* Step functions return this to continue, or an exit code to end the loop. */
#define GO_ON (-1)

static bool is_unit(const struct ksig_watch *w)
{
	return w->has_to && w->to.kind == KSIG_TO_UNIT;
}

static bool is_enough(const struct ksig_watch *w)
{
	return w->count && w->acted >= w->count;
}

/* With --for, losses of the events that end the states are not reported by themselves. */
static unsigned int n_reported(const struct ksig_watch *w)
{
	return w->lasting.ns ? w->lasting.n : w->n;
}

/* --------------------------------------------------------------------- acting */

static int act(struct ksig_watch *w)
{
	struct ksig_happening *h = &w->now;
	struct ksig_watched *e = &w->events[ksig_event_spec(h->ev)];
	int64_t now = ksig_clock_ns();
	struct ksig_field value;

	if (w->has_to) {
		ksig_happening_value(h, &value);
		h->to = &w->to;
		if (!w->target_full) {
			w->to.unreported_lost += h->lost;
			w->report_full = now + REPORT_FULL_NS;
		}
		h->err = ksig_to_send(&w->to, h->sub, h->ev,
				      value.type == KSIG_FIELD_SIGNED ?
				      (uint64_t)value.s : value.u);
		w->target_full = h->err == -EAGAIN;
	}
	/* the same event will be retried */
	if (w->target_full) {
		if (now >= w->report_full) {
			ksig_error("process %d is not consuming its pending signals: delivery of %s is stalled",
				   w->to.pid,
				   ksig_sub_event(h->sub, ksig_event_spec(h->ev)));
			w->report_full = KSIG_NEVER;
		}
		return GO_ON;
	}
	if (h->err == -ESRCH && (w->to.kind == KSIG_TO_PID ||
				 w->to.kind == KSIG_TO_PIDFILE))
		w->result = KSIG_TARGET_GONE;
	else if (h->err)
		w->result = KSIG_FAILED;

	if (!__fpending(stdout))
		w->print_by = now + OUTPUT_NS;
	if (ksig_print_event(h, w->json, w->format))
		return KSIG_FAILED;
	/*
	 * flush whole lines before the command starts, because the command writes to the same file
	 */
	if ((w->command || __fpending(stdout) > KSIG_OUTPUT_MAX) && ksig_flush())
		return KSIG_FAILED;
	e->printed += h->lost;
	e->printed_upto += h->lost_upto;
	if (w->command) {
		w->kill_at = KSIG_NEVER;
		w->command_fd = ksig_run(w->command, h, &w->command_pid);
		if (w->command_fd < 0) {
			ksig_error("cannot run '%s': %s", w->command[0],
				   strerror(-w->command_fd));
			return KSIG_FAILED;
		}
	}
	*h = (struct ksig_happening) { };
	w->acted++;
	if (w->every)
		w->not_before = ksig_clock_ns() + w->every;
	return GO_ON;
}

/* -------------------------------------------------------------------- reading */

/*
 * Decides whether to read another event. Only with --every does a newer event replace a waiting
 * one. Otherwise events wait in the provider's queue, which counts lost events.
 */
static bool wants_event(const struct ksig_watch *w)
{
	if (is_enough(w) || w->target_full || w->ended)
		return false;
	/* with --for, notice as soon as possible that a state has ended */
	return w->every || w->lasting.ns || (!w->now.sub && (w->restart || w->command_fd < 0));
}

/* Return: whether an event whose state has lasted can be acted on, or replace one that waits. */
static bool wants_lasting(const struct ksig_watch *w)
{
	return w->lasting.ns && !is_enough(w) && !w->target_full &&
	       (w->every || (!w->now.sub && (w->restart || w->command_fd < 0)));
}

/*
 * Return: whether the events have ended because the process named by the filter has exited. In that
 * case no events are missing.
 */
static bool has_subject_gone(const struct ksig_watch *w, unsigned int spec)
{
	struct ksig_sub_stats st = { .sz = sizeof(st) };

	return ksig_sub_ended(w->sub, spec) == -ESHUTDOWN &&
	       !ksig_sub_spec_stats(w->sub, spec, &st) &&
	       st.flags & KSIG_STATS_SUBJECT_GONE;
}

/* Return: whether there are events to read, including events that do not match the filter. */
static bool is_readable(const struct ksig_watch *w)
{
	struct pollfd p = { .fd = ksig_sub_fd(w->sub), .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* Makes @ev the event to act on next, unless it is to be skipped. */
static void choose(struct ksig_watch *w, const struct ksig_event *ev)
{
	const struct ksig_watched *e = &w->events[ksig_event_spec(ev)];

	if (w->skip) {
		w->skip--;
		return;
	}
	if (w->now.sub)
		w->now.merged++;
	w->now.sub = w->sub;
	w->now.ev = ev;
	w->now.spec = e->text;
	w->now.lost = e->lost - e->printed;
	w->now.lost_upto = e->lost_upto - e->printed_upto;
	w->now.value_field = w->opts.value_field;
}

/* Return: whether more events may be available now. */
static bool read_event(struct ksig_watch *w)
{
	const struct ksig_event *ev;
	int ret = ksig_sub_next(w->sub, 0, &ev), err;
	struct ksig_watched *e;
	unsigned int i;

	w->ended = true;
	for (i = 0; i < w->n; i++) {
		e = &w->events[i];
		err = ksig_sub_ended(w->sub, i);
		w->ended &= err != 0;
		if (!err || e->end_reported)
			continue;
		e->end_reported = true;
		if (w->lasting.ns)
			ksig_for_end(&w->lasting, i);
		/* with --for, the event and the one that ends its state have the same end */
		if (w->lasting.ns && i >= w->lasting.n)
			continue;
		if (has_subject_gone(w, i))
			ksig_note("%s: the process has exited; there will be no more events",
				  e->text);
		else if (err == -ESHUTDOWN)
			ksig_error("%s no longer exists: there will be no more events",
				   ksig_sub_event(w->sub, i));
		else
			ksig_error("%s: %s", ksig_sub_event(w->sub, i),
				   strerror(-err));
	}
	/* a shortage of memory or descriptors may be temporary */
	if (ret < 0 && ret != -EINTR && !w->ended) {
		if (!w->failing)
			ksig_note("%s: %s; trying again", w->n == 1 ?
				  ksig_sub_event(w->sub, 0) : "cannot read events",
				  strerror(-ret));
		w->failing = true;
		return false;
	}
	w->failing = false;
	if (ret != 1)
		return !ret && is_readable(w);

	e = &w->events[ksig_event_spec(ev)];
	ksig_watched_note(e, w->sub, ev);
	if (ksig_event_spec(ev) < n_reported(w))
		ksig_watched_report(e, ksig_sub_event(w->sub, ksig_event_spec(ev)));
	if (e->by_kernel &&
	    !(ev->flags & (KSIG_EVENT_SIGNALLED | KSIG_EVENT_REFUSED)))
		return true;
	if (!w->lasting.ns) {
		choose(w, ev);
	} else if (ksig_for_add(&w->lasting, w->sub, ev)) {
		w->result = KSIG_FAILED;
		w->ended = true;
	}
	return true;
}

/* -------------------------------------------------------------------- waiting */

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Indices of the descriptors to poll; ksig_to_poll() sets TARGET and UNIT. */
enum { EVENTS, COMMAND, STOP, TARGET, UNIT, N_FDS };

static int wait_for(struct ksig_watch *w, struct pollfd fds[N_FDS])
{
	int64_t at = w->more && wants_event(w) ? 0 : w->deadline;
	int64_t now = ksig_clock_ns(), left;
	struct timespec ts = { };
	unsigned int i;

	if (w->target_full || (w->failing && wants_event(w)))
		at = sooner(at, now + RETRY_NS);
	else if (w->now.sub && w->command_fd < 0)
		at = sooner(at, w->not_before);
	else if (w->now.sub && w->restart)
		at = sooner(at, w->kill_at == KSIG_NEVER ? w->not_before : w->kill_at);
	if (wants_lasting(w))
		at = sooner(at, ksig_for_due(&w->lasting));
	for (i = 0; !ksig_is_quiet() && i < n_reported(w); i++)
		at = sooner(at, ksig_watched_report_at(&w->events[i]));

	fds[EVENTS].fd = wants_event(w) && !w->failing ?
			 ksig_sub_fd(w->sub) : -1;
	fds[COMMAND].fd = w->command_fd;
	fds[STOP].fd = ksig_stop_fd();
	fds[EVENTS].events = fds[COMMAND].events = fds[STOP].events = POLLIN;
	w->follow_at = ksig_to_poll(&w->to, &fds[TARGET]);
	at = sooner(at, w->follow_at);
	left = at - ksig_clock_ns();
	if (left > 0) {
		ts.tv_sec = left / KSIG_NS;
		ts.tv_nsec = left % KSIG_NS;
	}
	if (ppoll(fds, N_FDS, at == KSIG_NEVER ? NULL : &ts,
		  ksig_children_mask()) >= 0 ||
	    errno == EINTR)
		return GO_ON;
	ksig_error("cannot wait: %s", strerror(errno));
	return KSIG_FAILED;
}

/*
 * --restart: asks the running command to end, first with TERM, and later with KILL. A command that
 * has changed its user ID may not accept the signal. Then it is left to end by itself.
 */
static void end_command(struct ksig_watch *w)
{
	const int signo = w->kill_at == KSIG_NEVER ? SIGTERM : SIGKILL;
	const int64_t now = ksig_clock_ns();

	if (now < w->not_before || (signo == SIGKILL && now < w->kill_at))
		return;
	w->kill_at = now + END_NS;
	if (!syscall(SYS_pidfd_send_signal, w->command_fd, signo, NULL, 0) || errno == ESRCH)
		return;
	ksig_error("cannot end '%s' for --restart: %s; waiting until it exits", w->command[0],
		   strerror(errno));
	w->kill_at = UNKILLABLE;
}

/*
 * Acts on the available events, oldest first. Output is written when no events are left or after
 * OUTPUT_NS. With --every, output is written after each pass, because there are few lines.
 */
static int drain(struct ksig_watch *w)
{
	const struct ksig_event *ev;
	int ret = GO_ON, i = 0;

	do {
		w->more = wants_event(w) && read_event(w);
		/* read all events first: one of them may end the state */
		if (w->lasting.ns && !w->more)
			ksig_for_check(&w->lasting, w->sub);
		ev = wants_lasting(w) && !w->more ? ksig_for_take(&w->lasting) : NULL;
		if (ev)
			choose(w, ev);
		if (w->restart && w->command_fd >= 0 && w->now.sub)
			end_command(w);
		if (w->now.sub && w->command_fd < 0 && !is_enough(w) &&
		    ksig_clock_ns() >= w->not_before)
			ret = act(w);
	} while (ret == GO_ON && w->more && !ksig_stop_wanted() &&
		 ++i < BATCH);
	if (w->more && !w->every && ksig_clock_ns() < w->print_by)
		return ret;
	return ksig_flush() ? KSIG_FAILED : ret;
}

/* Return: GO_ON or the exit code. */
static int step(struct ksig_watch *w)
{
	struct ksig_sub_stats st = { .sz = sizeof(st) };
	struct ksig_watched *first = w->events;
	struct pollfd fds[N_FDS] = { };
	int ret = wait_for(w, fds), status;
	unsigned int i;

	ksig_children_reap();
	if (ret == GO_ON && fds[COMMAND].revents) {
		close(w->command_fd);
		w->command_fd = -1;
		if (!ksig_child_wait(w->command_pid, &status) && status &&
		    w->kill_at >= UNKILLABLE) {
			w->result = KSIG_FAILED;
			ksig_error(WIFSIGNALED(status) ?
				   "'%s' was killed by signal %d" :
				   "'%s' failed with exit status %d",
				   w->command[0], WIFSIGNALED(status) ?
				   WTERMSIG(status) : WEXITSTATUS(status));
		}
	}
	/* update the target before acting on events, because the unit may have a new process */
	if (fds[UNIT].revents || (fds[TARGET].revents && is_unit(w)) ||
	    ksig_clock_ns() >= w->follow_at)
		ksig_to_follow(&w->to);
	if (ret == GO_ON)
		ret = drain(w);
	if (ret != GO_ON)
		return ret;
	for (i = 0; i < n_reported(w); i++)
		ksig_watched_report(&w->events[i], ksig_sub_event(w->sub, i));
	/* the kernel has counted all events of -n, but lost ones never arrive, so stop here */
	if (first->by_kernel && w->count && !is_enough(w) && !w->now.sub &&
	    !ksig_sub_spec_stats(w->sub, 0, &st) && st.lost && !st.queued &&
	    st.offered >= first->last) {
		ksig_error("%" PRIu64 " events of %s were lost in total, %" PRIu64 " of which count towards -n: the kernel has sent %" PRIu64 " signals",
			   st.lost, ksig_sub_event(w->sub, 0), w->count - w->acted,
			   st.signals);
		w->acted = w->count;
		first->lost = st.lost;
		first->reported = first->lost;
	}
	if (is_enough(w) && w->command_fd < 0)
		return w->result;
	if (ksig_clock_ns() >= w->deadline)
		return w->result ? w->result : KSIG_TIMED_OUT;
	if (w->ended && !w->now.sub && w->command_fd < 0) {
		/*
		 * no events are missing if every filter names a process and all of these processes
		 * have exited
		 */
		for (i = 0; i < w->n && has_subject_gone(w, i); i++)
			;
		return w->result || i == w->n ? w->result : KSIG_NOT_HERE;
	}
	if (fds[TARGET].revents && !ksig_to_follow(&w->to) && !is_unit(w)) {
		ksig_error("process %d has exited", w->to.pid);
		return KSIG_TARGET_GONE;
	}
	return GO_ON;
}

/* --------------------------------------------------------------------- the end */

int ksig_watch_loop(struct ksig_watch *w)
{
	uint64_t n[KSIG_SUB_SPECS] = { }, left = (uint64_t)w->n * KSIG_QUEUE_MAX;
	struct ksig_sub_stats st = { .sz = sizeof(st) };
	const struct ksig_event *ev;
	int ret = GO_ON, err;
	unsigned int i;
	bool enough;

	w->command_fd = -1;
	w->deadline = w->timeout ? ksig_clock_ns() + w->timeout : KSIG_NEVER;
	while (ret == GO_ON && !ksig_stop_wanted())
		ret = step(w);
	if (w->command_fd >= 0) {
		/* use the pidfd, because the child may have been reaped */
		if (!syscall(SYS_pidfd_send_signal, w->command_fd, SIGTERM,
			     NULL, 0))
			ksig_error("'%s' was still running and was sent TERM",
				   w->command[0]);
		close(w->command_fd);
	}

	/*
	 * Count the events that were not acted on because the watch ended. New events may keep
	 * arriving, so the count is limited to the capacity of the longest possible queues.
	 */
	enough = is_enough(w);
	if (w->now.sub)
		n[ksig_event_spec(w->now.ev)] = 1 + w->now.merged;
	if (w->lasting.ns)
		ksig_for_count(&w->lasting, n);
	/* with --for, events that were not read are about states that have not lasted */
	while (!enough && !w->ended && !w->lasting.ns && left--) {
		err = ksig_sub_next(w->sub, 0, &ev);
		if (err < 0 || (!err && !is_readable(w)))
			break;
		if (!err || w->events[ksig_event_spec(ev)].by_kernel)
			continue;
		n[ksig_event_spec(ev)] += !w->skip;
		w->skip -= !!w->skip;
	}
	for (i = 0; !enough && i < w->n; i++) {
		if (n[i])
			ksig_error(n[i] == 1 ?
				   "%" PRIu64 " event of %s was not acted on" :
				   "%" PRIu64 " events of %s were not acted on",
				   n[i], ksig_sub_event(w->sub, i));
	}
	for (i = 0; i < n_reported(w); i++) {
		/* losses after the last event appear only in the counters */
		if (!enough && !ksig_sub_spec_stats(w->sub, i, &st)) {
			if (st.lost > w->events[i].lost)
				w->events[i].lost = st.lost;
			w->events[i].lost_upto = st.lost_upto;
		}
		ksig_watched_report_last(&w->events[i], w->sub, i, w->json);
	}
	return ret;
}
