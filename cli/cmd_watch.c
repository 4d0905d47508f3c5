// SPDX-License-Identifier: MIT
/* ksig watch: options and subscriptions */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ksig/libksig.h>

#include "cli.h"
#include "watch.h"

static const char help[] =
"Usage: ksig watch [OPTIONS] EVENT... [-- CMD ARG...]\n"
"Print kernel events, or signal a process or run a command at each event.\n"
"Examples:\n"
"  ksig watch net.up:ifname=eth0 --to unit:nginx.service -s HUP\n"
"  ksig watch process.exit:pid=4242 -n1\n"
"\n"
"  -n, --count N       exit after N events\n"
"  -t, --timeout TIME  exit after TIME (2s, 500ms, 1h) with status 3\n"
"      --every TIME    act at most once per TIME: at once, then on the latest\n"
"      --for TIME      act once the state has lasted for TIME\n"
"      --skip N        ignore the first N events\n"
"      --to TARGET     signal a pid, pidfile:PATH, unit:NAME or subject\n"
"  -s, --signal SIG    send this signal (name or number); required with --to\n"
"      --force         send HUP, USR1 or USR2 even if the target would be killed\n"
"      --value FIELD   send this numeric field as the signal's value\n"
"      --restart       end a CMD that is still running at the next event\n"
"      --initial       report the initial state first, then each change\n"
"      --queue N       queue up to N events that have not been handled yet\n"
"      --self          also report processes that this watch has started\n"
"      --provider P    use module, bpf or native (default: the best available)\n"
"  -q, --quiet         print only errors on standard error, no notes\n"
"      --json          print one JSON object per line\n"
"      --format TEXT   print TEXT, with {FIELD} replaced by the field's value\n"
"  -h, --help          print this text\n"
"\n"
"EVENT is NAME[:KEY OP VALUE,...]; OP is one of = != < <= > >= &. Strings may be\n"
"patterns: 'ifname=eth*|wlan*'. See 'ksig events', ksig-events(7), ksig-watch(1).\n"
"CMD runs without a shell, with the event in KSIG_EVENT, KSIG_PID and so on;\n"
"{FIELD} in its arguments is replaced by the field's value.\n"
"Exit status: 0 done, 1 failed, 2 usage, 3 timed out, 4 target gone, 5 not here.\n";

#define QUEUE_DEFAULT 8192
#define OUTPUT_MAX (2 * KSIG_OUTPUT_MAX)

/* ----------------------------------------------------------------- subscribing */

static bool is_tracepoint(const char *event)
{
	return !strncmp(event, "trace.", 6);
}

static void log_note(void *ctx, const char *line)
{
	(void)ctx;
	ksig_note("%s", line);
}

static int open_events(struct ksig_watch *w, char *const *names)
{
	struct ksig_sub_opts opts = w->opts;
	unsigned int column = 0, spec = 0, i;
	bool own_events = w->command;
	char text[1024] = "";
	int err;

	for (i = 0; i < w->n; i++) {
		w->events[i].text = names[i];
		own_events |= is_tracepoint(names[i]);
	}
	opts.sz = sizeof(opts);
	opts.err = text;
	opts.err_size = sizeof(text);
	opts.err_column = &column;
	opts.err_spec = &spec;
	opts.log = log_note;
	/*
	 * KSIG_SUB_SKIP_OWN skips events caused by this process and the commands it runs. Without a
	 * command, such events occur only at tracepoints. A module channel supports the flag only
	 * for a limited number of subscriptions, so the flag is cleared where it has no effect.
	 */
	if (!own_events)
		opts.flags &= ~KSIG_SUB_SKIP_OWN;
	/* the events that end the states may not have this field */
	if (w->lasting.ns) {
		opts.value_field = NULL;
		opts.flags |= KSIG_SUB_GONE;
	}
	if (!opts.queue_len)
		opts.queue_len = QUEUE_DEFAULT;
	for (;;) {
		err = ksig_sub_openv((const char *const *)names, w->n, &opts,
				     &w->sub);
		/*
		 * without --queue, reduce the length of the queue until the queue fits into
		 * RLIMIT_MEMLOCK
		 */
		if (err != -ENOBUFS || w->opts.queue_len ||
		    opts.queue_len <= KSIG_QUEUE_MIN)
			break;
		opts.queue_len /= 2;
	}
	if (!err) {
		if (opts.queue_len < QUEUE_DEFAULT && !w->opts.queue_len)
			ksig_note("%s: the queue is limited to %u events by RLIMIT_MEMLOCK",
				  w->n == 1 ? names[0] : "each EVENT", opts.queue_len);
		return KSIG_DONE;
	}

	if (!*text)
		snprintf(text, sizeof(text), "%s", strerror(-err));
	if (err == -ENOENT)
		ksig_suggest(names[spec], text, sizeof(text));
	if (column)
		ksig_error("%s, column %u: %s", names[spec], column, text);
	else
		ksig_error("%s", text);
	return err == -EINVAL || err == -ENOENT ? KSIG_USAGE :
	       err == -ESRCH ? KSIG_TARGET_GONE :
	       err == -EOPNOTSUPP ? KSIG_NOT_HERE : KSIG_FAILED;
}

