// SPDX-License-Identifier: MIT
/* One cgroup: which of its files a stream needs, what they contain, and the events about it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "group.h"

/* ------------------------------------------------------------------- records */

void ksig_group_fill(const struct ksig_native *user, struct ksig_event *ev, const char *path)
{
	const struct ksig_hierarchy *s = user->state;
	char name[KSIG_CGROUP_PATH_MAX], unit[NAME_MAX + 1];

	if (snprintf(name, sizeof(name), "%s%s", s->root, path) >= (int)sizeof(name))
		return;
	ksig_native_set_text(user, ev, "cgroup", *name ? name : "/");
	ksig_cgroup_unit(name, unit);
	ksig_native_set_text(user, ev, "unit", unit);
}

static void group_put(struct ksig_native *n, uint32_t type, const char *path, uint64_t count,
		      bool gone)
{
	struct ksig_hierarchy *s = n->state;
	struct ksig_native *user;
	struct ksig_event *ev;
	unsigned int i;

	for (i = 0; i < n->users->n && !s->quiet; i++) {
		user = n->users->user[i];
		if (user->desc->type != type)
			continue;
		/* a message can cause several events; without memory they are counted as lost */
		ksig_native_reserve(user, 1);
		ev = gone ? ksig_native_put_gone(user, ksig_now()) :
			    ksig_native_put(user, ksig_now());
		if (!ev)
			continue;
		ksig_group_fill(user, ev, path);
		ev->value = count;
	}
}

void ksig_group_put(struct ksig_native *n, uint32_t type, const char *path, uint64_t count)
{
	group_put(n, type, path, count, false);
}

void ksig_group_put_gone(struct ksig_native *n, uint32_t type, const char *path)
{
	group_put(n, type, path, 0, true);
}

/* ------------------------------------------------------------------- filters */

/* What has to be watched for the events of each type */
static const int needs[] = {
	[KSIG_CGROUP_CREATE] = KSIG_GROUP_DIRECTORY,
	[KSIG_CGROUP_REMOVE] = KSIG_GROUP_DIRECTORY,
	[KSIG_CGROUP_POPULATED] = KSIG_GROUP_EVENTS,
	[KSIG_CGROUP_EMPTY] = KSIG_GROUP_EVENTS,
	[KSIG_CGROUP_FROZEN] = KSIG_GROUP_EVENTS,
	[KSIG_CGROUP_THAWED] = KSIG_GROUP_EVENTS,
	[KSIG_CGROUP_HIGH] = KSIG_GROUP_MEMORY,
	[KSIG_CGROUP_MAX] = KSIG_GROUP_MEMORY,
	[KSIG_CGROUP_OOM] = KSIG_GROUP_MEMORY,
};

/* Return: whether a descendant of @path can match one of the alternatives. */
static bool group_can_precede(const struct ksig_cond *c, const char *path)
{
	const struct ksig_word *w;
	size_t literal, len = strlen(path);

	for (w = c->words; w < c->words + c->n_words; w++) {
		literal = w->pattern ? strcspn(w->text, "*?[\\") : strlen(w->text);
		if (literal > len ? !strncmp(w->text, path, len) && w->text[len] == '/' :
				    w->pattern && !strncmp(w->text, path, literal))
			return true;
	}
	return false;
}

/*
 * Checks whether a cgroup satisfies the stream's conditions on "cgroup" and "unit". If @below is
 * set, checks whether a descendant can satisfy them.
 */
static bool group_is_wanted(const struct ksig_native *user, const char *path, bool below)
{
	const struct ksig_hierarchy *s = user->state;
	char name[KSIG_CGROUP_PATH_MAX], unit[NAME_MAX + 1];
	const struct ksig_cond *c;
	bool slices;
	unsigned int i;

	snprintf(name, sizeof(name), "%s%s", s->root, path);
	slices = ksig_cgroup_unit(name, unit);
	memset(s->scratch, 0, user->desc->event_size);
	ksig_group_fill(user, s->scratch, path);
	for (i = 0; i < user->stream->spec.n_conds; i++) {
		c = &user->stream->spec.conds[i];
		if (!strcmp(c->key, "cgroup") &&
		    !(below ? c->op == KSIG_OP_NE || group_can_precede(c, name) :
			      ksig_cond_match(c, s->scratch)))
			return false;
		if (!strcmp(c->key, "unit") && !(below && slices) &&
		    !ksig_cond_match(c, s->scratch))
			return false;
	}
	return true;
}

