/* SPDX-License-Identifier: MIT */
/*
 * One test body per event, for all providers. The event is watched at the same time by each
 * provider that supports it here and by the provider that the library chooses. The body triggers
 * the event once, and all of these subscriptions must report the same record.
 *
 * KSIG_PROVIDERS lists the providers that must work, such as "module bpf native" in the VMs. For
 * every other provider that doesn't work, the reason is printed.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdarg.h>

#include "subtest.h"

enum provider { MODULE, BPF, NATIVE, PROVIDERS };
#define CHOSEN PROVIDERS	/* the provider that the library chooses */
#define BIT(provider) (1U << (provider))
/* large enough for the many unrelated events that the library filters out */
#define QUEUE 4096
#define ALL (BIT(MODULE) | BIT(BPF) | BIT(NATIVE))

static const char *const provider_names[] = { "module", "bpf", "native" };

/*
 * Providers that support each event, as in ksig-events(7), and flags for the fields that each
 * provider can't report. The events about pressure are
 * tested in native_pressure.c.
 */
static struct source {
	const char *event;
	unsigned int has;
	uint32_t unknown[PROVIDERS];
	unsigned int reasons;	/* providers whose reason was printed */
} sources[] = {
	{ "process.fork", ALL },
	{ "process.exec", ALL },
	{ "process.exit", ALL },
	{ "process.crash", BIT(BPF) | BIT(NATIVE) },
	{ "memory.oom", BIT(MODULE) },
	{ "memory.kill", ALL, {
		[BPF] = KSIG_EVENT_NO_VALUE,
		[NATIVE] = KSIG_EVENT_NO_SUBJECT | KSIG_EVENT_NO_VALUE |
			   KSIG_EVENT_NO_COMM } },
	{ "power.suspend", BIT(MODULE) | BIT(BPF) },
	{ "power.resume", ALL },
	{ "power.ac", BIT(NATIVE) },
	{ "power.battery", BIT(NATIVE) },
	{ "net.up", BIT(MODULE) | BIT(NATIVE) },
	{ "net.down", BIT(MODULE) | BIT(NATIVE) },
	{ "net.rename", BIT(NATIVE) },
	{ "net.address", BIT(NATIVE) },
	{ "net.route", BIT(NATIVE) },
	{ "cpu.online", ALL },
	{ "cpu.offline", ALL },
	{ "kmod.load", ALL },
	{ "kmod.unload", ALL },
	{ "device.add", BIT(NATIVE) },
	{ "device.remove", BIT(NATIVE) },
	{ "device.change", BIT(NATIVE) },
	{ "cgroup.create", BIT(NATIVE) },
	{ "cgroup.remove", BIT(NATIVE) },
	{ "cgroup.populated", BIT(NATIVE) },
	{ "cgroup.empty", BIT(NATIVE) },
	{ "cgroup.frozen", BIT(NATIVE) },
	{ "cgroup.thawed", BIT(NATIVE) },
	{ "cgroup.high", BIT(NATIVE) },
	{ "cgroup.max", BIT(NATIVE) },
	{ "cgroup.oom", BIT(NATIVE) },
	{ "fs.full", BIT(NATIVE) },
	{ "fs.free", BIT(NATIVE) },
	{ "fs.error", BIT(NATIVE) },
	{ "fs.mount", BIT(NATIVE) },
	{ "fs.umount", BIT(NATIVE) },
	{ "fs.readonly", BIT(NATIVE) },
	{ "fs.writable", BIT(NATIVE) },
	{ "kernel.log", BIT(NATIVE) },
	{ "kernel.warn", BIT(NATIVE) },
	{ "kernel.oops", BIT(NATIVE) },
	{ "kernel.hung", BIT(NATIVE) },
	{ "kernel.stall", BIT(NATIVE) },
	{ "gpio.rising", BIT(NATIVE) },
	{ "gpio.falling", BIT(NATIVE) },
	{ "time.set", BIT(NATIVE) },
};

/**
 * struct watch - an event watched through all providers that support it here
 * @source: the event's entry in the table
 * @since: time at which the watch began, or at which the last record was handled
 * @records: number of records received
 * @subs: one subscription per provider; NULL if the provider doesn't work here
 */
struct watch {
	struct source *source;
	int64_t since;
	uint64_t records;
	struct ksig_sub *subs[PROVIDERS + 1];
};

/**
 * struct expected - an expected record
 * @fields: all fields as printed: "pid=3 status=0 ..."
 * @unknown: flags for unknown fields, in addition to those of the source
 * @maybe: flags that may or may not be set
 */
struct expected {
	uint32_t type;
	uint64_t subject;
	uint64_t value;
	uint32_t len;
	char fields[256];
	uint32_t unknown[PROVIDERS];
	uint32_t maybe[PROVIDERS];
};

/* Return: true if KSIG_PROVIDERS lists the provider as one that must work. */
static inline bool is_required(enum provider p)
{
	const char *list = getenv("KSIG_PROVIDERS");

	return list && strstr(list, provider_names[p]);
}

