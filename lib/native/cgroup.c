// SPDX-License-Identifier: MIT
/*
 * cgroup.*: the cgroups of the cgroup2 hierarchy. inotify reports the directories that are created
 * and removed, and each change of a cgroup's files cgroup.events and memory.events.local. What has
 * changed is detected by comparing a file with its previous content.
 *
 * Only the directories that can contain a cgroup of interest are watched, and only the files that
 * the streams need, so that most other cgroups cause no wake-ups.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "group.h"

/* --------------------------------------------------------------------- messages */

static int cgroup_handle(struct ksig_native *n, const struct inotify_event *msg)
{
	struct ksig_hierarchy *s = n->state;
	const struct ksig_group_watch *w = ksig_group_find_watch(s, msg->wd);
	char path[KSIG_CGROUP_PATH_MAX], *full;
	struct ksig_group *cg;
	struct stat st;
	int err;

	/* nothing is lost: each state and each count is compared with the last one */
	if (msg->mask & IN_Q_OVERFLOW)
		return ksig_hierarchy_walk(n);
	if (w && w->which == KSIG_GROUP_CONTROL)
		return msg->mask & IN_MODIFY ? ksig_group_renew(n, w->cg) : 0;
	if (w && w->which != KSIG_GROUP_DIRECTORY)
		return msg->mask & IN_MODIFY ? ksig_group_update(n, w->cg, w->which) : 0;
	/* a child was created or removed */
	if (!w || !(msg->mask & IN_ISDIR) || !msg->len ||
	    snprintf(path, sizeof(path), "%s/%s", w->cg->path, msg->name) >= (int)sizeof(path))
		return 0;
	if (msg->mask & IN_CREATE)
		return ksig_group_enter(n, path);
	cg = ksig_group_find(s, path);
	if (!cg)
		return 0;
	full = ksig_group_file(s, path, KSIG_GROUP_DIRECTORY);
	if (!full)
		return -ENOMEM;
	err = stat(full, &st);
	free(full);
	/* otherwise the message is about an earlier cgroup of this name */
	return err || st.st_ino != cg->ino ? ksig_group_sweep(n, path) : 0;
}

static int cgroup_pull(struct ksig_native *n)
{
	struct ksig_hierarchy *s = n->state;
	char buf[sizeof(struct inotify_event) + NAME_MAX + 1]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *msg;
	uint64_t expired;
	ssize_t len, at;
	uint32_t i;
	int err;

	/* watches may be available again */
	s->stale |= read(s->timer, &expired, sizeof(expired)) > 0;
	err = s->stale ? ksig_hierarchy_walk(n) : 0;
	s->stale = err;
	/* limit the number of messages, because they may arrive faster than they are read */
	for (i = 0; i < n->len && ksig_native_room(n) && !err; i++) {
		len = read(s->inotify, buf, sizeof(buf));
		if (len < 0)
			return errno == EAGAIN ? 0 : -errno;
		for (at = 0; at < len; at += sizeof(*msg) + msg->len) {
			msg = (void *)(buf + at);
			err = err ? err : cgroup_handle(n, msg);
		}
		s->stale = err;
	}
	return err ? err : ksig_native_pulled(n, i);
}

static int cgroup_initial(struct ksig_native *n)
{
	struct ksig_hierarchy *s = n->state;
	uint64_t time_ns = ksig_now();
	struct ksig_native *user;
	struct ksig_group_list l;
	unsigned int i;
	size_t j;
	int err;

	/* the walk reads the current state, so messages that are already queued report no change */
	s->quiet = true;
	err = ksig_hierarchy_walk(n);
	s->quiet = false;
	if (!err)
		err = ksig_hierarchy_list(s, &l);
	if (err)
		return err;
	for (i = 0; i < n->users->n && !err; i++) {
		user = n->users->user[i];
		err = ksig_native_reserve(user, l.n);
		for (j = 0; j < l.n && !err; j++) {
			const struct ksig_group *cg = l.list[j];
			const bool known = cg->watch[KSIG_GROUP_EVENTS].wd >= 0;
			const bool is_in_state[] = {
				[KSIG_CGROUP_CREATE] = *cg->path,
				[KSIG_CGROUP_POPULATED] = known && cg->populated,
				[KSIG_CGROUP_EMPTY] = known && !cg->populated,
				[KSIG_CGROUP_FROZEN] = known && cg->frozen,
				[KSIG_CGROUP_THAWED] = known && !cg->frozen,
				[KSIG_CGROUP_OOM] = false,
			};

			if (is_in_state[user->desc->type])
				ksig_group_fill(user, ksig_native_put_initial(user, time_ns),
						cg->path);
		}
	}
	free(l.list);
	return err;
}

