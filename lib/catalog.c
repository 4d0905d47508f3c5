// SPDX-License-Identifier: MIT
/*
 * The events that have a name everywhere, and what their records hold: as
 * ksig/uapi.h lays them out, whoever provides them.
 */
#include <string.h>

#include "lib.h"

#define HEADER sizeof(struct ksig_event)
#define RECORD(data) (HEADER + (sizeof(data) < 16 ? 16 : sizeof(data)))

#define SUBJECT(key, kind) \
	{ key, kind, offsetof(struct ksig_event, subject), 8, \
	  KSIG_EVENT_NO_SUBJECT, false, false }
#define VALUE(key, kind) \
	{ key, kind, offsetof(struct ksig_event, value), 8, \
	  KSIG_EVENT_NO_VALUE, false, false }
#define DATA(key, kind, where, member, unknown, hide) \
	{ key, kind, HEADER + offsetof(where, member), \
	  sizeof(((where *)0)->member), unknown, hide, false }

#define COMM_OF(where) \
	DATA("comm", KSIG_FIELD_STRING, where, comm, KSIG_EVENT_NO_COMM, false)
#define COMM COMM_OF(struct ksig_process_data)
#define TGID \
	DATA("tgid", KSIG_FIELD_SIGNED, struct ksig_process_data, tgid, 0, true)
#define PARENT \
	DATA("parent", KSIG_FIELD_SIGNED, struct ksig_process_data, parent, \
	     KSIG_EVENT_NO_PARENT, false)

static const struct ksig_field_desc fork_fields[] = {
	SUBJECT("pid", KSIG_FIELD_UNSIGNED),
	VALUE("child", KSIG_FIELD_UNSIGNED),
	COMM,
	TGID,
	PARENT,
};

static const struct ksig_field_desc exec_fields[] = {
	SUBJECT("pid", KSIG_FIELD_UNSIGNED),
	COMM,
	TGID,
	PARENT,
};

static const struct ksig_field_desc exit_fields[] = {
	SUBJECT("pid", KSIG_FIELD_UNSIGNED),
	VALUE("status", KSIG_FIELD_UNSIGNED),
	COMM,
	TGID,
	PARENT,
};

static const struct ksig_field_desc kill_fields[] = {
	SUBJECT("pid", KSIG_FIELD_UNSIGNED),
	COMM_OF(struct ksig_memory_data),
	{ "cgroup", KSIG_FIELD_STRING,
	  KSIG_RECORD_ADDED(RECORD(struct ksig_memory_data)), KSIG_CGROUP_MAX,
	  KSIG_EVENT_NO_CGROUP, false, true },
};

static const struct ksig_field_desc pressure_fields[] = {
	VALUE("stall_us", KSIG_FIELD_UNSIGNED),
};

static const struct ksig_field_desc net_fields[] = {
	SUBJECT("ifindex", KSIG_FIELD_UNSIGNED),
	DATA("ifname", KSIG_FIELD_STRING, struct ksig_net_data, ifname, 0,
	     false),
};

static const struct ksig_field_desc cpu_fields[] = {
	SUBJECT("cpu", KSIG_FIELD_UNSIGNED),
};

static const struct ksig_field_desc kmod_fields[] = {
	DATA("name", KSIG_FIELD_STRING, struct ksig_kmod_data, name, 0, false),
};

/* Nanoseconds that the wall clock was set forward. */
static const struct ksig_field_desc time_fields[] = {
	VALUE("delta", KSIG_FIELD_SIGNED),
};

/* As ksig emit and ksig listen show it. */
static const struct ksig_field_desc test_fields[] = {
	VALUE("value", KSIG_FIELD_SIGNED),
};

#define FIELDS(f) .n_fields = ARRAY_SIZE(f), .fields = f

#define PROCESS(event, number, f, text) \
	{ .name = "process." event, .description = text, \
	  .channel = "process", .type = number, .pids = true, \
	  .event_size = RECORD(struct ksig_process_data), FIELDS(f) }
#define MEMORY(event, number, text, ...) \
	{ .name = "memory." event, .description = text, .type = number, \
	  .event_size = RECORD(struct ksig_memory_data), __VA_ARGS__ }
#define NET(event, number, text) \
	{ .name = "net." event, .description = text, .channel = "net", \
	  .type = number, .event_size = RECORD(struct ksig_net_data), \
	  FIELDS(net_fields) }
#define KMOD(event, number, text) \
	{ .name = "kmod." event, .description = text, .channel = "kmod", \
	  .type = number, .event_size = RECORD(struct ksig_kmod_data), \
	  FIELDS(kmod_fields) }
#define PLAIN(event, node, number, text, ...) \
	{ .name = event, .description = text, .channel = node, \
	  .type = number, .event_size = HEADER + 16, __VA_ARGS__ }

