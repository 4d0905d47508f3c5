// SPDX-License-Identifier: MIT
/* ksig watch */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ksig/libksig.h>

#include "cli.h"
#include "watch.h"

static const char help[] =
"Usage: ksig watch [OPTIONS] EVENT... [-- CMD ARG...]\n"
"Print kernel events, signal a process at each, or run a command at each.\n"
"\n"
"Examples:\n"
"  ksig watch net.up:ifname=eth0 --to unit:nginx.service -s HUP\n"
"  ksig watch process.exit:pid=4242 -n1\n"
"  ksig watch power.resume -- ssh -O exit host\n"
"\n"
"  -n, --count N       exit after N events\n"
"  -t, --timeout TIME  exit after TIME (2s, 500ms, 1h) with status 3\n"
"      --every TIME    act at most once per TIME: at once, then on the latest\n"
"      --skip N        ignore the first N events\n"
"      --to TARGET     signal a pid, pidfile:PATH, unit:NAME or subject\n"
"  -s, --signal SIG    send this signal, a name or number; needed with --to\n"
"      --force         send HUP, USR1 or USR2 even if the target would be killed\n"
"      --value FIELD   send this numeric field as the signal's value\n"
"      --queue N       keep up to N events that come faster than they are handled\n"
"      --self          report processes that this watch has started, too\n"
"      --provider P    use module, bpf or native (default: the best available)\n"
"  -q, --quiet         print only errors on standard error, no notes\n"
"      --json          print one JSON object per line\n"
"  -h, --help          print this text\n"
"\n"
"EVENT is NAME[:KEY OP VALUE,...], OP one of = != < <= > >= &. Quote shell\n"
"metacharacters such as < > &. 'ksig events' lists the names, ksig-events(7) the\n"
"fields; ksig-watch(1) has the details.\n"
"CMD runs without a shell, with the event in KSIG_EVENT, KSIG_PID and so on.\n"
"\n"
"Exit status: 0 done, 1 failed, 2 usage, 3 timed out, 4 target gone,\n"
"5 not available here.\n";

#define NS 1000000000LL
#define NEVER INT64_MAX
/* Room in a target must be found without an event. */
#define RETRY_NS (10 * 1000000LL)
/* A target that is merely busy is not worth a word. */
#define TELL_HELD_NS NS
/* Gaps are summed up for so long. */
#define GAP_NS NS
/* So many events a queue holds at most, and ksig_sub_next() passes over at once. */
#define QUEUE_MAX 65536
#define PASSED_OVER 64
#define QUEUE_DEFAULT 8192
#define OUTPUT_MAX 65536
/* What is printed is written so soon, though there is more to do. */
#define OUTPUT_NS (NS / 10)
/* Events that are acted on before anything else is looked at, output included. */
#define BATCH 256

/**
 * struct source - an event as written, and where it comes from
 * @name: as written
 * @sub: its subscription
 * @next: its oldest event, if that has been read and is to wait for older ones of
 *	other sources; valid until the subscription is read again
 * @over: no more will come
 * @ended: for the process that its filter names has exited
 * @failing: it could not be read the last time, and is tried again
 * @told: so many of its lost events were reported
 * @lost: of its events so many were lost, as far as is known
 * @lost_upto: and so many more may have been
 * @told_upto: so many of these were reported
 * @printed: so many of @lost are in what was printed for programs: the
 *	events' lines, commands' environments and signals
 * @printed_upto: so many of @lost_upto are
 * @report_at: when more may be reported
 * @by_kernel: the kernel signals, and marks the events at which it does
 * @last: once so many were offered it does no more
 */
struct source {
	const char *name;
	struct ksig_sub *sub;
	const struct ksig_event *next;
	bool over;
	bool ended;
	bool failing;
	uint64_t told;
	uint64_t lost;
	uint64_t lost_upto;
	uint64_t told_upto;
	uint64_t printed;
	uint64_t printed_upto;
	int64_t report_at;
	bool by_kernel;
	uint64_t last;
};

/**
 * struct watch - all that there is to know
 * @count: so many are to be acted on; 0: no end
 * @timeout: for so long; 0: for ever
 * @every: at most once in this time; 0: always
 * @skip: so many events are passed over, still
 * @json: print so
 * @has_to: @to is used
 * @to: who is signalled
 * @command: what is run, or NULL
 * @opts: for all subscriptions
 * @sources: one an event
 * @n_sources: number of @sources
 * @now: the event that is to be acted on; sub is NULL if there is none
 * @source: where it comes from
 * @more: there may be more events than were acted on at once
 * @held: the target has no room for it
 * @print_by: when what is printed must be written
 * @tell_held: when that is to be said; NEVER: it was
 * @not_before: when the next may be acted on
 * @deadline: when all is over
 * @follow_at: when a unit has to be asked again, or its answer is late
 * @command_fd: pidfd of the command that runs, -1: none does
 * @command_pid: its pid
 * @acted: what was acted on
 * @result: exit code, when it ends well
 */
