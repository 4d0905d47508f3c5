// SPDX-License-Identifier: MIT
/* ksig events: lists the available events, and explains one. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ksig/libksig.h>

#include "cli.h"

static const char help[] =
"Usage: ksig events [OPTIONS] [NAME...]\n"
"List the events that can be watched here, or explain one.\n"
"\n"
"Examples:\n"
"  ksig events\n"
"  ksig events net.address\n"
"  ksig events fs --all\n"
"\n"
"  -a, --all          also list events that are not available here, and why\n"
"      --json         print one JSON object per line, for all events\n"
"  -h, --help         print this text\n"
"\n"
"Each line shows an event, the provider that 'ksig watch' would use, its fields\n"
"and a description. NAME is an event or a group of events, such as net. For one\n"
"event, the output shows its fields, settings and providers, and an example.\n"
"Each event is opened, so the list depends on your privileges: run it as root to\n"
"see all that the system supports. Tracepoints are events as well\n"
"(trace.CATEGORY.NAME, provided by bpf); they are explained, but not listed.\n"
"\n"
"JSON keys: event, provider, description, available (boolean), reason (null if\n"
"available), fields and settings (objects), state (boolean), example.\n"
"\n"
"Exit status: 0 done, 1 failed, 2 usage, 5 not available here.\n";

/**
 * struct events - what to list, and what has been listed
 * @all: also list what is not available
 * @json: print JSON
 * @names: NAMEs on the command line, up to a NULL
 * @found: for each of @names, whether there is such an event or group
 * @explained: an event was explained, with the reasons why it is not available
 * @listed: number of events that were listed or explained
 * @available: number of them that are available
 * @last: name of the event that was printed last
 */
struct events {
	bool all;
	bool json;
	char *const *names;
	bool *found;
	bool explained;
	unsigned int listed;
	unsigned int available;
	char last[128];
};

static const char *type_name(enum ksig_field_type type)
{
	return type == KSIG_FIELD_STRING ? "string" :
	       type == KSIG_FIELD_SIGNED ? "signed number" : "number";
}

static void print_json_keys(const struct ksig_catalog_key *keys, unsigned int n, bool types)
{
	unsigned int i;

	putchar('{');
	for (i = 0; i < n; i++) {
		if (i)
			putchar(',');
		ksig_print_quoted(keys[i].name);
		putchar(':');
		ksig_print_quoted(types ? type_name(keys[i].type) : keys[i].help);
	}
	putchar('}');
}

static void print_json(const struct events *ev, const struct ksig_catalog_entry *e)
{
	(void)ev;
	fputs("{\"event\":", stdout);
	ksig_print_quoted(e->name);
	printf(",\"provider\":\"%s\",\"description\":", e->provider);
	ksig_print_quoted(e->description);
	printf(",\"available\":%s,\"reason\":", e->error ? "false" : "true");
	if (e->error)
		ksig_print_quoted(e->reason);
	else
		fputs("null", stdout);
	fputs(",\"fields\":", stdout);
	print_json_keys(e->fields, e->n_fields, true);
	fputs(",\"settings\":", stdout);
	print_json_keys(e->settings, e->n_settings, false);
	printf(",\"state\":%s,\"example\":", e->has_state ? "true" : "false");
	if (e->example)
		ksig_print_quoted(e->example);
	else
		fputs("null", stdout);
	puts("}");
}

static void print_keys(const char *title, const struct ksig_catalog_key *keys, unsigned int n,
		       bool types)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		printf("  %-10s%-12s ", i ? "" : title, keys[i].name);
		if (types)
			fputs(type_name(keys[i].type), stdout);
		if (types && *keys[i].help)
			fputs(": ", stdout);
		ksig_print_plain(keys[i].help);
		putchar('\n');
	}
}

/* Explains the event at its first provider, and adds a line for each further provider. */
static void explain(const struct events *ev, const struct ksig_catalog_entry *e)
{
	bool first = strcmp(ev->last, e->name);

	if (first) {
		printf("%s: ", e->name);
		ksig_print_plain(e->description);
		putchar('\n');
		if (e->example)
			printf("  example   ksig watch '%s'\n", e->example);
		print_keys("fields", e->fields, e->n_fields, true);
		print_keys("settings", e->settings, e->n_settings, false);
		printf("  state     %s\n", e->has_state ?
		       "yes: --initial reports the state first" : "no");
	}
	printf("  %-10s%-12s ", first ? "providers" : "", e->provider);
	if (e->error)
		fputs("not available: ", stdout);
	ksig_print_plain(e->error ? e->reason : "available");
	putchar('\n');
}