static bool has_field(const struct ksig_watch *w, unsigned int spec,
		      const char *key)
{
	const struct ksig_event ev = { .flags = KSIG_EVENT_SPEC(spec) };
	struct ksig_field f = { .sz = sizeof(f) };

	return !ksig_event_get(w->sub, &ev, key, &f);
}

static bool is_to_subject(const struct ksig_watch *w)
{
	return w->has_to && w->to.kind == KSIG_TO_SUBJECT;
}

/*
 * Checks that each event is about a process. For a tracepoint, makes the kernel send and count the
 * signals. Events that occurred before the kernel began to send signals have no mark and are
 * ignored.
 */
static int set_up_subjects(struct ksig_watch *w)
{
	uint64_t count = w->count ? w->count : UINT64_MAX;
	struct ksig_sub_stats st = { .sz = sizeof(st) };
	unsigned int spec;
	int err;

	for (spec = 0; spec < w->n; spec++) {
		const char *event = ksig_sub_event(w->sub, spec);

		/*
		 * the subject may be a network interface or a CPU, whose number may also be the pid
		 * of some process
		 */
		if (!has_field(w, spec, "pid") && !has_field(w, spec, "current.pid")) {
			ksig_error("--to subject cannot be used with %s: it is not about a process",
				   event);
			return KSIG_USAGE;
		}
		if (!strcmp(event, "kernel.hung")) {
			ksig_error("--to subject cannot be used with kernel.hung: the pid in a log message may have been reused");
			return KSIG_USAGE;
		}
		if (ksig_subject_has_exited(event)) {
			ksig_error("--to subject cannot be used with %s: the process has exited and cannot be signalled",
				   event);
			return KSIG_USAGE;
		}
		if (!strcmp(event, "memory.kill") &&
		    !strcmp(ksig_sub_provider(w->sub, spec), "native")) {
			ksig_error("--to subject cannot be used with memory.kill from the native provider, which doesn't report the process (bpf and module do)");
			return KSIG_NOT_HERE;
		}
	}
	for (spec = 0; spec < w->n; spec++) {
		struct ksig_watched *e = &w->events[spec];

		if (!is_tracepoint(e->text))
			continue;
		err = ksig_sub_kill_current(w->sub, spec, w->to.signo, w->skip, count,
					    ksig_to_careful(&w->to) ?
					    KSIG_KILL_READY : 0);
		if (err == -EOPNOTSUPP) {
			ksig_error("%s: the kernel can't apply the whole filter, so it can't signal the running task",
				   e->text);
			return KSIG_USAGE;
		}
		if (!err)
			err = ksig_sub_spec_stats(w->sub, spec, &st);
		if (err) {
			ksig_error("%s: %s", e->text, err == -EPERM ?
				   "signalling the running task needs CAP_KILL: try sudo" :
				   strerror(-err));
			return KSIG_FAILED;
		}
		e->by_kernel = true;
		if (__builtin_add_overflow(st.offered, w->skip, &e->last) ||
		    __builtin_add_overflow(e->last, count, &e->last))
			e->last = UINT64_MAX;
	}
	/* here, --skip is permitted only with a single event, and the kernel does the skipping */
	if (w->events[0].by_kernel)
		w->skip = 0;
	return KSIG_DONE;
}

