// SPDX-License-Identifier: MIT
/*
 * The cgroups that exist, and the inotify watches of their directories and files. inotify reports a
 * change of a file only if the file itself is watched, because the kernel notifies only cached
 * inodes, and a watch keeps the inode cached.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "group.h"
#include "../text.h"

/* How long to wait before the cgroups that could not be watched are tried again */
#define RETRY_S 5

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct ksig_group *)a)->path, ((const struct ksig_group *)b)->path);
}

static int by_wd(const void *a, const void *b)
{
	int x = ((const struct ksig_group_watch *)a)->wd, y = ((const struct ksig_group_watch *)b)->wd;

	return (x > y) - (x < y);
}

struct ksig_group *ksig_group_find(struct ksig_hierarchy *s, char *path)
{
	const struct ksig_group key = { .path = path };
	struct ksig_group **found = tfind(&key, &s->by_path, by_path);

	return found ? *found : NULL;
}

const struct ksig_group_watch *ksig_group_find_watch(struct ksig_hierarchy *s, int wd)
{
	const struct ksig_group_watch key = { .wd = wd };
	struct ksig_group_watch **found = tfind(&key, &s->by_wd, by_wd);

	return found ? *found : NULL;
}

static void group_remove_watch(struct ksig_hierarchy *s, struct ksig_group_watch *w)
{
	if (w->wd < 0)
		return;
	tdelete(w, &s->by_wd, by_wd);
	inotify_rm_watch(s->inotify, w->wd);
	w->wd = -1;
}

/* Remembers that a cgroup could not be watched. A running subscription reports what it can. */
static void group_miss(struct ksig_native *n)
{
	struct ksig_hierarchy *s = n->state;
	const struct ksig_sub_opts *opts = n->stream->opts;
	const struct itimerspec again = { .it_value.tv_sec = RETRY_S };

	if (!s->missed && opts->log)
		opts->log(opts->log_ctx,
			  "not all cgroups can be watched: raise fs.inotify.max_user_watches");
	s->missed = true;
	ksig_native_lose_upto(n, 1);
	timerfd_settime(s->timer, 0, &again, NULL);
}

/*
 * Watches @which, unless the same file is watched already.
 * Return: 1 if it is watched from now on, and its content is unknown; 0; or -errno.
 */
static int group_watch(struct ksig_native *n, struct ksig_group *cg, int which)
{
	struct ksig_hierarchy *s = n->state;
	struct ksig_group_watch *w = &cg->watch[which];
	const bool known = w->known;
	const uint32_t mask = which == KSIG_GROUP_DIRECTORY ?
			      IN_CREATE | IN_DELETE | IN_ONLYDIR : IN_MODIFY;
	char *path = ksig_group_file(s, cg->path, which);
	/* the watch descriptor of the same file stays the same */
	int wd = path ? inotify_add_watch(s->inotify, path, mask) : -1;
	int err = wd < 0 ? -errno : 0;

	free(path);
	if (wd >= 0 && wd == w->wd)
		return 0;
	/* the file was removed or replaced if a controller was disabled or enabled */
	group_remove_watch(s, w);
	if (err == -ENOSPC && !s->joining)
		group_miss(n);
	else if (err && !ksig_group_is_hidden(err))
		return err;
	/* a file that doesn't exist yet starts like that of a new cgroup: all counts are 0 */
	w->known = true;
	if (err)
		return 0;
	w->wd = wd;
	if (tsearch(w, &s->by_wd, by_wd))
		return !known;
	inotify_rm_watch(s->inotify, wd);
	w->wd = -1;
	return -ENOMEM;
}

static void group_free(void *node)
{
	struct ksig_group *cg = node;

	free(cg->path);
	free(cg);
}

