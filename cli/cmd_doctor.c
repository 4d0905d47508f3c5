// SPDX-License-Identifier: MIT
/* ksig doctor: runs each trial in a separate process, which is killed if it hangs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ksig/libksig.h>

#include "cli.h"
#include "doctor.h"

/* A trial that takes longer is considered to hang. */
#define TRIAL_MS 20000

static const char help[] =
"Usage: ksig doctor [OPTIONS] [EVENT...]\n"
"Test event sources and signal delivery, and report what is missing and why.\n"
"\n"
"Examples:\n"
"  ksig doctor\n"
"  ksig doctor net.up || exit 1\n"
"\n"
"      --json         print one JSON object per line\n"
"  -h, --help         print this text\n"
"\n"
"Each path from the kernel to a process is tested by triggering and receiving an\n"
"event. If that would disturb the system, the path is only opened, and its line\n"
"says so. Then each event is opened, and the provider that 'ksig watch' would use\n"
"is printed, with the reason why the preferred ones are not available. With\n"
"EVENT, only these events are opened, each with its filter.\n"
"\n"
"A line begins with 'ok', 'no' (not available here; the cause and the remedy\n"
"follow) or 'failed' (should work but does not). The result depends on your\n"
"privileges: run it as root to see what the system supports. ksig-doctor(1)\n"
"describes the paths.\n"
"\n"
"JSON keys: kind (\"path\" or \"event\"), name, state (\"ok\", \"no\" or \"failed\"),\n"
"provider (null: none), error (the errno's name; null: none), text.\n"
"\n"
"Exit status: 0 what is available works, 1 something failed, 2 usage, 5 nothing\n"
"works here. With EVENT: 0 all work, 1 one failed, 2 no such event, 4 the\n"
"process of its filter has exited, 5 one is not available here.\n";

/* State names in the output */
static const char *const states[] = { "ok", "no", "failed" };

/* ------------------------------------------------------------------- trials */

/**
 * struct doctor - options and results
 * @json: print JSON
 * @all_wanted: EVENT arguments were passed, so an event that is not available is a failure
 * @count: number of findings of each state
 */
struct doctor {
	bool json;
	bool all_wanted;
	unsigned int count[3];
};

static void run_trial(const struct ksig_path *p, struct ksig_finding *f)
{
	struct pollfd result = { .events = POLLIN };
	int fds[2], ret;
	pid_t pid;

	memset(f, 0, sizeof(*f));
	if (pipe2(fds, O_CLOEXEC)) {
		ksig_found(f, KSIG_FOUND_BROKEN, errno, "cannot create a pipe: %s", strerror(errno));
		return;
	}
	pid = fork();
	if (!pid) {
		p->try(p, f);
		_exit(write(fds[1], f, sizeof(*f)) != sizeof(*f));
	}
	close(fds[1]);
	if (pid < 0) {
		ksig_found(f, KSIG_FOUND_BROKEN, errno, "cannot fork: %s", strerror(errno));
		close(fds[0]);
		return;
	}
	result.fd = fds[0];
	do {
		ret = poll(&result, 1, TRIAL_MS);
	} while (ret < 0 && errno == EINTR);
	if (!ret)
		ksig_found(f, KSIG_FOUND_BROKEN, ETIMEDOUT, "timed out after %d s",
			   TRIAL_MS / 1000);
	else if (ret < 0 || read(fds[0], f, sizeof(*f)) != sizeof(*f))
		ksig_found(f, KSIG_FOUND_BROKEN, EPROTO, "the trial ended without a result");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fds[0]);
}

static int print_finding(struct doctor *d, const char *kind, const char *name,
			 const struct ksig_finding *f)
{
	d->count[f->state]++;
	if (!d->json) {
		printf("%-6s %-16s ", states[f->state], name);
		ksig_print_plain(f->text);
		putchar('\n');
		return ksig_flush();
	}
	printf("{\"kind\":\"%s\",\"name\":", kind);
	ksig_print_quoted(name);
	printf(",\"state\":\"%s\",\"provider\":", states[f->state]);
	if (*f->provider)
		ksig_print_quoted(f->provider);
	else
		fputs("null", stdout);
	fputs(",\"error\":", stdout);
	if (f->err)
		printf("\"%s\"", strerrorname_np(f->err) ?: "unknown");
	else
		fputs("null", stdout);
	fputs(",\"text\":", stdout);
	ksig_print_quoted(f->text);
	puts("}");
	return ksig_flush();
}