struct watch {
	uint64_t count;
	int64_t timeout;
	int64_t every;
	uint64_t skip;
	bool json;
	bool has_to;
	struct ksig_to to;
	char *const *command;
	struct ksig_sub_opts opts;
	struct source *sources;
	int n_sources;
	struct ksig_happening now;
	struct source *source;
	bool more;
	bool held;
	int64_t print_by;
	int64_t tell_held;
	int64_t not_before;
	int64_t deadline;
	int64_t follow_at;
	int command_fd;
	pid_t command_pid;
	uint64_t acted;
	int result;
};

/* What step functions give: go on, or end with an exit code. */
#define GO_ON (-1)

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

/* ----------------------------------------------------------------- subscribing */

static int exit_code(int err)
{
	switch (err) {
	case -EINVAL:
	case -ENOENT:
		return KSIG_USAGE;
	case -ESRCH:
		return KSIG_TARGET_GONE;
	case -EOPNOTSUPP:
		return KSIG_NOT_HERE;
	}
	return KSIG_FAILED;
}

static void tell_log(void *ctx, const char *line)
{
	(void)ctx;
	ksig_note("%s", line);
}

/*
 * Without a command, nothing that is left out can happen, except that a tracepoint
 * is hit by this process itself. A channel can leave out the processes of a limited
 * number of subscriptions only.
 */
static bool skips_own(const struct watch *w, const char *event)
{
	return w->command || !strncmp(event, "trace.", 6);
}

static int open_source(struct watch *w, struct source *source)
{
	struct ksig_sub_opts opts = w->opts;
	unsigned int column = 0;
	char text[1024] = "";
	int err;

	opts.sz = sizeof(opts);
	opts.err = text;
	opts.err_size = sizeof(text);
	opts.err_column = &column;
	opts.log = tell_log;
	if (!skips_own(w, source->name))
		opts.flags &= ~KSIG_SUB_SKIP_OWN;
	if (!opts.queue_len)
		opts.queue_len = QUEUE_DEFAULT;
	err = ksig_sub_open(source->name, &opts, &source->sub);
	/* as much as RLIMIT_MEMLOCK lets the module have; if asked for, all */
	while (err == -ENOBUFS && !w->opts.queue_len &&
	       opts.queue_len > KSIG_QUEUE_MIN) {
		opts.queue_len /= 2;
		err = ksig_sub_open(source->name, &opts, &source->sub);
	}
	if (!err && opts.queue_len < QUEUE_DEFAULT && !w->opts.queue_len)
		ksig_note("%s: the queue has room for %u events: RLIMIT_MEMLOCK allows no more",
			  source->name, opts.queue_len);
	if (!err)
		return KSIG_DONE;
	if (!*text)
		snprintf(text, sizeof(text), "%s", strerror(-err));
	if (err == -ENOENT)
		ksig_suggest(source->name, text, sizeof(text));
	if (column)
		ksig_error("%s, column %u: %s", source->name, column, text);
	else
		ksig_error("%s", text);
	return exit_code(err);
}

static int open_all(struct watch *w, char *const *names)
{
	int i, ret = KSIG_DONE;

	w->sources = calloc(w->n_sources, sizeof(*w->sources));
	if (!w->sources) {
		ksig_error("out of memory");
		return KSIG_FAILED;
	}
	for (i = 0; !ret && i < w->n_sources; i++) {
		w->sources[i].name = names[i];
		ret = open_source(w, &w->sources[i]);
	}
	return ret;
}

static bool is_about_processes(const struct ksig_sub *sub)
{
	const struct ksig_event ev = { };
	struct ksig_field f = { .sz = sizeof(f) };

	return !ksig_event_get(sub, &ev, "pid", &f) ||
	       !strncmp(ksig_sub_event(sub), "trace.", 6);
}

/*
 * What this process starts stays recognisable: a watch on processes leaves it
 * out, or a command would cause the next one.
 */
static int adopt_children(const struct watch *w)
{
	int i;

	if (!w->opts.flags || !w->command)
		return KSIG_DONE;
	for (i = 0; i < w->n_sources; i++) {
		if (is_about_processes(w->sources[i].sub))
			return ksig_children_adopt();
	}
	return KSIG_DONE;
}