/* Return: true in a dedicated test machine, which a test may suspend or reconfigure. */
static inline bool is_vm(void)
{
	return getenv("KSIG_PROVIDERS");
}

static inline struct source *find_source(const char *event)
{
	size_t i;

	for (i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		if (!strcmp(sources[i].event, event))
			return &sources[i];
	}
	fail(__FILE__, __LINE__, "no event '%s' in the table", event);
}

/*
 * Reports why a provider can't watch the event, but only once per test, even if the event is opened
 * again.
 */
static inline void cannot(struct source *s, enum provider p, const char *why)
{
	if (is_required(p))
		fail(__FILE__, __LINE__, "%s by %s: %s", s->event,
		     provider_names[p], why);
	if (!(s->reasons & BIT(p)))
		printf(": %s by %s: %s\n", s->event, provider_names[p], why);
	s->reasons |= BIT(p);
}

static inline struct ksig_sub *open_by(struct source *s, const char *name,
				       enum provider p)
{
	struct ksig_sub_opts o = *SUB_OPTS(.queue_len = QUEUE);
	struct ksig_sub *sub;
	char why[1024];
	int err;

	o.provider = provider_names[p];
	err = sub_try(name, &o, why, NULL, &sub);
	if (!(s->has & BIT(p))) {
		CHECK_EQ(err, -EOPNOTSUPP);
		CHECK(strstr(why, "doesn't provide it"));
		return NULL;
	}
	if (!err) {
		CHECK(!strcmp(ksig_sub_provider(sub, 0), provider_names[p]));
		return sub;
	}
	if (err != -EOPNOTSUPP && err != -EACCES && err != -EPERM)
		fail(__FILE__, __LINE__, "%s by %s: %d, %s", name,
		     provider_names[p], err, why);
	cannot(s, p, why);
	return NULL;
}

/* Opens the event and checks that the library chooses the best provider that works here. */
static inline void open_chosen(struct watch *w, const char *name)
{
	int p = MODULE;

	while (p < PROVIDERS && !w->subs[p])
		p++;
	if (p == PROVIDERS)
		skip("%s: none has it here", w->source->event);
	w->subs[CHOSEN] = sub_open(name, SUB_OPTS(.queue_len = QUEUE));
	CHECK(!strcmp(ksig_sub_provider(w->subs[CHOSEN], 0), provider_names[p]));
}