static const struct ksig_event_desc events[] = {
	PROCESS("fork", KSIG_PROCESS_FORK, fork_fields,
		"a process has a new child"),
	PROCESS("exec", KSIG_PROCESS_EXEC, exec_fields,
		"a process runs another program"),
	PROCESS("exit", KSIG_PROCESS_EXIT, exit_fields,
		"a process has ended, with all its threads"),
	MEMORY("oom", KSIG_MEMORY_OOM,
	       "the machine is out of memory, a process may be killed next",
	       .channel = "memory", .pids = true),
	MEMORY("kill", KSIG_MEMORY_KILL,
	       "the OOM killer has chosen a process",
	       .channel = "memory", .pids = true, .cgroup = true,
	       FIELDS(kill_fields)),
	MEMORY("pressure", KSIG_MEMORY_PRESSURE,
	       "processes have waited too long for memory",
	       FIELDS(pressure_fields)),
	PLAIN("power.suspend", "power", KSIG_POWER_SUSPEND,
	      "the machine is about to sleep"),
	PLAIN("power.resume", "power", KSIG_POWER_RESUME,
	      "the machine has slept, or tried to"),
	NET("up", KSIG_NET_UP, "a network interface is up, with a carrier"),
	NET("down", KSIG_NET_DOWN, "a network interface is not up any more"),
	PLAIN("cpu.online", "cpu", KSIG_CPU_ONLINE,
	      "a cpu takes part from now on", FIELDS(cpu_fields)),
	PLAIN("cpu.offline", "cpu", KSIG_CPU_OFFLINE,
	      "a cpu takes no part any more", FIELDS(cpu_fields)),
	KMOD("load", KSIG_KMOD_LOAD, "a kernel module was loaded"),
	KMOD("unload", KSIG_KMOD_UNLOAD, "a kernel module was removed"),
	PLAIN("time.set", NULL, KSIG_TIME_SET, "the wall clock was set",
	      FIELDS(time_fields)),
	PLAIN("test", "test", 0, "whatever 'ksig emit' emits",
	      FIELDS(test_fields)),
};

/* What every record has, by names that fit any event. */
static const struct ksig_field_desc header_fields[] = {
	SUBJECT("subject", KSIG_FIELD_UNSIGNED),
	VALUE("value", KSIG_FIELD_SIGNED),
};

const struct ksig_event_desc *ksig_desc_at(unsigned int index)
{
	return index < ARRAY_SIZE(events) ? &events[index] : NULL;
}

const struct ksig_event_desc *ksig_desc_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		if (!strcmp(events[i].name, name))
			return &events[i];
	}
	return NULL;
}

static const struct ksig_field_desc *
find_field(const struct ksig_field_desc *fields, size_t n, const char *key)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!strcmp(fields[i].name, key))
			return &fields[i];
	}
	return NULL;
}

const struct ksig_field_desc *ksig_desc_field(const struct ksig_event_desc *d,
					      const char *key)
{
	const struct ksig_field_desc *fd;

	fd = find_field(d->fields, d->n_fields, key);
	return fd ? fd : find_field(header_fields, ARRAY_SIZE(header_fields),
				    key);
}

/* -------------------------------------------------------------- did you mean */

#define NAME_MOST 64

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* How many letters to change, add or leave out; two that changed places: one. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][NAME_MOST + 1], *above = rows[0], *row = rows[1];
	unsigned int *before = rows[2], *free_row;
	size_t i, j, len = strlen(b);

	if (strlen(a) > NAME_MOST || len > NAME_MOST)
		return NAME_MOST;
	for (j = 0; j <= len; j++)
		above[j] = j;
	for (i = 1; a[i - 1]; i++) {
		row[0] = i;
		for (j = 1; j <= len; j++) {
			row[j] = least(above[j], row[j - 1]) + 1;
			row[j] = least(row[j], above[j - 1] +
					       (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[len];
}

/* What differs in more than a third, or in more than three, means another. */
struct ksig_nearest ksig_nearest_to(const char *wanted)
{
	return (struct ksig_nearest) {
		.wanted = wanted,
		.distance = least(strlen(wanted) / 3, 3) + 1,
	};
}

/* The beginning of a name is as near as one letter. */
bool ksig_nearer(struct ksig_nearest *n, const char *name)
{
	unsigned int d = distance(n->wanted, name);
	size_t len = strlen(n->wanted);

	if (d > 1 && len >= 3 && !strncmp(n->wanted, name, len))
		d = 1;

	if (d >= n->distance)
		return false;
	n->distance = d;
	n->name = name;
	return true;
}

/* "exit" */
static const char *type_known(const char *name)
{
	const char *dot;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		dot = strchr(events[i].name, '.');
		if (dot && !strcmp(dot + 1, name))
			return events[i].name;
	}
	return NULL;
}

const char *ksig_desc_nearest(const char *name)
{
	struct ksig_nearest n = ksig_nearest_to(name);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		ksig_nearer(&n, events[i].name);
	return n.name ? n.name : type_known(name);
}

const char *ksig_desc_nearest_field(const struct ksig_event_desc *d,
				    const char *key)
{
	struct ksig_nearest n = ksig_nearest_to(key);
	size_t i;

	for (i = 0; i < d->n_fields; i++)
		ksig_nearer(&n, d->fields[i].name);
	for (i = 0; i < ARRAY_SIZE(header_fields); i++)
		ksig_nearer(&n, header_fields[i].name);
	return n.name;
}