/* A link's number, or a cpu's, is some process's number as well. */
static int check_subjects(const struct watch *w)
{
	const struct ksig_event ev = { };
	struct ksig_field f = { .sz = sizeof(f) };
	int i;

	if (!w->has_to || w->to.kind != KSIG_TO_SUBJECT)
		return KSIG_DONE;
	for (i = 0; i < w->n_sources; i++) {
		const struct ksig_sub *sub = w->sources[i].sub;

		if (ksig_event_get(sub, &ev, "pid", &f) &&
		    ksig_event_get(sub, &ev, "current.pid", &f)) {
			ksig_error("--to subject cannot be used with %s: it is not about a process",
				   ksig_sub_event(sub));
			return KSIG_USAGE;
		}
		if (!strcmp(ksig_sub_event(sub), "process.exit")) {
			ksig_error("--to subject cannot be used with process.exit: the process has exited and cannot be signalled");
			return KSIG_USAGE;
		}
		if (!strcmp(ksig_sub_event(sub), "memory.kill") &&
		    !strcmp(ksig_sub_provider(sub), "native")) {
			ksig_error("--to subject cannot be used with memory.kill by native: it doesn't report the process (bpf and module do)");
			return KSIG_NOT_HERE;
		}
	}
	return KSIG_DONE;
}

/* Those before it counts have no mark, and pass. */
static int signal_by_kernel(struct watch *w, struct source *s)
{
	uint64_t count = w->count ? w->count : UINT64_MAX;
	struct ksig_sub_stats st = { .sz = sizeof(st) };
	int err;

	err = ksig_sub_kill_current(s->sub, w->to.signo, w->skip, count,
				    ksig_to_careful(&w->to) ?
				    KSIG_KILL_READY : 0);
	if (err == -EOPNOTSUPP) {
		ksig_error("%s: the kernel can't apply the whole filter, so it can't signal the running task",
			   s->name);
		return KSIG_USAGE;
	}
	if (err == -EPERM) {
		ksig_error("%s: signalling the running task needs CAP_KILL: try sudo",
			   s->name);
		return KSIG_FAILED;
	}
	if (!err)
		err = ksig_sub_stats(s->sub, &st);
	if (err) {
		ksig_error("%s: %s", s->name, strerror(-err));
		return KSIG_FAILED;
	}
	s->by_kernel = true;
	if (__builtin_add_overflow(st.offered, w->skip, &s->last) ||
	    __builtin_add_overflow(s->last, count, &s->last))
		s->last = UINT64_MAX;
	return KSIG_DONE;
}

static bool is_current(const struct watch *w, const char *name)
{
	return w->has_to && w->to.kind == KSIG_TO_SUBJECT &&
	       !strncmp(name, "trace.", 6);
}

static int signal_current(struct watch *w)
{
	int i, ret = KSIG_DONE;

	for (i = 0; !ret && i < w->n_sources; i++) {
		if (is_current(w, w->sources[i].name))
			ret = signal_by_kernel(w, &w->sources[i]);
	}
	/* what was to be skipped is by the only one that there is */
	if (i && w->sources[0].by_kernel)
		w->skip = 0;
	return ret;
}

static void tell_watching(const struct watch *w)
{
	const struct source *s = w->sources;
	int i;

	if (ksig_is_quiet())
		return;
	fputs("ksig: watching ", stderr);
	for (i = 0; i < w->n_sources; i++)
		fprintf(stderr, "%s%s (%s%s)", i ? ", " : "", s[i].name,
			ksig_sub_provider(s[i].sub),
			ksig_sub_in_kernel(s[i].sub) ? "" : ", filtered here");
	fputc('\n', stderr);
}

static void close_all(struct watch *w)
{
	int i;

	for (i = 0; w->sources && i < w->n_sources; i++)
		ksig_sub_close(w->sources[i].sub);
	free(w->sources);
	ksig_to_close(&w->to);
}

/* ---------------------------------------------------------------- the command */

static int start_command(struct watch *w)
{
	int fd = ksig_run(w->command, &w->now, &w->command_pid);

	if (fd < 0) {
		ksig_error("cannot run '%s': %s", w->command[0],
			   strerror(-fd));
		return KSIG_FAILED;
	}
	w->command_fd = fd;
	return GO_ON;
}

static void command_ended(struct watch *w)
{
	int status;

	close(w->command_fd);
	w->command_fd = -1;
	if (ksig_child_wait(w->command_pid, &status) || !status)
		return;
	w->result = KSIG_FAILED;
	if (WIFSIGNALED(status))
		ksig_error("'%s' was killed by signal %d", w->command[0],
			   WTERMSIG(status));
	else
		ksig_error("'%s' failed with exit status %d", w->command[0],
			   WEXITSTATUS(status));
}