/* Return: whether @name, without a filter, is an available event that has settings. */
static bool has_settings(const char *name, struct ksig_finding *f)
{
	const struct ksig_catalog_entry *e;
	struct ksig_catalog *c;
	bool has = false;

	if (ksig_catalog_open(0, &c))
		return false;
	while (!has && ksig_catalog_next(c, &e) == 1)
		has = !strcmp(e->name, name) && e->n_settings && !e->error;
	if (has)
		snprintf(f->provider, sizeof(f->provider), "%s", e->provider);
	ksig_catalog_close(c);
	return has;
}

/* @better: why the preferred providers do not provide the event */
static int examine_event(struct doctor *d, const char *name,
			 const char *better)
{
	struct ksig_path event = { .name = name, .event = name, .try = ksig_try_event };
	struct ksig_finding f;
	size_t used;

	run_trial(&event, &f);
	/* without a filter, this can only mean that a setting is missing */
	if (f.err == EINVAL && has_settings(name, &f))
		ksig_found(&f, KSIG_FOUND_WORKS, 0, "available, but requires settings: see 'ksig events %s'",
			   name);
	/* if @name is an EVENT argument, these errors are caused by the argument */
	if (d->all_wanted &&
	    (f.err == EINVAL || f.err == ENOENT || f.err == ESRCH)) {
		if (f.err == ENOENT)
			ksig_suggest(name, f.text, sizeof(f.text));
		ksig_error("%s", f.text);
		return f.err == ESRCH ? KSIG_TARGET_GONE : KSIG_USAGE;
	}
	used = strlen(f.text);
	if (f.state == KSIG_FOUND_WORKS && *better)
		snprintf(f.text + used, sizeof(f.text) - used, "; %s", better);
	return print_finding(d, "event", name, &f);
}

/* Examines each path, then each event of the catalog. All entries of an event are consecutive. */
static int examine_all(struct doctor *d)
{
	/* why the providers preferred to the first available one are not available */
	char event[128] = "", reasons[768] = "";
	const struct ksig_catalog_entry *e;
	bool available = false;
	const struct ksig_path *p;
	struct ksig_catalog *c;
	struct ksig_finding f;
	int ret = KSIG_DONE;
	size_t i, used;

	for (i = 0; !ret && (p = ksig_doctor_path(i)); i++) {
		run_trial(p, &f);
		if (p->provider)
			snprintf(f.provider, sizeof(f.provider), "%s",
				 p->provider);
		ret = print_finding(d, "path", p->name, &f);
	}
	if (ret)
		return ret;

	ret = ksig_catalog_open(0, &c);
	if (ret) {
		ksig_error("cannot list events: %s", strerror(-ret));
		return KSIG_FAILED;
	}
	while (!ret && ksig_catalog_next(c, &e) == 1) {
		if (*event && strcmp(event, e->name)) {
			ret = examine_event(d, event, reasons);
			*reasons = '\0';
			available = false;
		}
		snprintf(event, sizeof(event), "%s", e->name);
		available |= !e->error;
		used = strlen(reasons);
		if (!available)
			snprintf(reasons + used, sizeof(reasons) - used,
				 "%snot by %s: %s", used ? "; " : "",
				 e->provider, e->reason);
	}
	if (!ret)
		ret = examine_event(d, event, reasons);
	ksig_catalog_close(c);
	return ret;
}

static int doctor_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct doctor d = { };
	int opt, ret = KSIG_DONE;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			d.json = true;
			break;
		case 'h':
			return ksig_help(&ksig_cmd_doctor);
		default:
			return ksig_usage(&ksig_cmd_doctor, NULL);
		}
	}
	d.all_wanted = optind < argc;
	if (!d.all_wanted)
		ret = examine_all(&d);
	for (; !ret && optind < argc; optind++)
		ret = examine_event(&d, argv[optind], "");
	if (ret)
		return ret;
	if (d.count[KSIG_FOUND_BROKEN])
		return KSIG_FAILED;
	if (!d.count[KSIG_FOUND_WORKS] ||
	    (d.all_wanted && d.count[KSIG_FOUND_NOT_HERE]))
		return KSIG_NOT_HERE;
	return KSIG_DONE;
}

const struct ksig_command ksig_cmd_doctor = {
	.name = "doctor",
	.summary = "test what works here and report what is missing",
	.help = help,
	.run = doctor_run,
};
