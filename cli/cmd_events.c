// SPDX-License-Identifier: MIT
/* ksig events: lists the available events. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <ksig/libksig.h>

#include "cli.h"

static const char help[] =
"Usage: ksig events [OPTIONS]\n"
"List the events that can be watched here.\n"
"\n"
"Examples:\n"
"  ksig events\n"
"  ksig events --all\n"
"\n"
"  -a, --all          also list events that are not available here, and why\n"
"      --json         print one JSON object per line, for all events\n"
"  -h, --help         print this text\n"
"\n"
"Each line shows an event, the provider that 'ksig watch' would use, and a\n"
"description. With --all there is a line for each event and provider; if the\n"
"event is not available, the line gives the reason. Each event is opened, so the\n"
"list depends on your privileges: run it as root to see all that the system\n"
"supports. Tracepoints are events as well (trace.CATEGORY.NAME, provided by bpf),\n"
"but are not listed.\n"
"\n"
"JSON keys: event, provider, description, available (boolean), reason (null if\n"
"available).\n"
"\n"
"Exit status: 0 done, 1 failed, 2 usage, 5 nothing can be watched here.\n";

struct events {
	bool all;
	bool json;
	unsigned int available;
	char last[128];		/* name of the event that was printed last */
};

/* Without --all, prints an event only for the most preferred of its available providers. */
static int print_entry(struct events *ev, const struct ksig_catalog_entry *e)
{
	if (!e->error)
		ev->available++;
	if (ev->json) {
		fputs("{\"event\":", stdout);
		ksig_print_quoted(e->name);
		printf(",\"provider\":\"%s\",\"description\":", e->provider);
		ksig_print_quoted(e->description);
		printf(",\"available\":%s,\"reason\":",
		       e->error ? "false" : "true");
		if (e->error)
			ksig_print_quoted(e->reason);
		else
			fputs("null", stdout);
		puts("}");
	} else if (ev->all || (!e->error && strcmp(ev->last, e->name))) {
		snprintf(ev->last, sizeof(ev->last), "%s", e->name);
		printf("%-16s %-7s ", e->name, e->provider);
		ksig_print_plain(e->description);
		if (e->error) {
			fputs("; not available: ", stdout);
			ksig_print_plain(e->reason);
		}
		putchar('\n');
	}
	return ksig_flush();
}

static int events_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const struct ksig_catalog_entry *e;
	struct events ev = { };
	struct ksig_catalog *c;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "ah", options, NULL)) != -1) {
		switch (opt) {
		case 'a':
			ev.all = true;
			break;
		case 'j':
			ev.json = true;
			break;
		case 'h':
			return ksig_help(&ksig_cmd_events);
		default:
			return ksig_usage(&ksig_cmd_events, NULL);
		}
	}
	if (optind < argc)
		return ksig_usage(&ksig_cmd_events,
				  "unexpected argument '%s'", argv[optind]);

	ret = ksig_catalog_open(0, &c);
	if (ret) {
		ksig_error("cannot list events: %s", strerror(-ret));
		return KSIG_FAILED;
	}
	while (!ret && ksig_catalog_next(c, &e) == 1)
		ret = print_entry(&ev, e);
	ksig_catalog_close(c);
	if (ret || ev.available)
		return ret;
	ksig_error("no event is available here%s", ev.all || ev.json ? "" :
		   "; run 'ksig events --all' for the reasons");
	return KSIG_NOT_HERE;
}

const struct ksig_command ksig_cmd_events = {
	.name = "events",
	.summary = "list what can be watched here",
	.help = help,
	.run = events_run,
};
