// SPDX-License-Identifier: MIT
/* ksig watch: prints a line for each event. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "watch.h"

static const char *event_name(const struct ksig_happening *h)
{
	return ksig_sub_event(h->sub, ksig_event_spec(h->ev));
}

/* Converts the event's CLOCK_MONOTONIC timestamp to CLOCK_REALTIME. */
static struct timespec wall_time(const struct ksig_event *ev)
{
	struct timespec ts;
	int64_t t;

	clock_gettime(CLOCK_REALTIME, &ts);
	t = ts.tv_sec * KSIG_NS + ts.tv_nsec - ksig_clock_ns() +
	    (int64_t)ev->time_ns;
	return (struct timespec) { .tv_sec = t / KSIG_NS, .tv_nsec = t % KSIG_NS };
}

static void print_value(const struct ksig_field *f)
{
	if (!f->known)
		fputs("null", stdout);
	else if (f->type == KSIG_FIELD_STRING)
		ksig_print_quoted(f->str);
	else if (f->type == KSIG_FIELD_SIGNED)
		printf("\"%" PRId64 "\"", f->s);
	else
		printf("\"%" PRIu64 "\"", f->u);
}

/* Reads the value. The record of a tracepoint already has the selected field as its value. */
void ksig_happening_value(const struct ksig_happening *h, struct ksig_field *f)
{
	f->sz = sizeof(*f);
	if (h->value_field &&
	    strncmp(event_name(h), "trace.", 6) &&
	    !ksig_event_get(h->sub, h->ev, h->value_field, f))
		return;
	*f = (struct ksig_field) {
		.type = KSIG_FIELD_SIGNED, .s = (int64_t)h->ev->value,
		.u = h->ev->value,
		.known = !(h->ev->flags & KSIG_EVENT_NO_VALUE),
	};
}

int ksig_value_check(const struct ksig_sub *sub, unsigned int n, const char *key)
{
	struct ksig_field f = { .sz = sizeof(f) };
	unsigned int i;

	for (i = 0; i < n; i++) {
		const struct ksig_event ev = { .flags = KSIG_EVENT_SPEC(i) };

		if (ksig_event_get(sub, &ev, key, &f))
			ksig_error("%s has no field '%s'", ksig_sub_event(sub, i), key);
		else if (f.type == KSIG_FIELD_STRING)
			ksig_error("'%s' is a string: the value must be a number", key);
		else
			continue;
		return KSIG_USAGE;
	}
	return KSIG_DONE;
}

static void format_time(struct timespec ts, char text[KSIG_TIME_MAX])
{
	size_t len;
	struct tm tm;

	gmtime_r(&ts.tv_sec, &tm);
	len = strftime(text, KSIG_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, KSIG_TIME_MAX - len, ".%09ldZ", ts.tv_nsec);
}

void ksig_happening_time(const struct ksig_happening *h, char text[KSIG_TIME_MAX])
{
	format_time(wall_time(h->ev), text);
}

static void print_json_begin(const char *event, struct timespec ts)
{
	char date[KSIG_TIME_MAX];

	format_time(ts, date);
	printf("{\"time\":\"%s\",\"event\":", date);
	ksig_print_quoted(event);
}

static void print_target(const struct ksig_happening *h, const char *none)
{
	if (h->to->pid)
		printf("%d", h->to->pid);
	else
		fputs(none, stdout);
}

static void print_json(const struct ksig_happening *h)
{
	struct ksig_field f = { .sz = sizeof(f) };
	const struct ksig_event *ev = h->ev;
	char name[KSIG_SIGNAME_MAX];
	unsigned int i;

	print_json_begin(event_name(h), wall_time(ev));
	printf(",\"provider\":\"%s\",\"seq\":\"%llu\",\"lost_before\":%" PRIu64
	       ",\"lost_upto\":%" PRIu64 ",\"merged\":\"%" PRIu64 "\",\"subject\":",
	       ksig_sub_provider(h->sub, ksig_event_spec(ev)),
	       (unsigned long long)ev->seq, h->lost, h->lost_upto, h->merged);
	if (ev->flags & KSIG_EVENT_NO_SUBJECT)
		fputs("null", stdout);
	else
		printf("\"%llu\"", ev->subject);
	fputs(",\"value\":", stdout);
	ksig_happening_value(h, &f);
	print_value(&f);
	printf(",\"initial\":%s,\"spec\":", ev->flags & KSIG_EVENT_INITIAL ? "true" : "false");
	ksig_print_quoted(h->spec);

	/* a separate object, because a tracepoint's field may have the same name as a key above */
	fputs(",\"fields\":{", stdout);
	f.sz = sizeof(f);
	for (i = 0; !ksig_event_field(h->sub, ev, i, &f); i++) {
		if (i)
			putchar(',');
		ksig_print_quoted(f.name);
		putchar(':');
		print_value(&f);
	}
	putchar('}');

	if (h->to) {
		printf(",\"signal\":\"%s\",\"target\":",
		       ksig_signal_name(h->to->signo, name));
		print_target(h, "null");
		printf(",\"outcome\":\"%s\"",
		       h->err ? ksig_to_outcome(h->err) : "sent");
	}
	puts("}");
}

int ksig_print_event(const struct ksig_happening *h, bool json, const char *format)
{
	char *line, name[KSIG_SIGNAME_MAX];
	const char *outcome;
	struct timespec ts;
	struct tm tm;
	size_t size;

	if (json) {
		print_json(h);
		return ferror(stdout) ? ksig_flush() : KSIG_DONE;
	}
	if (format) {
		line = ksig_template_expand(format, h, true);
		if (!line) {
			ksig_error("out of memory");
			return KSIG_FAILED;
		}
		puts(line);
		free(line);
		return ferror(stdout) ? ksig_flush() : KSIG_DONE;
	}
	size = ksig_event_format(h->sub, h->ev, NULL, 0) + 1;
	line = malloc(size);
	if (!line) {
		ksig_error("out of memory");
		return KSIG_FAILED;
	}
	ksig_event_format(h->sub, h->ev, line, size);
	ts = wall_time(h->ev);
	localtime_r(&ts.tv_sec, &tm);
	printf("%02d:%02d:%02d.%03ld %s", tm.tm_hour, tm.tm_min, tm.tm_sec,
	       ts.tv_nsec / 1000000, line);
	free(line);
	if (h->ev->flags & KSIG_EVENT_INITIAL)
		fputs(" (initial)", stdout);
	if (h->merged)
		printf(" (+%" PRIu64 ")", h->merged);
	if (h->to) {
		printf(" -> %s ", ksig_signal_name(h->to->signo, name));
		print_target(h, "-");
		outcome = ksig_to_outcome(h->err);
		if (*outcome)
			printf(" %s", outcome);
	}
	putchar('\n');
	return ferror(stdout) ? ksig_flush() : KSIG_DONE;
}

int ksig_print_loss(const struct ksig_sub *sub, unsigned int spec,
		    uint64_t lost, uint64_t lost_upto)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	print_json_begin(ksig_sub_event(sub, spec), ts);
	printf(",\"provider\":\"%s\",\"seq\":null,\"lost_before\":%" PRIu64
	       ",\"lost_upto\":%" PRIu64 ",\"end\":true}\n",
	       ksig_sub_provider(sub, spec), lost, lost_upto);
	return ksig_flush();
}
