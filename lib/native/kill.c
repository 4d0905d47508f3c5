// SPDX-License-Identifier: MIT
/*
 * memory.kill: cgroups' memory.events. Its oom_kill counts the processes that the OOM killer
 * has killed in a cgroup and those below it, because of a cgroup's limit or the machine's.
 * Neither the process nor the limit is reported. The memory.events.local of the cgroups below
 * show in which of them it was: they are read when the count has changed, and only where
 * something was ever killed. The cgroup is the one that the memory is charged to: that of the
 * process, or its nearest ancestor with a memory controller.
 *
 * The memory.events of the root's children are watched, since the root itself has no such file
 * unless it is a container's. So a kill of a process in the root cgroup is missed. So is one
 * in a child of the root that is removed immediately, unless the event is read in between.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "native.h"

#define EVENTS_FILE "memory.events"
#define LOCAL_FILE "memory.events.local"
#define READY_MOST 16

/**
 * struct kill_group - a cgroup
 * @name: in the root's folder; "" for the only one
 * @fd: its memory.events
 * @kills: its count so far
 * @stale: the counts of the cgroups below are too old to show where a process was killed
 */
struct kill_group {
	char *name;
	int fd;
	uint64_t kills;
	bool stale;
};

/**
 * struct kill_local - a cgroup in which processes were killed; others have none
 * @id: its number
 * @top: fd of the struct kill_group that it is, or that it is below
 * @kills: its count so far, without those below it
 * @seen: it still exists
 */
struct kill_local {
	uint64_t id;
	int top;
	uint64_t kills;
	bool seen;
};

/**
 * struct kill_state - the cgroups that are watched
 * @root: folder of the root's children; -1: not open
 * @inotify: reports new ones; -1: there is only one cgroup
 * @groups: @n_groups of them
 * @room: size of @groups
 * @locals: @n_locals of them
 * @locals_room: size of @locals
 * @stale: events of @inotify were not all handled: the folder is to be searched again first
 */
struct kill_state {
	int root;
	int inotify;
	struct kill_group *groups;
	size_t n_groups;
	size_t room;
	struct kill_local *locals;
	size_t n_locals;
	size_t locals_room;
	bool stale;
};

/* Reading also resets @fd: epoll reports only later changes. 0 or -errno */
static int kill_read(int fd, uint64_t *kills)
{
	char buf[1024], *at;
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	at = strstr(buf, "\noom_kill ");
	return at && sscanf(at + 1, "oom_kill %" SCNu64, kills) == 1 ? 0 : -EIO;
}

/* ------------------------------------------------------- cgroups below one */

/**
 * struct kill_walk - a walk over a watched cgroup and those below
 * @n: the subscription
 * @top: fd of the struct kill_group
 * @left: kills whose cgroup is not known yet
 * @quiet: store the counts only
 */
struct kill_walk {
	struct ksig_native *n;
	int top;
	uint64_t left;
	bool quiet;
};

/* @id: the cgroup; 0: not known */
static void kill_put(struct ksig_native *n, uint64_t id)
{
	struct ksig_event *ev = ksig_native_put(n, ksig_now());
	struct ksig_memory_data *data;

	if (!ev)
		return;
	data = (void *)ev->data;
	data->cgroup_id = id;
	ev->flags |= KSIG_EVENT_NO_SUBJECT | KSIG_EVENT_NO_VALUE |
		    KSIG_EVENT_NO_COMM;
	ev->len = sizeof(*data);
}

/* The count in @folder's @file; 0 if it has no such file, or was removed. 0 or -errno */
static int kill_count(int folder, const char *file, uint64_t *kills)
{
	int fd = openat(folder, file, O_RDONLY | O_CLOEXEC), err;

	*kills = 0;
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? -errno : 0;
	err = kill_read(fd, kills);
	close(fd);
	return err == -ENODEV ? 0 : err;
}

/* Removes cgroups of @top that were not seen again; @all: all of @top. */
static void kill_forget_locals(struct kill_state *s, int top, bool all)
{
	size_t i = 0;

	while (i < s->n_locals) {
		if (s->locals[i].top == top && (all || !s->locals[i].seen))
			s->locals[i] = s->locals[--s->n_locals];
		else
			s->locals[i++].seen = false;
	}
}

/* Reports the kills in the cgroup @folder itself, or stores their number. */
static int kill_update_local(struct kill_walk *w, int folder)
{
	struct kill_state *s = w->n->state;
	struct kill_local *l;
	uint64_t kills;
	struct stat st;
	size_t i;
	int err = kill_count(folder, LOCAL_FILE, &kills);

	if (err || !kills)
		return err;
	if (fstat(folder, &st))
		return -errno;
	for (i = 0; i < s->n_locals; i++) {
		if (s->locals[i].id == st.st_ino && s->locals[i].top == w->top)
			break;
	}
	if (i == s->n_locals) {
		l = ksig_native_grow(s->locals, s->n_locals, &s->locals_room, sizeof(*l));
		if (!l)
			return -ENOMEM;
		s->locals = l;
		s->locals[s->n_locals++] = (struct kill_local) {
			.id = st.st_ino, .top = w->top,
		};
	}
	l = &s->locals[i];
	l->seen = true;
	if (w->quiet)
		l->kills = kills;
	/* more than @left: they are reported when the sum is read again */
	for (; l->kills < kills && w->left; l->kills++, w->left--)
		kill_put(w->n, l->id);
	return 0;
}