bool ksig_group_is_needed(const struct ksig_native *n, const char *path, int which)
{
	const bool below = which == KSIG_GROUP_DIRECTORY || which == KSIG_GROUP_CONTROL;
	const int need = which == KSIG_GROUP_CONTROL ? KSIG_GROUP_MEMORY : which;
	const struct ksig_hierarchy *s = n->state;
	const struct ksig_native *user;
	unsigned int i;

	for (i = 0; i <= n->users->n; i++) {
		user = i < n->users->n ? n->users->user[i] : s->joining;
		if (user && (need == KSIG_GROUP_DIRECTORY || need == needs[user->desc->type]) &&
		    group_is_wanted(user, path, below))
			return true;
	}
	return false;
}

bool ksig_group_is_covered(const struct ksig_native *n)
{
	const struct ksig_native *user;
	unsigned int i;

	for (i = 0; i < n->users->n; i++) {
		user = n->users->user[i];
		if ((needs[n->desc->type] == KSIG_GROUP_DIRECTORY ||
		     needs[n->desc->type] == needs[user->desc->type]) &&
		    ksig_spec_same_filter(&n->stream->spec, &user->stream->spec))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------- one cgroup's state */

bool ksig_group_is_hidden(int err)
{
	return err == -ENOENT || err == -ENODEV || err == -EACCES || err == -EPERM ||
	       err == -ENAMETOOLONG;
}

char *ksig_group_file(const struct ksig_hierarchy *s, const char *path, int which)
{
	static const char *const files[] = {
		"", "/cgroup.events", "/memory.events.local", "/cgroup.subtree_control",
	};
	char *full;

	return asprintf(&full, "%s%s%s", s->mount, path, files[which]) < 0 ? NULL : full;
}

static bool group_get(const char *text, const char *key, uint64_t *number)
{
	const char *at = text;
	size_t len = strlen(key);

	while (at && (strncmp(at, key, len) || at[len] != ' ')) {
		at = strchr(at, '\n');
		at += !!at;
	}
	return at && sscanf(at + len, "%" SCNu64, number) == 1;
}

void ksig_group_set(struct ksig_native *n, struct ksig_group *cg, bool *state, bool now,
		    uint32_t type)
{
	if (*state != now)
		ksig_group_put(n, type, cg->path, 0);
	*state = now;
}

int ksig_group_update(struct ksig_native *n, struct ksig_group *cg, int which)
{
	static const struct {
		const char *key;
		uint32_t type;
	} counts[] = {
		{ "high", KSIG_CGROUP_HIGH },
		{ "max", KSIG_CGROUP_MAX },
		{ "oom", KSIG_CGROUP_OOM },
	};
	char text[512] = "", *path = ksig_group_file(n->state, cg->path, which);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int err = len < 0 ? -errno : 0;
	uint64_t number;
	size_t i;

	if (fd >= 0)
		close(fd);
	free(path);
	/* the cgroup is being removed, or is not accessible to this user */
	if (err)
		return ksig_group_is_hidden(err) ? 0 : err;
	if (group_get(text, "populated", &number))
		ksig_group_set(n, cg, &cg->populated, number,
			   number ? KSIG_CGROUP_POPULATED : KSIG_CGROUP_EMPTY);
	if (group_get(text, "frozen", &number))
		ksig_group_set(n, cg, &cg->frozen, number,
			   number ? KSIG_CGROUP_FROZEN : KSIG_CGROUP_THAWED);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		if (!group_get(text, counts[i].key, &number) || number == cg->counts[i])
			continue;
		/* the controller was disabled and enabled again */
		if (number < cg->counts[i])
			cg->counts[i] = 0;
		if (number)
			ksig_group_put(n, counts[i].type, cg->path, number - cg->counts[i]);
		cg->counts[i] = number;
	}
	return 0;
}