static void group_gone(struct ksig_native *n, struct ksig_group *cg)
{
	struct ksig_hierarchy *s = n->state;
	struct ksig_group_watch *w;

	/* it was empty before it was removed, even if that was not noticed */
	ksig_group_set(n, cg, &cg->populated, false, KSIG_CGROUP_EMPTY);
	ksig_group_put_gone(n, KSIG_CGROUP_POPULATED, cg->path);
	ksig_group_put_gone(n, cg->frozen ? KSIG_CGROUP_THAWED : KSIG_CGROUP_FROZEN, cg->path);
	ksig_group_put(n, KSIG_CGROUP_REMOVE, cg->path, 0);
	for (w = cg->watch; w < cg->watch + KSIG_GROUP_WATCHES; w++)
		group_remove_watch(s, w);
	tdelete(cg, &s->by_path, by_path);
	group_free(cg);
}

/* Return: the new cgroup, or NULL. */
static struct ksig_group *group_new(struct ksig_hierarchy *s, const char *path, ino_t ino)
{
	struct ksig_group *cg = calloc(1, sizeof(*cg));
	int i;

	if (!cg)
		return NULL;
	cg->path = strdup(path);
	cg->ino = ino;
	for (i = 0; i < KSIG_GROUP_WATCHES; i++)
		cg->watch[i] = (struct ksig_group_watch) { .wd = -1, .cg = cg, .which = i };
	if (cg->path && tsearch(cg, &s->by_path, by_path))
		return cg;
	group_free(cg);
	return NULL;
}

static void group_collect(const void *node, VISIT visit, void *arg)
{
	struct ksig_group_list *l = arg;
	struct ksig_group **grown;

	if (visit != postorder && visit != leaf)
		return;
	grown = ksig_native_grow(l->list, l->n, &l->room, sizeof(*l->list));
	if (!grown) {
		l->failed = true;
		return;
	}
	l->list = grown;
	l->list[l->n++] = *(struct ksig_group *const *)node;
}

int ksig_hierarchy_list(struct ksig_hierarchy *s, struct ksig_group_list *l)
{
	*l = (struct ksig_group_list) { };
	twalk_r(s->by_path, group_collect, l);
	if (!l->failed)
		return 0;
	free(l->list);
	l->list = NULL;
	return -ENOMEM;
}

int ksig_group_sweep(struct ksig_native *n, const char *path)
{
	struct ksig_group_list l;
	struct ksig_group *cg;
	size_t len = path ? strlen(path) : 0, i;
	int err = ksig_hierarchy_list(n->state, &l);

	if (err)
		return err;
	/* children are removed before their parents */
	for (i = l.n; i; i--) {
		cg = l.list[i - 1];
		if (path ? !strncmp(cg->path, path, len) &&
				   (!cg->path[len] || cg->path[len] == '/') : !cg->seen)
			group_gone(n, cg);
	}
	free(l.list);
	return 0;
}

/*
 * Lists the children of a cgroup, so that no directory is open while they are entered. The caller
 * frees *@names, which are separated by NUL.
 * Return: the size of *@names, or -errno.
 */
static ssize_t group_list_children(struct ksig_hierarchy *s, const char *path, char **names)
{
	char *full = ksig_group_file(s, path, KSIG_GROUP_DIRECTORY), *more;
	DIR *dir = full ? opendir(full) : NULL;
	size_t used = 0, size;
	struct dirent *d;
	int err = dir ? 0 : -errno;

	*names = NULL;
	free(full);
	while (dir && !err && (d = readdir(dir))) {
		if (d->d_type != DT_DIR || ksig_text_is_dot(d->d_name))
			continue;
		size = strlen(d->d_name) + 1;
		more = realloc(*names, used + size);
		err = more ? 0 : -ENOMEM;
		if (err)
			break;
		*names = more;
		memcpy(more + used, d->d_name, size);
		used += size;
	}
	if (dir)
		closedir(dir);
	return err ? err : (ssize_t)used;
}

static int group_enter_children(struct ksig_native *n, char *path)
{
	size_t len = strlen(path), room = KSIG_CGROUP_PATH_MAX - len;
	char *names, *name;
	ssize_t size = group_list_children(n->state, path, &names);
	int err = size < 0 ? (int)size : 0;

	for (name = names; !err && name < names + size; name += strlen(name) + 1) {
		if (snprintf(path + len, room, "/%s", name) < (int)room)
			err = ksig_group_enter(n, path);
	}
	path[len] = '\0';
	free(names);
	return len && ksig_group_is_hidden(err) ? 0 : err;
}