static inline struct watch watch(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* Opens the event with all providers. @fmt formats its name, optionally with a filter. */
static inline struct watch watch(const char *fmt, ...)
{
	struct watch w = { };
	char name[128], event[128];
	va_list ap;
	int p;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	snprintf(event, sizeof(event), "%.*s", (int)strcspn(name, ":"), name);
	w.source = find_source(event);
	for (p = MODULE; p < PROVIDERS; p++)
		w.subs[p] = open_by(w.source, name, p);
	open_chosen(&w, name);
	w.since = now();
	return w;
}

/* Return: true if @flags mark the field @key as unknown. */
static inline bool is_unknown(const char *key, size_t len, uint32_t flags)
{
	static const struct {
		const char *key;
		uint32_t flag;
	} keys[] = {
		{ "pid", KSIG_EVENT_NO_SUBJECT },
		{ "child", KSIG_EVENT_NO_VALUE },
		{ "status", KSIG_EVENT_NO_VALUE },
		{ "cgroup", KSIG_EVENT_NO_CGROUP },
		{ "delta", KSIG_EVENT_NO_VALUE },
		{ "comm", KSIG_EVENT_NO_COMM },
		{ "parent", KSIG_EVENT_NO_PARENT },
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (strlen(keys[i].key) == len && !memcmp(keys[i].key, key, len))
			return flags & keys[i].flag;
	}
	return false;
}

/*
 * Formats @fields. Fields that @flags mark as unknown get the value "unknown". A printed line has
 * no tgid, and no field that the object doesn't have, which @fields contains as "unknown".
 */
static inline void wanted_text(const char *fields, uint32_t flags, bool line,
			       char *buf, size_t size)
{
	const char *s, *end;
	size_t key, n = 0;

	*buf = '\0';
	for (s = fields; *s; s = end + strspn(end, " ")) {
		end = s + strcspn(s, " ");
		key = strcspn(s, "=");
		if (line && ((key == 4 && !memcmp(s, "tgid", 4)) ||
			     (end - s == (ptrdiff_t)(key + sizeof("unknown")) &&
			      !memcmp(s + key, "=unknown", sizeof("unknown")))))
			continue;
		if (is_unknown(s, key, flags))
			n += snprintf(buf + n, size - n, " %.*s=unknown",
				      (int)key, s);
		else
			n += snprintf(buf + n, size - n, " %.*s",
				      (int)(end - s), s);
		CHECK(n < size);
	}
}

static inline size_t field_text(const struct ksig_field *f, char *buf,
				size_t size)
{
	if (!f->known)
		return snprintf(buf, size, " %s=unknown", f->name);
	if (f->type == KSIG_FIELD_STRING)
		return snprintf(buf, size, " %s=%s", f->name, f->str);
	if (f->type == KSIG_FIELD_SIGNED)
		return snprintf(buf, size, " %s=%lld", f->name,
				(long long)f->s);
	return snprintf(buf, size, " %s=%llu", f->name,
			(unsigned long long)f->u);
}

/*
 * Formats all fields. Checks that looking up a field by name and by index returns the same value.
 */
static inline void found_text(const struct ksig_sub *sub,
			      const struct ksig_event *ev, char *buf,
			      size_t size)
{
	struct ksig_field f = { .sz = sizeof(f) }, g = { .sz = sizeof(g) };
	unsigned int i;
	size_t n = 0;

	*buf = '\0';
	for (i = 0; !ksig_event_field(sub, ev, i, &f); i++) {
		g = field(sub, ev, f.name);
		CHECK(f.known == g.known && f.type == g.type && f.u == g.u &&
		      f.s == g.s && f.str == g.str);
		n += field_text(&f, buf + n, size - n);
		CHECK(n < size);
	}
}

static inline void check_text(const char *got, const char *wanted)
{
	if (strcmp(got, wanted))
		fail(__FILE__, __LINE__, "it is '%s', not '%s'", got, wanted);
}

/* Checks @ev against @x. @flags mark the unknown fields. */
static inline void check_record(const struct ksig_sub *sub,
				const struct ksig_event *ev,
				const struct expected *x, uint32_t flags)
{
	char got[320], wanted[320], line[384];

	CHECK_EQ(ev->flags, flags);
	CHECK_EQ(ev->lost_before, 0);
	CHECK_EQ(ev->type, x->type);
	CHECK_EQ(ev->subject, flags & KSIG_EVENT_NO_SUBJECT ? 0 : x->subject);
	CHECK_EQ(ev->value, flags & KSIG_EVENT_NO_VALUE ? 0 : x->value);
	CHECK_EQ(ev->len, x->len);
	found_text(sub, ev, got, sizeof(got));
	wanted_text(x->fields, flags, false, wanted, sizeof(wanted));
	check_text(got, wanted);
	wanted_text(x->fields, flags, true, wanted, sizeof(wanted));
	snprintf(line, sizeof(line), "%s%s", ksig_sub_event(sub, 0), wanted);
	CHECK_EQ(ksig_event_format(sub, ev, got, sizeof(got)), strlen(line));
	check_text(got, line);
}

static inline enum provider who_is(const struct ksig_sub *sub)
{
	int p = MODULE;

	while (strcmp(provider_names[p], ksig_sub_provider(sub, 0)))
		p++;
	return p;
}

/*
 * Checks that the next record from each provider is @x and that its time is not before the previous
 * record was handled.
 */
static inline void watch_expect(struct watch *w, const struct expected *x)
{
	const struct ksig_event *ev;
	enum provider p;
	uint32_t flags;
	int i;

	w->records++;
	for (i = 0; i <= CHOSEN; i++) {
		if (!w->subs[i])
			continue;
		p = who_is(w->subs[i]);
		printf("%s, record %llu by %s\n", w->source->event,
		       (unsigned long long)w->records, provider_names[p]);
		ev = sub_take(w->subs[i]);
		flags = w->source->unknown[p] | x->unknown[p];
		flags |= ev->flags & x->maybe[p];
		check_record(w->subs[i], ev, x, flags);
		CHECK_EQ(ev->seq, w->records);
		CHECK((int64_t)ev->time_ns >= w->since);
		CHECK((int64_t)ev->time_ns <= now());
	}
	w->since = now();
}

/*
 * Checks that no more records arrive. The stream may have ended because the watched process exited.
 */
static inline void watch_silent(struct watch *w)
{
	const struct ksig_event *ev;
	int i, got;

	for (i = 0; i <= CHOSEN; i++) {
		if (!w->subs[i])
			continue;
		/* waiting on the first subscription also gives the others time */
		got = ksig_sub_next(w->subs[i], i ? SECOND / 50 : SECOND / 5,
				    &ev);
		if (got && got != -ESHUTDOWN)
			fail(__FILE__, __LINE__, "%s by %s: %d, subject %llu, value %llu",
			     w->source->event, ksig_sub_provider(w->subs[i], 0),
			     got, ev->subject, ev->value);
		CHECK_EQ(sub_stats(w->subs[i]).delivered, w->records);
		CHECK_EQ(sub_stats(w->subs[i]).lost, 0);
	}
}

static inline void watch_drop(struct watch *w)
{
	int i;

	for (i = 0; i <= CHOSEN; i++)
		ksig_sub_close(w->subs[i]);
}

static inline void watch_close(struct watch *w)
{
	watch_silent(w);
	watch_drop(w);
}

#endif /* EVENTS_H */