/* ------------------------------------------------------------------ open and close */

static void cgroup_close(struct ksig_native *n)
{
	struct ksig_hierarchy *s = n->state;

	if (s->inotify >= 0)
		close(s->inotify);
	if (s->timer >= 0)
		close(s->timer);
	ksig_hierarchy_free(s);
	free(s->scratch);
	free(s->mount);
	free(s->root);
	free(s);
}

static int cgroup_fail(struct ksig_error *e, int err)
{
	if (err == -ENOSPC || err == -EMFILE)
		return ksig_fail(e, 0, -err, "cannot watch the cgroups: too many inotify %s",
				 err == -ENOSPC ? "watches (raise fs.inotify.max_user_watches)" :
				 "instances (raise fs.inotify.max_user_instances) or open files");
	return ksig_native_fail(e, err, "cannot watch the cgroups");
}

/* Checks that the events about memory can occur: some systems use the controller in cgroup v1. */
static int cgroup_check_memory(const struct ksig_native *n, struct ksig_error *e)
{
	const struct ksig_hierarchy *s = n->state;
	char line[512], *controllers = NULL;
	bool found;
	FILE *f;

	if (n->desc->type < KSIG_CGROUP_HIGH)
		return 0;
	if (asprintf(&controllers, "%s/cgroup.controllers", s->mount) < 0)
		return cgroup_fail(e, -ENOMEM);
	f = fopen(controllers, "re");
	free(controllers);
	found = f && fgets(line, sizeof(line), f) && strstr(line, "memory");
	if (f)
		fclose(f);
	return found ? 0 : ksig_fail(e, 0, EOPNOTSUPP,
				     "the cgroup2 hierarchy doesn't have the memory controller");
}

static int cgroup_open(struct ksig_native *n, struct ksig_stream *stream, struct ksig_error *e)
{
	struct ksig_hierarchy *s = calloc(1, sizeof(*s));
	char mount[KSIG_CGROUP_PATH_MAX], root[KSIG_CGROUP_PATH_MAX] = "";
	int err;

	(void)stream;
	if (!s)
		return cgroup_fail(e, -ENOMEM);
	n->state = s;
	s->inotify = -1;
	s->timer = -1;
	err = ksig_cgroup_path(NULL, 0, &s->mount, e);
	if (err)
		goto close;
	err = ksig_cgroup_mount(mount, root);
	if (!err && !*mount)
		err = -ENOENT;
	s->root = strdup(strcmp(root, "/") ? root : "");
	s->scratch = calloc(1, n->desc->event_size);
	if (!err && (!s->root || !s->scratch))
		err = -ENOMEM;
	s->inotify = err ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (!err)
		err = s->inotify < 0 ? -errno : ksig_native_watch(n, s->inotify, EPOLLIN);
	s->timer = err ? -1 : timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (!err)
		err = s->timer < 0 ? -errno : ksig_native_watch(n, s->timer, EPOLLIN);
	if (err) {
		cgroup_fail(e, err);
		goto close;
	}
	err = cgroup_check_memory(n, e);
	if (!err)
		return 0;
close:
	cgroup_close(n);
	return err;
}

/* Watches what the stream needs, and reads the state with which later changes are compared. */
static int cgroup_join(struct ksig_native *n, struct ksig_error *e)
{
	struct ksig_hierarchy *s = n->state;
	int err = cgroup_check_memory(n, e);

	if (err || ksig_group_is_covered(n))
		return err;
	s->joining = n;
	s->quiet = !n->users->n;
	err = ksig_hierarchy_walk(n);
	s->quiet = false;
	s->joining = NULL;
	return err ? cgroup_fail(e, err) : 0;
}

const struct ksig_native_source ksig_native_cgroup = {
	.shared = true,
	.open = cgroup_open,
	.join = cgroup_join,
	.initial = cgroup_initial,
	.close = cgroup_close,
	.pull = cgroup_pull,
};