/* Watches a file of a cgroup if it is needed, and reports what has changed. Return: 0 or -errno. */
static int group_follow(struct ksig_native *n, struct ksig_group *cg, int which, bool is_new)
{
	struct ksig_hierarchy *s = n->state;
	const bool quiet = s->quiet;
	int unknown;

	if (!ksig_group_is_needed(n, cg->path, which))
		return 0;
	unknown = group_watch(n, cg, which);
	if (unknown < 0 || cg->watch[which].wd < 0)
		return unknown < 0 ? unknown : 0;
	/* the first read of a file that exists already sets the state, and is not a change */
	s->quiet |= unknown && !is_new;
	unknown = ksig_group_update(n, cg, which);
	s->quiet = quiet;
	return unknown;
}

int ksig_group_enter(struct ksig_native *n, char *path)
{
	struct ksig_hierarchy *s = n->state;
	struct ksig_group *cg = ksig_group_find(s, path);
	bool below = ksig_group_is_needed(n, path, KSIG_GROUP_DIRECTORY);
	char *full = ksig_group_file(s, path, KSIG_GROUP_DIRECTORY);
	struct stat st;
	bool is_new;
	int err, which;

	if (!full)
		return -ENOMEM;
	err = stat(full, &st) ? -errno : 0;
	free(full);
	/* without the root, there would be nothing at all to report */
	if (err)
		return *path && ksig_group_is_hidden(err) ? 0 : err;
	if (cg && cg->ino != st.st_ino) {
		err = ksig_group_sweep(n, path);
		if (err)
			return err;
		cg = NULL;
	}
	is_new = !cg;
	if (is_new) {
		cg = group_new(s, path, st.st_ino);
		if (!cg)
			return -ENOMEM;
		ksig_group_put(n, KSIG_CGROUP_CREATE, path, 0);
	}
	cg->seen = true;
	/* watch this before listing the children, so that no change is missed */
	err = ksig_group_is_needed(n, path, KSIG_GROUP_CONTROL) ?
	      group_watch(n, cg, KSIG_GROUP_CONTROL) : 0;
	if (err < 0)
		return err;
	for (which = KSIG_GROUP_EVENTS; which <= KSIG_GROUP_MEMORY; which++) {
		err = group_follow(n, cg, which, is_new);
		if (err)
			return err;
	}
	/* children that are created from now on are reported, so list the others afterwards */
	err = below ? group_watch(n, cg, KSIG_GROUP_DIRECTORY) : 0;
	return err < 0 || !below ? err : group_enter_children(n, path);
}

int ksig_group_renew(struct ksig_native *n, const struct ksig_group *parent)
{
	const size_t len = strlen(parent->path);
	struct ksig_group_list l;
	struct ksig_group *cg;
	int err = ksig_hierarchy_list(n->state, &l);
	size_t i;

	for (i = 0; !err && i < l.n; i++) {
		cg = l.list[i];
		if (!strncmp(cg->path, parent->path, len) && cg->path[len] == '/' &&
		    !strchr(cg->path + len + 1, '/'))
			err = group_follow(n, cg, KSIG_GROUP_MEMORY, false);
	}
	free(l.list);
	return err;
}

int ksig_hierarchy_walk(struct ksig_native *n)
{
	struct ksig_hierarchy *s = n->state;
	char path[KSIG_CGROUP_PATH_MAX] = "";
	struct ksig_group_list l;
	size_t i;
	int err = ksig_hierarchy_list(s, &l);

	if (err)
		return err;
	for (i = 0; i < l.n; i++)
		l.list[i]->seen = false;
	free(l.list);
	err = ksig_group_enter(n, path);
	return err ? err : ksig_group_sweep(n, NULL);
}

/* A watch is part of its cgroup. */
static void group_keep(void *watch)
{
	(void)watch;
}

void ksig_hierarchy_free(struct ksig_hierarchy *s)
{
	tdestroy(s->by_wd, group_keep);
	tdestroy(s->by_path, group_free);
}