static void stop_command(struct watch *w)
{
	if (w->command_fd < 0)
		return;
	/* by its pidfd: it may have been reaped */
	if (!syscall(SYS_pidfd_send_signal, w->command_fd, SIGTERM, NULL, 0))
		ksig_error("'%s' was still running and was sent TERM",
			   w->command[0]);
	close(w->command_fd);
	w->command_fd = -1;
}

/* ------------------------------------------------------------------- an event */

static void hold(struct watch *w)
{
	if (!w->held)
		w->tell_held = clock_ns() + TELL_HELD_NS;
	w->held = true;
	if (clock_ns() < w->tell_held)
		return;
	ksig_error("process %d is not consuming its pending signals: delivery of %s is stalled",
		   w->to.pid, ksig_sub_event(w->now.sub));
	w->tell_held = NEVER;
}

/* Nobody will ever take it, or it can be tried again. */
static int signal_target(struct watch *w)
{
	struct ksig_happening *h = &w->now;
	struct ksig_field value;

	ksig_happening_value(h, &value);
	h->to = &w->to;
	h->err = ksig_to_send(&w->to, h->sub, h->ev,
			      value.type == KSIG_FIELD_SIGNED ?
			      (uint64_t)value.s : value.u, h->lost);
	if (h->err == -EAGAIN) {
		hold(w);
		return GO_ON;
	}
	w->held = false;
	if (h->err == -ESRCH && (w->to.kind == KSIG_TO_PID ||
				 w->to.kind == KSIG_TO_PIDFILE))
		w->result = KSIG_TARGET_GONE;
	else if (h->err)
		w->result = KSIG_FAILED;
	return GO_ON;
}

static int act(struct watch *w)
{
	int ret = GO_ON;

	if (w->has_to)
		ret = signal_target(w);
	if (w->held)
		return GO_ON;
	if (!__fpending(stdout))
		w->print_by = clock_ns() + OUTPUT_NS;
	if (ksig_print_event(&w->now, w->json))
		return KSIG_FAILED;
	/* what is written ends with a line */
	if (__fpending(stdout) > OUTPUT_MAX / 2 && ksig_flush())
		return KSIG_FAILED;
	w->source->printed += w->now.lost;
	w->source->printed_upto += w->now.lost_upto;
	/* the command writes to the same place */
	if (w->command)
		ret = ksig_flush() ? KSIG_FAILED : start_command(w);
	w->now = (struct ksig_happening) { };
	w->acted++;
	if (w->every)
		w->not_before = clock_ns() + w->every;
	return ret;
}

static bool enough(const struct watch *w)
{
	return w->count && w->acted >= w->count;
}

static bool may_act(const struct watch *w)
{
	return w->now.sub && w->command_fd < 0 && !enough(w) &&
	       clock_ns() >= w->not_before;
}

/*
 * May another event be read? Only --every lets a newer one replace one that
 * waits; else they wait in the provider's queue, which counts what it loses.
 */
static bool wants_event(const struct watch *w)
{
	if (enough(w) || w->held)
		return false;
	return w->every || (!w->now.sub && w->command_fd < 0);
}

/* Losses that were not reported yet. */
static bool has_gap(const struct source *s)
{
	return s->lost != s->told || s->lost_upto != s->told_upto;
}

static void say_lost(struct source *s)
{
	uint64_t n = s->lost - s->told, upto = s->lost_upto - s->told_upto;

	if (n)
		ksig_error("%" PRIu64 " event%s of %s %s lost", n,
			   n == 1 ? "" : "s", ksig_sub_event(s->sub),
			   n == 1 ? "was" : "were");
	if (upto)
		ksig_error("up to %" PRIu64 " events of %s may have been lost",
			   upto, ksig_sub_event(s->sub));
	s->told = s->lost;
	s->told_upto = s->lost_upto;
}

/* At most one line in a while, or gaps would be louder than events. */
static void report_gap(struct source *s)
{
	if (!has_gap(s) || ksig_is_quiet() || clock_ns() < s->report_at)
		return;
	say_lost(s);
	s->report_at = clock_ns() + GAP_NS;
}