static int watch_events(struct ksig_watch *w, char *const *names)
{
	const unsigned int n = w->n;
	unsigned int i;
	int ret = KSIG_DONE;

	if (w->lasting.ns) {
		ret = ksig_for_open(&w->lasting, names, n);
		names = w->lasting.specs;
		w->n = w->lasting.n_specs;
	}
	w->events = calloc(w->n, sizeof(*w->events));
	if (!w->events) {
		ksig_error("out of memory");
		ret = KSIG_FAILED;
	}
	if (!ret && w->has_to)
		ret = ksig_to_open(&w->to);
	if (!ret)
		ret = open_events(w, names);
	if (!ret && w->lasting.stateless) {
		ksig_error("--for cannot be used with %s: it has no event that ends its state (paired events such as net.up and net.down do)",
			   w->lasting.stateless);
		ret = KSIG_USAGE;
	}
	if (!ret && w->lasting.ns && w->opts.value_field)
		ret = ksig_value_check(w->sub, w->lasting.n, w->opts.value_field);
	if (!ret && w->format)
		ret = ksig_template_check(w->format, w->sub);
	if (!ret && is_to_subject(w))
		ret = set_up_subjects(w);
	/*
	 * Adopt the processes that the command leaves running, so that a watch for process events
	 * still recognises and ignores them. Otherwise one run of the command could trigger the
	 * next.
	 */
	for (i = 0; !ret && w->opts.flags & KSIG_SUB_SKIP_OWN && w->command && i < w->n; i++) {
		if (has_field(w, i, "pid") || is_tracepoint(names[i])) {
			ret = ksig_children_adopt();
			break;
		}
	}
	if (!ret)
		ret = ksig_stop_catch();
	if (!ret && !ksig_is_quiet()) {
		fputs("ksig: watching ", stderr);
		for (i = 0; i < n; i++)
			fprintf(stderr, "%s%s (%s%s)", i ? ", " : "", names[i],
				ksig_sub_provider(w->sub, i),
				ksig_sub_in_kernel(w->sub, i) ? "" : ", filtered in user space");
		fputc('\n', stderr);
	}
	if (!ret)
		ret = ksig_watch_loop(w);
	ksig_sub_close(w->sub);
	free(w->events);
	ksig_for_close(&w->lasting);
	ksig_to_close(&w->to);
	return ret;
}

/* -------------------------------------------------------------------- options */

enum { EVERY = 256, SKIP, TO, FORCE, VALUE, PROVIDER, QUEUE, JSON, SELF, INITIAL,
       FORMAT, RESTART, FOR };

