// SPDX-License-Identifier: MIT
/* The events that report the end of a state whose beginning another event reports. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cond.h"

/* The fields that identify an object */
static const char *const none[] = { NULL };
static const char *const interface[] = { "ifindex", NULL };
static const char *const cpu[] = { "cpu", NULL };
static const char *const module[] = { "name", NULL };
/* an interface that is renamed keeps its index */
static const char *const device[] = { "subsystem", "IFINDEX|name", NULL };
static const char *const cgroup[] = { "cgroup", "unit", NULL };
static const char *const mount[] = { "path", "source", "type", NULL };
static const char *const line[] = { "chip", "line", NULL };

/**
 * struct ksig_pair - two events, each of which ends the state that the other one reports
 * @events: the events
 * @identity: the fields that identify the object
 * @resumes: after events may have been lost, the state that results is reported
 */
static const struct ksig_pair {
	const char *events[2];
	const char *const *identity;
	bool resumes;
} pairs[] = {
	{ { "memory.pressure", "memory.calm" }, none, true },
	{ { "cpu.pressure", "cpu.calm" }, none, true },
	{ { "io.pressure", "io.calm" }, none, true },
	{ { "power.ac", "power.battery" }, none, true },
	{ { "net.up", "net.down" }, interface, true },
	{ { "cpu.online", "cpu.offline" }, cpu, false },
	{ { "kmod.load", "kmod.unload" }, module, false },
	{ { "device.add", "device.remove" }, device, false },
	{ { "cgroup.create", "cgroup.remove" }, cgroup, true },
	{ { "cgroup.populated", "cgroup.empty" }, cgroup, true },
	{ { "cgroup.frozen", "cgroup.thawed" }, cgroup, true },
	{ { "fs.full", "fs.free" }, mount, true },
	{ { "fs.mount", "fs.umount" }, mount, true },
	{ { "fs.readonly", "fs.writable" }, mount, true },
	{ { "gpio.rising", "gpio.falling" }, line, true },
};

int ksig_event_end(const char *event, char **end, const char *const **identity)
{
	const struct ksig_event_desc *d, *other;
	const struct ksig_pair *pair = pairs, *found = NULL;
	const struct ksig_cond *c;
	const char *const *key;
	struct ksig_spec spec;
	const char *name = NULL;
	char *text = NULL;
	bool any = false, is_one = false;
	size_t size;
	FILE *out;
	int err = ksig_spec_parse(event, &spec, NULL);

	if (err)
		return err;
	for (; !found && pair < pairs + ARRAY_SIZE(pairs); pair++) {
		if (!strcmp(pair->events[0], spec.name) || !strcmp(pair->events[1], spec.name))
			found = pair;
	}
	if (found)
		name = found->events[!strcmp(found->events[0], spec.name)];
	d = ksig_desc_find(spec.name);
	other = name ? ksig_desc_find(name) : NULL;
	if (!d || !other) {
		ksig_spec_free(&spec);
		return -ENOENT;
	}
	out = open_memstream(&text, &size);
	if (out)
		fputs(name, out);
	for (c = spec.conds; out && c < spec.conds + spec.n_conds; c++) {
		/* the state is that of the path, whatever is mounted there */
		is_one |= ksig_desc_setting(d, c->key) && !strcmp(c->key, "path");
		key = found->identity;
		while (*key && strcmp(*key, c->key))
			key++;
		if (ksig_desc_setting(d, c->key) ? !ksig_desc_setting(other, c->key) : !*key)
			continue;
		fprintf(out, "%c%s%s%s", any ? ',' : ':', c->key, ksig_op_text(c->op), c->text);
		any = true;
	}
	ksig_spec_free(&spec);
	if (!out || fclose(out)) {
		free(text);
		return -ENOMEM;
	}
	*end = text;
	*identity = is_one ? none : found->identity;
	return found->resumes;
}