/* Closes @folder. A cgroup's count includes those below it. */
static int kill_walk(struct kill_walk *w, int folder)
{
	struct dirent *d;
	uint64_t kills;
	DIR *dir;
	int fd, err;

	dir = fdopendir(folder);
	if (!dir) {
		close(folder);
		return -ENOMEM;
	}
	err = kill_count(folder, EVENTS_FILE, &kills);
	if (!err && kills)
		err = kill_update_local(w, folder);
	while (!err && kills && (d = readdir(dir))) {
		if (*d->d_name == '.' || d->d_type != DT_DIR)
			continue;
		fd = openat(folder, d->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			err = kill_walk(w, fd);
		else if (errno == EMFILE || errno == ENFILE)
			err = -errno;
	}
	closedir(dir);
	return err;
}

/* Reports up to @left kills whose cgroup is known. Return: the number of the others. */
static uint64_t kill_walk_group(struct ksig_native *n, struct kill_group *g,
				uint64_t left, bool quiet)
{
	struct kill_state *s = n->state;
	struct kill_walk w = {
		.n = n, .top = g->fd, .left = left, .quiet = quiet || g->stale,
	};
	int fd = openat(s->root, *g->name ? g->name : ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	g->stale = fd < 0 || kill_walk(&w, fd);
	if (!g->stale)
		kill_forget_locals(s, g->fd, false);
	return w.left;
}

/* ------------------------------------------------------------ watched cgroups */

static void kill_remove_group(struct ksig_native *n, struct kill_group *g)
{
	struct kill_state *s = n->state;

	kill_forget_locals(s, g->fd, true);
	ksig_native_unwatch(n, g->fd);
	free(g->name);
	*g = s->groups[--s->n_groups];
}

/* Takes @fd, unless it fails. */
static int kill_add_group(struct ksig_native *n, const char *name, int fd,
			  uint64_t kills)
{
	struct kill_state *s = n->state;
	struct kill_group *g;
	char *copy;
	int err;

	g = ksig_native_grow(s->groups, s->n_groups, &s->room, sizeof(*g));
	if (!g)
		return -ENOMEM;
	s->groups = g;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	err = ksig_native_watch(n, fd, EPOLLPRI);
	if (err) {
		free(copy);
		return err;
	}
	s->groups[s->n_groups] = (struct kill_group) { copy, fd, kills, false };
	/* earlier kills are not reported */
	if (kills)
		kill_walk_group(n, &s->groups[s->n_groups], 0, true);
	s->n_groups++;
	return 0;
}

static int kill_open_events(int folder, const char *name)
{
	char path[NAME_MAX + sizeof("/" EVENTS_FILE)];
	int fd;

	snprintf(path, sizeof(path), "%s%s" EVENTS_FILE, name,
		 *name ? "/" : "");
	fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Reports the kills since the last call. Return: 0; -ENODEV if the cgroup was removed. */
static int kill_update_group(struct ksig_native *n, struct kill_group *g)
{
	uint64_t kills, left;
	int err = kill_read(g->fd, &kills);

	if (err || kills <= g->kills)
		return err;
	for (left = kill_walk_group(n, g, kills - g->kills, false); left; left--)
		kill_put(n, 0);
	g->kills = kills;
	return 0;
}

/* @begun: it existed before the subscription. If not, all kills in it are new. */
static int kill_update_child(struct ksig_native *n, const char *name, bool begun)
{
	struct kill_state *s = n->state;
	uint64_t kills = 0;
	int err, fd;
	size_t i;

	for (i = 0; i < s->n_groups; i++) {
		if (!strcmp(s->groups[i].name, name))
			break;
	}
	if (i < s->n_groups) {
		err = kill_update_group(n, &s->groups[i]);
		if (err != -ENODEV)
			return err;
		/* removed, and maybe created again */
		kill_remove_group(n, &s->groups[i]);
	}
	fd = kill_open_events(s->root, name);
	/* removed again, not a cgroup, or not permitted */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ENODEV ||
	    fd == -EACCES || fd == -EPERM)
		return 0;
	if (fd < 0)
		return fd;
	err = begun ? kill_read(fd, &kills) : 0;
	if (!err)
		err = kill_add_group(n, name, fd, kills);
	if (err) {
		close(fd);
		return err == -ENODEV ? 0 : err;
	}
	return begun ? 0 : kill_update_group(n, &s->groups[s->n_groups - 1]);
}

static int kill_update_children(struct ksig_native *n, bool begun)
{
	struct kill_state *s = n->state;
	struct dirent *d;
	int err = 0, fd;
	DIR *dir;

	fd = openat(s->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (!err && (d = readdir(dir))) {
		if (*d->d_name != '.' && d->d_type == DT_DIR)
			err = kill_update_child(n, d->d_name, begun);
	}
	closedir(dir);
	return err;
}

static int kill_read_inotify(struct ksig_native *n)
{
	_Alignas(struct inotify_event) char buf[4096];
	struct kill_state *s = n->state;
	struct inotify_event *in;
	ssize_t len;
	char *at;
	int err = 0;

	len = read(s->inotify, buf, sizeof(buf));
	if (len < 0)
		return errno == EAGAIN ? 0 : -errno;
	for (at = buf; !err && at < buf + len; at += sizeof(*in) + in->len) {
		in = (void *)at;
		if (in->mask & IN_Q_OVERFLOW)
			err = kill_update_children(n, false);
		else if (in->mask & IN_ISDIR && in->len)
			err = kill_update_child(n, in->name, false);
	}
	return err;
}

static int kill_pull(struct ksig_native *n)
{
	struct epoll_event ready[READY_MOST];
	struct kill_state *s = n->state;
	int i, count, stale = 0, err = 0;
	size_t g;

	if (s->stale)
		stale = kill_update_children(n, false);
	s->stale = stale;
	count = epoll_wait(n->epoll, ready, ARRAY_SIZE(ready), 0);
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < count && !err; i++) {
		if (ready[i].data.fd == s->inotify) {
			err = kill_read_inotify(n);
			/* set only: the search above may have failed, too */
			if (err)
				s->stale = true;
			continue;
		}
		for (g = 0; g < s->n_groups; g++) {
			if (s->groups[g].fd == ready[i].data.fd)
				break;
		}
		/* removed, or n->wake */
		if (g == s->n_groups)
			continue;
		err = kill_update_group(n, &s->groups[g]);
		if (err == -ENODEV) {
			kill_remove_group(n, &s->groups[g]);
			err = s->inotify < 0 ? -ESHUTDOWN : 0;
		}
	}
	return err ? err : stale;
}

/* -------------------------------------------------------------- open and close */

static void kill_close(struct ksig_native *n)
{
	struct kill_state *s = n->state;

	while (s->n_groups)
		kill_remove_group(n, &s->groups[s->n_groups - 1]);
	free(s->groups);
	free(s->locals);
	if (s->inotify >= 0)
		close(s->inotify);
	if (s->root >= 0)
		close(s->root);
	free(s);
}

/* Watches the cgroup if it has a memory.events, else its children. */
static int kill_watch(struct ksig_native *n, const char *path, struct ksig_error *e)
{
	struct kill_state *s = n->state;
	uint64_t kills;
	int err, fd;

	s->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = s->root < 0 ? -errno : kill_open_events(s->root, "");
	if (fd >= 0) {
		err = kill_read(fd, &kills);
		if (!err)
			err = kill_add_group(n, "", fd, kills);
		if (err)
			close(fd);
		return err ? ksig_native_fail(e, err, path) : 0;
	}
	if (fd != -ENOENT)
		return ksig_native_fail(e, fd, path);
	if (ksig_cgroup_has(path, "cgroup.subtree_control", "memory") <= 0) {
		if (ksig_cgroup_has(path, "cgroup.controllers", "memory") > 0)
			return ksig_fail(e, 0, EOPNOTSUPP,
					 "the memory controller is not enabled: as root, echo +memory into cgroup.subtree_control of %s",
					 path);
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "%s has no memory controller: the kernel lacks CONFIG_MEMCG, or cgroup v1 uses it (boot with cgroup_no_v1=memory)",
				 path);
	}
	/* new ones are reported before the folder is read, so that none is missed */
	s->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	err = s->inotify < 0 ||
	      inotify_add_watch(s->inotify, path, IN_CREATE | IN_DELETE |
				IN_ONLYDIR) < 0 ? -errno : kill_update_children(n, true);
	if (!err)
		err = ksig_native_watch(n, s->inotify, EPOLLIN);
	if (err == -ENOSYS)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "cannot watch for new cgroups: needs CONFIG_INOTIFY_USER");
	return err ? ksig_native_fail(e, err, path) : 0;
}

static int kill_open(struct ksig_native *n, struct ksig_stream *stream,
		     struct ksig_error *e)
{
	const struct ksig_cond *c;
	struct kill_state *s;
	unsigned int i;
	char *path;
	int err;

	/* a condition on a field that is never known would never match */
	for (i = 0; i < stream->spec.n_conds; i++) {
		c = &stream->spec.conds[i];
		if (c->field && !c->field->added)
			return ksig_fail(e, c->column, EOPNOTSUPP,
					 EVENTS_FILE " doesn't report '%s'", c->key);
	}
	err = ksig_cgroup_path(NULL, 0, &path, e);
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s) {
		free(path);
		return ksig_native_fail(e, -ENOMEM, "a list of cgroups");
	}
	s->root = -1;
	s->inotify = -1;
	n->state = s;
	err = kill_watch(n, path, e);
	free(path);
	if (err)
		kill_close(n);
	return err;
}

const struct ksig_native_source ksig_native_kill = {
	.open = kill_open,
	.close = kill_close,
	.pull = kill_pull,
};
