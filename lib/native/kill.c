// SPDX-License-Identifier: MIT
/*
 * memory.kill: reads the memory.events files of cgroups. The field oom_kill in such a file is the
 * number of processes that the OOM killer has killed in the cgroup and its descendants, whether a
 * cgroup's limit was reached or the whole machine was out of memory. The kernel reports neither the
 * process nor the limit. When the count has changed, the memory.events.local files of the
 * descendants show in which cgroup the process was killed. These files are read only in cgroups in
 * which at least one process has ever been killed. The reported cgroup is the one to which the
 * memory is charged: the cgroup of the process or its nearest ancestor with a memory controller.
 *
 * The memory.events files of the root's children are watched, because the root itself has no such
 * file unless it is the root of a container. Kills of processes in the root cgroup are therefore
 * missed. Kills in a child of the root are missed if the child is removed before the event is read.
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
#include "../text.h"

#define EVENTS_FILE "memory.events"
#define LOCAL_FILE "memory.events.local"
#define READY_MOST 16

/**
 * struct kill_group - a watched cgroup
 * @name: name in the root's directory; "" if the root itself is watched
 * @fd: descriptor of its memory.events
 * @kills: number of kills reported so far
 * @stale: the counts of the descendants are outdated and do not show where a process was killed
 */
struct kill_group {
	char *name;
	int fd;
	uint64_t kills;
	bool stale;
};

/**
 * struct kill_local - a cgroup in which at least one process has been killed
 * @id: ID of the cgroup
 * @top: fd of the struct kill_group that contains the cgroup
 * @kills: number of kills reported so far, without those in descendants
 * @seen: found during the current walk
 */
struct kill_local {
	uint64_t id;
	int top;
	uint64_t kills;
	bool seen;
};

/**
 * struct kill_state - the watched cgroups
 * @root: directory of the root cgroup; -1 if not open
 * @inotify: reports new children of the root; -1 if only the root itself is watched
 * @groups: watched cgroups
 * @n_groups: number of @groups
 * @room: capacity of @groups
 * @locals: cgroups with kills
 * @n_locals: number of @locals
 * @locals_room: capacity of @locals
 * @stale: some events of @inotify were not handled, so the directory must be searched again
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

/*
 * Reads the count from @fd. This also rearms epoll, which reports only changes after the last read.
 * Return: 0 or -errno.
 */
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

/* -------------------------------------------------------------- descendants */

/**
 * struct kill_walk - a walk over a watched cgroup and its descendants
 * @n: the subscription
 * @top: fd of the struct kill_group
 * @left: number of kills that have not been attributed to a cgroup yet
 * @quiet: only store the counts, without reporting events
 */
struct kill_walk {
	struct ksig_native *n;
	int top;
	uint64_t left;
	bool quiet;
};

/* Adds an event to the queue. @id: ID of the cgroup; 0 if unknown. */
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

/*
 * Reads the count from @file in the cgroup directory @folder. The count is 0 if the file does not
 * exist or the cgroup has been removed.
 * Return: 0 or -errno.
 */
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

/*
 * Forgets the cgroups below @top that the last walk did not find, or all cgroups below @top if @all
 * is set.
 */
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

/* Reports the kills in the cgroup @folder itself, or only stores their number. */
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
	/* kills beyond @left are reported after the total has been read again */
	for (; l->kills < kills && w->left; l->kills++, w->left--)
		kill_put(w->n, l->id);
	return 0;
}

/*
 * Walks over a cgroup and its descendants. A cgroup's count includes its descendants, so if the
 * count is 0, the descendants are skipped. Closes @folder.
 */
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
		if (ksig_text_is_dot(d->d_name) || d->d_type != DT_DIR)
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

/*
 * Reports up to @left kills whose cgroup can be determined.
 * Return: the number of remaining kills.
 */
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

/* Takes ownership of @fd on success. */
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
	/* kills before the subscription are not reported */
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

/*
 * Reports the kills since the last call.
 * Return: 0; -ENODEV if the cgroup has been removed.
 */
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

/*
 * Updates a child of the root, which is added if it is new. @begun: the child existed before the
 * subscription; otherwise all kills in the child are new.
 */
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
		/* the cgroup was removed, and may have been created again */
		kill_remove_group(n, &s->groups[i]);
	}
	fd = kill_open_events(s->root, name);
	/* the entry was removed, is not a cgroup, or is not readable by this user */
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
		if (!ksig_text_is_dot(d->d_name) && d->d_type == DT_DIR)
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
			/*
			 * on success, don't clear the flag, because the search above may have
			 * failed
			 */
			if (err)
				s->stale = true;
			continue;
		}
		for (g = 0; g < s->n_groups; g++) {
			if (s->groups[g].fd == ready[i].data.fd)
				break;
		}
		/* a cgroup that has just been removed, or n->wake */
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

/* Watches the cgroup if it has a memory.events file; otherwise watches its children. */
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
	/* add the inotify watch before reading the directory, so that no new cgroup is missed */
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

	/* a condition on a field that is always unknown would never be true */
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
		return ksig_native_fail(e, -ENOMEM, "cannot list cgroups");
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