static const struct option options[] = {
	{ "count", required_argument, NULL, 'n' },
	{ "timeout", required_argument, NULL, 't' },
	{ "every", required_argument, NULL, EVERY },
	{ "skip", required_argument, NULL, SKIP },
	{ "for", required_argument, NULL, FOR },
	{ "to", required_argument, NULL, TO },
	{ "signal", required_argument, NULL, 's' },
	{ "force", no_argument, NULL, FORCE },
	{ "value", required_argument, NULL, VALUE },
	{ "provider", required_argument, NULL, PROVIDER },
	{ "queue", required_argument, NULL, QUEUE },
	{ "json", no_argument, NULL, JSON },
	{ "self", no_argument, NULL, SELF },
	{ "initial", no_argument, NULL, INITIAL },
	{ "format", required_argument, NULL, FORMAT },
	{ "restart", no_argument, NULL, RESTART },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static int bad_count(const char *s)
{
	ksig_error("invalid number of events '%s': expected 1 or more", s);
	return KSIG_USAGE;
}

static int parse_time(const char *s, int64_t *ns)
{
	if (!ksig_parse_time(s, ns))
		return KSIG_DONE;
	ksig_error("invalid time '%s': expected seconds, or a number with us, ms, s, m, h or d",
		   s);
	return KSIG_USAGE;
}

/* Return: an exit code; 0 to continue. */
static int parse_option(struct ksig_watch *w, int opt, const char *arg)
{
	uint64_t n;

	switch (opt) {
	case 'n':
		return ksig_parse_count(arg, &w->count) ? bad_count(arg) : 0;
	case 't':
		return parse_time(arg, &w->timeout);
	case EVERY:
		return parse_time(arg, &w->every);
	case FOR:
		return parse_time(arg, &w->lasting.ns);
	case SKIP:
		return ksig_parse_count(arg, &w->skip) ? bad_count(arg) : 0;
	case TO:
		w->has_to = true;
		return ksig_to_parse(arg, &w->to);
	case 's':
		return ksig_parse_signo(arg, &w->to.signo) ? ksig_bad_signo(arg) : 0;
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
		if (ksig_parse_count(arg, &n) || n > KSIG_QUEUE_MAX) {
			ksig_error("invalid queue length '%s': expected 1 to %d events",
				   arg, KSIG_QUEUE_MAX);
			return KSIG_USAGE;
		}
		/* the length of a queue is a power of two, so round up */
		w->opts.queue_len = KSIG_QUEUE_MIN;
		while (w->opts.queue_len < n)
			w->opts.queue_len *= 2;
		return 0;
	case JSON:
		w->json = true;
		return 0;
	case FORMAT:
		w->format = arg;
		return 0;
	case RESTART:
		w->restart = true;
		return 0;
	case 'q':
		ksig_be_quiet();
		return 0;
	case SELF:
		w->opts.flags &= ~KSIG_SUB_SKIP_OWN;
		return 0;
	case INITIAL:
		w->opts.flags |= KSIG_SUB_INITIAL;
		return 0;
	}
	return ksig_usage(&ksig_cmd_watch, NULL);
}

static int check_options(const struct ksig_watch *w, char *const *names)
{
	unsigned int most = KSIG_SUB_SPECS / (w->lasting.ns ? 2 : 1), i = 0;

	if (w->n > most) {
		ksig_error("too many events: %u (at most %u%s)", w->n, most,
			   w->lasting.ns ? " with --for" : "");
		return KSIG_USAGE;
	}
	if (!w->n)
		return ksig_usage(&ksig_cmd_watch,
				  "missing EVENT: 'ksig events' lists them");
	if (w->command && w->has_to)
		return ksig_usage(&ksig_cmd_watch,
				  "--to and a command cannot be used together");
	if (w->command && !w->command[0])
		return ksig_usage(&ksig_cmd_watch,
				  "missing command after '--'");
	if (w->restart && !w->command)
		return ksig_usage(&ksig_cmd_watch, "--restart requires a command");
	if (w->format && w->json)
		return ksig_usage(&ksig_cmd_watch, "--format and --json cannot be used together");
	if ((w->to.signo || w->to.force) && !w->has_to)
		return ksig_usage(&ksig_cmd_watch,
				  "%s requires --to TARGET",
				  w->to.signo ? "-s" : "--force");
	if (w->has_to && !w->to.signo)
		return ksig_usage(&ksig_cmd_watch,
				  "--to needs a signal: give -s SIG, such as -s HUP, or -s RTMIN+10 for one that carries the event's value");
	if (w->command && ksig_run_check(w->command[0]))
		return KSIG_USAGE;

	/* for a tracepoint, the kernel itself counts and sends the signals */
	while (i < w->n && !is_tracepoint(names[i]))
		i++;
	if (!is_to_subject(w) || i == w->n)
		return KSIG_DONE;
	if (w->every)
		return ksig_usage(&ksig_cmd_watch,
				  "--every cannot be used with --to subject and %s: the kernel sends these signals immediately",
				  names[i]);
	if (w->n > 1 && (w->count || w->skip))
		return ksig_usage(&ksig_cmd_watch,
				  "with --to subject and %s, -n and --skip allow only one EVENT: the kernel counts",
				  names[i]);
	return KSIG_DONE;
}

static int watch_run(int argc, char **argv)
{
	static char buffer[OUTPUT_MAX];
	struct ksig_watch w = {
		.opts.flags = KSIG_SUB_SKIP_OWN,
	};
	int opt, ret, i;

	/*
	 * getopt_long() moves non-option arguments to the end, so "--" would no longer separate the
	 * events from the command. Pass it only the arguments before "--".
	 */
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			w.command = argv + i + 1;
			argv[i] = NULL;
			argc = i;
		}
	}
	while ((opt = getopt_long(argc, argv, "n:t:s:qh", options, NULL)) != -1) {
		if (opt == 'h')
			return ksig_help(&ksig_cmd_watch);
		ret = parse_option(&w, opt, optarg);
		if (ret)
			return ret;
	}
	w.n = argc - optind;
	ret = check_options(&w, argv + optind);
	if (ret)
		return ret;
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	ret = watch_events(&w, argv + optind);
	ksig_stop_now();
	return ret;
}

const struct ksig_command ksig_cmd_watch = {
	.name = "watch",
	.summary = "print events, signal a process or run a command",
	.help = help,
	.run = watch_run,
};