/* Without --all, prints an event only for the most preferred of its available providers. */
static int print_entry(struct events *ev, const struct ksig_catalog_entry *e)
{
	size_t used = 0, len;
	char fields[40] = "";
	bool is_wanted = !*ev->names;
	char *const *name;
	unsigned int i;

	for (name = ev->names; *name; name++) {
		len = strlen(*name);
		if (strncmp(*name, e->name, len) || (e->name[len] && e->name[len] != '.'))
			continue;
		ev->found[name - ev->names] = true;
		is_wanted = true;
	}
	if (!is_wanted)
		return KSIG_DONE;
	ev->listed++;
	if (!e->error)
		ev->available++;
	if (ev->json || (ev->names[0] && !ev->names[1] && !strcmp(ev->names[0], e->name))) {
		(ev->json ? print_json : explain)(ev, e);
		ev->explained = true;
		goto printed;
	}
	if (!ev->all && (e->error || !strcmp(ev->last, e->name)))
		return KSIG_DONE;
	if (*ev->last && strncmp(ev->last, e->name, strcspn(e->name, ".") + 1))
		putchar('\n');
	for (i = 0; i < e->n_fields && used < sizeof(fields); i++)
		used += snprintf(fields + used, sizeof(fields) - used, "%s%s", i ? ", " : "",
				 e->fields[i].name);
	if (used >= sizeof(fields))
		strcpy(fields + sizeof(fields) - 4, "...");
	printf("%-16s %-7s %-39s ", e->name, e->provider, fields);
	ksig_print_plain(e->description);
	if (e->error) {
		fputs("; not available: ", stdout);
		ksig_print_plain(e->reason);
	}
	putchar('\n');
printed:
	snprintf(ev->last, sizeof(ev->last), "%s", e->name);
	return ksig_flush();
}

/* Explains an event that the catalog doesn't list, such as a tracepoint. */
static int explain_unlisted(struct events *ev, const char *name)
{
	struct ksig_catalog_key keys[64];
	struct ksig_catalog_entry e = {
		.name = name, .reason = "",
		.description = strncmp(name, "trace.", 6) ? "a driver's channel" : "a tracepoint",
		.fields = keys,
	};
	char text[1024] = "";
	const struct ksig_sub_opts opts = {
		.sz = sizeof(opts), .err = text, .err_size = sizeof(text),
	};
	const struct ksig_event none = { };
	struct ksig_field f = { .sz = sizeof(f) };
	struct ksig_sub *sub;
	int err;

	if (strchr(name, ':')) {
		ksig_error("invalid name '%s': expected an event or a group, without a filter", name);
		return KSIG_USAGE;
	}
	err = ksig_sub_open(name, &opts, &sub);
	if (err) {
		if (err == -ENOENT)
			ksig_suggest(name, text, sizeof(text));
		ksig_error("%s", *text ? text : strerror(-err));
		return err == -ENOENT || err == -EINVAL ? KSIG_USAGE : KSIG_NOT_HERE;
	}
	e.provider = ksig_sub_provider(sub, 0);
	while (e.n_fields < sizeof(keys) / sizeof(*keys) &&
	       !ksig_event_field(sub, &none, e.n_fields, &f))
		keys[e.n_fields++] = (struct ksig_catalog_key) { f.name, f.type, "" };
	(ev->json ? print_json : explain)(ev, &e);
	ksig_sub_close(sub);
	ev->listed++;
	ev->available++;
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
	size_t i;
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
	ev.names = argv + optind;
	ev.found = calloc(argc - optind + 1, sizeof(*ev.found));
	ret = ev.found ? ksig_catalog_open(0, &c) : -ENOMEM;
	if (ret) {
		ksig_error("cannot list events: %s", strerror(-ret));
		return KSIG_FAILED;
	}
	while (!ret && ksig_catalog_next(c, &e) == 1)
		ret = print_entry(&ev, e);
	ksig_catalog_close(c);
	for (i = 0; !ret && ev.names[i]; i++) {
		if (!ev.found[i])
			ret = explain_unlisted(&ev, ev.names[i]);
	}
	free(ev.found);
	if (ret || ev.available)
		return ret;
	ksig_error("%s%s", *ev.names ? "not available here" : "no event is available here",
		   ev.all || ev.json || ev.explained ? "" : "; --all shows the reasons");
	return KSIG_NOT_HERE;
}

const struct ksig_command ksig_cmd_events = {
	.name = "events",
	.summary = "list what can be watched here, or explain an event",
	.help = help,
	.run = events_run,
};