static void take_event(struct watch *w, struct source *s,
		       const struct ksig_event *ev)
{
	struct ksig_sub_stats st = { .sz = sizeof(st) };

	s->lost += ev->lost_before;
	if (ev->flags & KSIG_EVENT_LOST_UPTO && !ksig_sub_stats(s->sub, &st))
		s->lost_upto = st.lost_upto;
	report_gap(s);
	if (s->by_kernel &&
	    !(ev->flags & (KSIG_EVENT_SIGNALLED | KSIG_EVENT_REFUSED)))
		return;
	if (w->skip) {
		w->skip--;
		return;
	}
	if (w->now.sub)
		w->now.merged++;
	w->source = s;
	w->now.sub = s->sub;
	w->now.ev = ev;
	w->now.lost = s->lost - s->printed;
	w->now.lost_upto = s->lost_upto - s->printed_upto;
	w->now.value_field = w->opts.value_field;
}

/* The kernel has counted to the end, and some of that was lost on the way. */
static void check_through(struct watch *w)
{
	struct source *s = w->sources;
	struct ksig_sub_stats st = { .sz = sizeof(st) };

	if (!s->by_kernel || !w->count || enough(w) || w->now.sub || s->next ||
	    ksig_sub_stats(s->sub, &st) || !st.lost || st.queued ||
	    st.offered < s->last)
		return;
	ksig_error("%llu events of %s were lost in total, %" PRIu64 " of which count for -n: the kernel has sent %llu signals",
		   (unsigned long long)st.lost, ksig_sub_event(s->sub),
		   w->count - w->acted, (unsigned long long)st.signals);
	w->acted = w->count;
	s->lost = st.lost;
	s->told = s->lost;
}

/*
 * What is missing here, memory or a descriptor, may be there in a moment: it is no
 * end of the events.
 */
static bool will_pass(struct source *s, int err)
{
	if (err != -ENOMEM && err != -EMFILE && err != -ENFILE)
		return false;
	if (!s->failing)
		ksig_note("%s: %s; trying again",
			   ksig_sub_event(s->sub), strerror(-err));
	s->failing = true;
	return true;
}

static void source_over(struct source *s, int err)
{
	struct ksig_sub_stats st = { .sz = sizeof(st) };

	s->ended = err == -ESHUTDOWN && !ksig_sub_stats(s->sub, &st) &&
		   st.flags & KSIG_STATS_SUBJECT_GONE;
	if (s->ended)
		ksig_note("%s: the process has exited; there will be no more events",
			   s->name);
	else if (err == -ESHUTDOWN)
		ksig_error("%s no longer exists: there will be no more events",
			   ksig_sub_event(s->sub));
	else
		ksig_error("%s: %s", ksig_sub_event(s->sub), strerror(-err));
	s->over = true;
}

/*
 * As ksig_sub_next(), but 0 means that none is there: where the library filters, that
 * passes over a number of events at a time.
 */
static int next_event(struct source *s)
{
	struct pollfd p = { .fd = ksig_sub_fd(s->sub), .events = POLLIN };
	int i, ret = 0;

	for (i = 0; !ret && i < QUEUE_MAX / PASSED_OVER; i++) {
		ret = ksig_sub_next(s->sub, 0, &s->next);
		if (ksig_sub_in_kernel(s->sub) || poll(&p, 1, 0) <= 0)
			break;
	}
	return ret;
}

/* Reads where no event waits. Return: whether there was one. */
static bool read_sources(struct watch *w)
{
	bool found = false;
	struct source *s;
	int i, ret;

	for (i = 0; i < w->n_sources; i++) {
		s = &w->sources[i];
		if (s->over || s->next)
			continue;
		ret = next_event(s);
		if (ret < 0 && will_pass(s, ret))
			continue;
		s->failing = false;
		if (ret == 1)
			found = true;
		else if (ret && ret != -EINTR)
			source_over(s, ret);
	}
	return found;
}

/*
 * Takes the oldest event of all sources. One that another caused is behind it: when
 * the later one was found, the earlier one had been queued. So after each that is
 * found, the sources that had none are read again.
 *
 * Return: whether there was one.
 */
static bool read_event(struct watch *w)
{
	struct source *s, *oldest = NULL;
	const struct ksig_event *ev;
	int i;

	while (read_sources(w))
		;
	for (i = 0; i < w->n_sources; i++) {
		s = &w->sources[i];
		if (s->next && (!oldest ||
				s->next->time_ns < oldest->next->time_ns))
			oldest = s;
	}
	if (!oldest)
		return false;
	ev = oldest->next;
	oldest->next = NULL;
	take_event(w, oldest, ev);
	return true;
}

static bool any_failing(const struct watch *w)
{
	int i;

	for (i = 0; i < w->n_sources; i++) {
		if (w->sources[i].failing)
			return true;
	}
	return false;
}

static bool any_waits(const struct watch *w)
{
	int i;

	for (i = 0; i < w->n_sources; i++) {
		if (w->sources[i].next)
			return true;
	}
	return false;
}

static bool all_over(const struct watch *w)
{
	int i;

	for (i = 0; i < w->n_sources; i++) {
		if (!w->sources[i].over || w->sources[i].next)
			return false;
	}
	return true;
}

/* Each filter named one process, and that has exited: nothing is missing. */
static bool all_ended(const struct watch *w)
{
	int i;

	for (i = 0; i < w->n_sources; i++) {
		if (!w->sources[i].ended)
			return false;
	}
	return true;
}

/* -------------------------------------------------------------------- waiting */

static int target_ended(struct watch *w)
{
	if (ksig_to_follow(&w->to) || w->to.kind == KSIG_TO_UNIT)
		return GO_ON;
	ksig_error("process %d has exited", w->to.pid);
	return KSIG_TARGET_GONE;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t wake_up_at(const struct watch *w)
{
	int64_t at = w->deadline;
	int i;

	if (w->more || (any_waits(w) && wants_event(w)))
		return 0;
	if (w->held || (any_failing(w) && wants_event(w)))
		at = sooner(at, clock_ns() + RETRY_NS);
	else if (w->now.sub && w->command_fd < 0)
		at = sooner(at, w->not_before);
	for (i = 0; !ksig_is_quiet() && i < w->n_sources; i++) {
		if (has_gap(&w->sources[i]))
			at = sooner(at, w->sources[i].report_at);
	}
	return at;
}

static bool may_have_one(const struct source *s)
{
	return !s->over && !s->failing;
}

static int wait_for(struct watch *w, struct pollfd *fds)
{
	int64_t at = wake_up_at(w), left;
	struct timespec ts = { };
	int i;

	for (i = 0; i < w->n_sources; i++)
		fds[i] = (struct pollfd) {
			.fd = may_have_one(&w->sources[i]) && wants_event(w) ?
			      ksig_sub_fd(w->sources[i].sub) : -1,
			.events = POLLIN,
		};
	fds[i].fd = w->command_fd;
	fds[i + 1].fd = ksig_stop_fd();
	fds[i].events = fds[i + 1].events = POLLIN;
	w->follow_at = ksig_to_poll(&w->to, &fds[i + 2]);
	at = sooner(at, w->follow_at);
	left = at - clock_ns();
	if (left > 0) {
		ts.tv_sec = left / NS;
		ts.tv_nsec = left % NS;
	}
	if (ppoll(fds, w->n_sources + 4, at == NEVER ? NULL : &ts,
		  ksig_children_mask()) >= 0 ||
	    errno == EINTR)
		return GO_ON;
	ksig_error("cannot wait: %s", strerror(errno));
	return KSIG_FAILED;
}

/*
 * Acts on what there is, oldest first. Output is written when nothing is left, or
 * when it has waited for OUTPUT_NS. With --every a line is rare.
 */
static int drain(struct watch *w)
{
	int ret = GO_ON, i = 0;

	do {
		w->more = wants_event(w) && read_event(w);
		if (may_act(w))
			ret = act(w);
	} while (ret == GO_ON && w->more && !ksig_stop_wanted() &&
		 ++i < BATCH);
	if (w->more && !w->every && clock_ns() < w->print_by)
		return ret;
	return ksig_flush() ? KSIG_FAILED : ret;
}

/* Return: GO_ON, or the exit code. */
static int step(struct watch *w, struct pollfd *fds)
{
	const struct pollfd *command = fds + w->n_sources;
	const struct pollfd *target = command + 2, *unit = command + 3;
	int ret = wait_for(w, fds), i;

	ksig_children_reap();
	if (ret == GO_ON && command->revents)
		command_ended(w);
	if (unit->revents || clock_ns() >= w->follow_at)
		ksig_to_follow(&w->to);
	if (ret == GO_ON)
		ret = drain(w);
	if (ret != GO_ON)
		return ret;
	for (i = 0; i < w->n_sources; i++)
		report_gap(&w->sources[i]);
	check_through(w);
	if (enough(w) && w->command_fd < 0)
		return w->result;
	if (clock_ns() >= w->deadline)
		return w->result ? w->result : KSIG_TIMED_OUT;
	if (all_over(w) && !w->now.sub && w->command_fd < 0)
		return w->result || all_ended(w) ? w->result : KSIG_NOT_HERE;
	return target->revents ? target_ended(w) : GO_ON;
}

/*
 * Those that the time was too short for, or the target gone. No more than the
 * longest queue holds, for others may come all the time.
 */
static void tell_undone(struct watch *w, struct source *s)
{
	uint64_t n = w->now.sub == s->sub ? 1 + w->now.merged : 0;
	struct pollfd p = { .fd = ksig_sub_fd(s->sub), .events = POLLIN };
	const struct ksig_event *ev;
	struct ksig_sub_stats st = { .sz = sizeof(st) };
	int ret, i;

	if (s->next && !s->by_kernel) {
		n += !w->skip;
		w->skip -= !!w->skip;
	}
	for (i = 0; !s->over && !s->by_kernel && i < QUEUE_MAX;
	     i += ret ? 1 : PASSED_OVER) {
		ret = ksig_sub_next(s->sub, 0, &ev);
		/* nothing came, or nothing that passes the filter */
		if (ret < 0 || (!ret && poll(&p, 1, 0) <= 0))
			break;
		if (!ret)
			continue;
		n += !w->skip;
		w->skip -= !!w->skip;
	}
	/* no event reports what was lost last */
	if (!ksig_sub_stats(s->sub, &st)) {
		if (st.lost > s->lost)
			s->lost = st.lost;
		s->lost_upto = st.lost_upto;
	}
	if (n)
		ksig_error(n == 1 ?
			   "%" PRIu64 " event of %s was not acted on" :
			   "%" PRIu64 " events of %s were not acted on",
			   n, ksig_sub_event(s->sub));
}

/* Those of which no event's line tells. */
static void tell_last_losses(struct watch *w, struct source *s)
{
	uint64_t lost = s->lost - s->printed;
	uint64_t upto = s->lost_upto - s->printed_upto;

	say_lost(s);
	if (w->json && (lost || upto))
		ksig_print_loss(s->sub, lost, upto);
}

static int loop(struct watch *w)
{
	struct pollfd *fds = calloc(w->n_sources + 4, sizeof(*fds));
	int ret = GO_ON, i;

	if (!fds) {
		ksig_error("out of memory");
		return KSIG_FAILED;
	}
	w->deadline = w->timeout ? clock_ns() + w->timeout : NEVER;
	while (ret == GO_ON && !ksig_stop_wanted())
		ret = step(w, fds);
	free(fds);
	stop_command(w);
	for (i = 0; i < w->n_sources; i++) {
		if (!enough(w))
			tell_undone(w, &w->sources[i]);
		tell_last_losses(w, &w->sources[i]);
	}
	return ret;
}

static int watch(struct watch *w, char *const *names)
{
	int ret = w->has_to ? ksig_to_open(&w->to) : KSIG_DONE;

	if (!ret)
		ret = open_all(w, names);
	if (!ret)
		ret = check_subjects(w);
	if (!ret)
		ret = signal_current(w);
	if (!ret)
		ret = adopt_children(w);
	if (!ret)
		ret = ksig_stop_catch();
	if (!ret) {
		tell_watching(w);
		ret = loop(w);
	}
	close_all(w);
	return ret;
}

/* -------------------------------------------------------------------- options */

enum { EVERY = 256, SKIP, TO, FORCE, VALUE, PROVIDER, QUEUE, JSON, SELF };

static const struct option options[] = {
	{ "count", required_argument, NULL, 'n' },
	{ "timeout", required_argument, NULL, 't' },
	{ "every", required_argument, NULL, EVERY },
	{ "skip", required_argument, NULL, SKIP },
	{ "to", required_argument, NULL, TO },
	{ "signal", required_argument, NULL, 's' },
	{ "force", no_argument, NULL, FORCE },
	{ "value", required_argument, NULL, VALUE },
	{ "provider", required_argument, NULL, PROVIDER },
	{ "queue", required_argument, NULL, QUEUE },
	{ "json", no_argument, NULL, JSON },
	{ "self", no_argument, NULL, SELF },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static int bad_count(const char *s)
{
	ksig_error("invalid number of events '%s': expected 1 or more", s);
	return KSIG_USAGE;
}

static int take_time(const char *s, int64_t *ns)
{
	if (!ksig_parse_time(s, ns))
		return KSIG_DONE;
	ksig_error("invalid time '%s': expected seconds, or a number with us, ms, s, m, h or d",
		   s);
	return KSIG_USAGE;
}

static int take_signal(struct watch *w, const char *s)
{
	return ksig_parse_signo(s, &w->to.signo) ? ksig_bad_signo(s) :
						   KSIG_DONE;
}

/* Queues hold a power of two: that many or more. */
static int take_queue(struct watch *w, const char *s)
{
	uint64_t n;

	if (ksig_parse_count(s, &n) || n > KSIG_QUEUE_MAX) {
		ksig_error("invalid queue length '%s': expected 1 to %d events",
			   s, KSIG_QUEUE_MAX);
		return KSIG_USAGE;
	}
	w->opts.queue_len = KSIG_QUEUE_MIN;
	while (w->opts.queue_len < n)
		w->opts.queue_len *= 2;
	return KSIG_DONE;
}

/* Return: an exit code; 0: all is well. */
static int take_option(struct watch *w, int opt, const char *arg)
{
	switch (opt) {
	case 'n':
		return ksig_parse_count(arg, &w->count) ? bad_count(arg) : 0;
	case 't':
		return take_time(arg, &w->timeout);
	case EVERY:
		return take_time(arg, &w->every);
	case SKIP:
		return ksig_parse_count(arg, &w->skip) ? bad_count(arg) : 0;
	case TO:
		w->has_to = true;
		return ksig_to_parse(arg, &w->to);
	case 's':
		return take_signal(w, arg);
	case FORCE:
		w->to.force = true;
		return 0;
	case VALUE:
		w->opts.value_field = arg;
		return 0;
	case PROVIDER:
		w->opts.provider = arg;
		return 0;
	case QUEUE:
		return take_queue(w, arg);
	case JSON:
		w->json = true;
		return 0;
	case 'q':
		ksig_be_quiet();
		return 0;
	case SELF:
		w->opts.flags &= ~KSIG_SUB_SKIP_OWN;
		return 0;
	}
	return ksig_usage(&ksig_cmd_watch);
}

static int check_current(const struct watch *w, char *const *names)
{
	int i = 0;

	while (i < w->n_sources && !is_current(w, names[i]))
		i++;
	if (i == w->n_sources)
		return KSIG_DONE;
	if (w->every) {
		ksig_error("--every cannot be used with --to subject and %s: the kernel sends these signals immediately",
			   names[i]);
		return ksig_usage(&ksig_cmd_watch);
	}
	if (w->n_sources > 1 && (w->count || w->skip)) {
		ksig_error("with --to subject and %s, -n and --skip allow only one EVENT: the kernel counts",
			   names[i]);
		return ksig_usage(&ksig_cmd_watch);
	}
	return KSIG_DONE;
}

static int check_options(const struct watch *w, char *const *names)
{
	if (!w->n_sources) {
		ksig_error("missing EVENT: 'ksig events' lists them");
		return ksig_usage(&ksig_cmd_watch);
	}
	if (w->command && w->has_to) {
		ksig_error("--to and a command cannot be used together");
		return ksig_usage(&ksig_cmd_watch);
	}
	if (w->command && !w->command[0]) {
		ksig_error("missing command after '--'");
		return ksig_usage(&ksig_cmd_watch);
	}
	if ((w->to.signo || w->to.force) && !w->has_to) {
		ksig_error("%s requires --to TARGET",
			   w->to.signo ? "-s" : "--force");
		return ksig_usage(&ksig_cmd_watch);
	}
	if (w->has_to && !w->to.signo) {
		ksig_error("--to needs a signal: give -s SIG, such as -s HUP, or -s RTMIN+10 for one that carries the event's value");
		return ksig_usage(&ksig_cmd_watch);
	}
	if (w->command && ksig_run_check(w->command[0]))
		return KSIG_USAGE;
	return check_current(w, names);
}

/*
 * getopt_long() moves what is no option to the end, where "--" would not part
 * events and command any more. So it sees only what is before.
 */
static int split_command(struct watch *w, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			w->command = argv + i + 1;
			argv[i] = NULL;
			return i;
		}
	}
	return argc;
}

static int run(int argc, char **argv)
{
	static char buffer[OUTPUT_MAX];
	struct watch w = {
		.command_fd = -1,
		.opts.flags = KSIG_SUB_SKIP_OWN,
	};
	int opt, ret;

	argc = split_command(&w, argc, argv);
	while ((opt = getopt_long(argc, argv, "n:t:s:qh", options, NULL)) != -1) {
		if (opt == 'h')
			return ksig_help(&ksig_cmd_watch);
		ret = take_option(&w, opt, optarg);
		if (ret)
			return ret;
	}
	w.n_sources = argc - optind;
	ret = check_options(&w, argv + optind);
	if (ret)
		return ret;
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	ret = watch(&w, argv + optind);
	ksig_stop_now();
	return ret;
}

const struct ksig_command ksig_cmd_watch = {
	.name = "watch",
	.summary = "print events, signal a process or run a command",
	.help = help,
	.run = run,
};
