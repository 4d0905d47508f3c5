// SPDX-License-Identifier: MIT
/*
 * memory.kill: cgroups' memory.events, whose oom_kill counts the processes that
 * the OOM killer took in a cgroup and those below, of a cgroup's limit or of the
 * machine's. Who it was isn't told, nor which limit. In which cgroup below it was,
 * their memory.events.local say: they are read when the count has changed, and only
 * where something was ever killed. The cgroup is the one that the memory is charged
 * to: that of the process, or the nearest one above with a memory controller.
 *
 * They are those of the root's children, for the root itself has no such file
 * unless it is a container's. So a process that is in the root cgroup is not
 * seen. One that is killed in a child of the root that is removed at once
 * neither, if nobody looks in between.
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
 * @kills: so many by now
 * @torn: what is known of the cgroups below is too old to tell where one was
 */
struct kill_group {
	char *name;
	int fd;
	uint64_t kills;
	bool torn;
};

/**
 * struct kill_local - a cgroup in which processes were killed; in others none was
 * @id: its number
 * @top: fd of the struct kill_group that it is, or that it is below
 * @kills: so many by now, not counting those below it
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
 * @root: folder of the root's children; -1: there is only one
 * @inotify: tells of new ones; -1
 * @groups: @n_groups of them
 * @room: so many would fit
 * @locals: @n_locals of them, in @locals_room
 * @stale: what @inotify has told was not all seen to: the folder is to be looked
 *	through again first
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

/* That also tells the kernel up to where we know. 0 or -errno */
static int read_kills(int fd, uint64_t *kills)
{
	char buf[1024], *at;
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	at = strstr(buf, "\noom_kill ");
	return at && sscanf(at + 1, "oom_kill %" SCNu64, kills) == 1 ? 0 : -EIO;
}

/* ---------------------------------------------------------- in which of them? */

/**
 * struct kill_walk - a walk over a watched cgroup and those below
 * @n: the subscription
 * @top: fd of the struct kill_group
 * @left: kills of which the cgroup is not known yet
 * @quiet: only note the counts
 */
struct kill_walk {
	struct ksig_native *n;
	int top;
	uint64_t left;
	bool quiet;
};

/* @id: 0: not known */
static void put_kill(struct ksig_native *n, uint64_t id)
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

/* As many as @folder's @file says; 0: it has no such file, or is removed */
static int kills_in(int folder, const char *file, uint64_t *kills)
{
	int fd = openat(folder, file, O_RDONLY | O_CLOEXEC), err;

	*kills = 0;
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? -errno : 0;
	err = read_kills(fd, kills);
	close(fd);
	return err == -ENODEV ? 0 : err;
}

static struct kill_local *local_of(struct kill_state *s, uint64_t id, int top)
{
	struct kill_local *l;
	size_t i;

	for (i = 0; i < s->n_locals; i++) {
		if (s->locals[i].id == id && s->locals[i].top == top)
			return &s->locals[i];
	}
	l = ksig_native_grow(s->locals, s->n_locals, &s->locals_room, sizeof(*l));
	if (!l)
		return NULL;
	s->locals = l;
	l = &s->locals[s->n_locals++];
	*l = (struct kill_local) { .id = id, .top = top };
	return l;
}

/* Those of @top that were not seen again; @all: of @top */
static void forget_locals(struct kill_state *s, int top, bool all)
{
	size_t i = 0;

	while (i < s->n_locals) {
		if (s->locals[i].top == top && (all || !s->locals[i].seen))
			s->locals[i] = s->locals[--s->n_locals];
		else
			s->locals[i++].seen = false;
	}
}

static int look_local(struct kill_walk *w, int folder)
{
	struct kill_local *l;
	uint64_t kills;
	struct stat st;
	int err = kills_in(folder, LOCAL_FILE, &kills);

	if (err || !kills)
		return err;
	if (fstat(folder, &st))
		return -errno;
	l = local_of(w->n->state, st.st_ino, w->top);
	if (!l)
		return -ENOMEM;
	l->seen = true;
	if (w->quiet)
		l->kills = kills;
	/* more than @left: the next look at the sum finds those */
	for (; l->kills < kills && w->left; l->kills++, w->left--)
		put_kill(w->n, l->id);
	return 0;
}

/* Closes @folder. What is below a cgroup counts there, too. */
static int walk(struct kill_walk *w, int folder)
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
	err = kills_in(folder, EVENTS_FILE, &kills);
	if (!err && kills)
		err = look_local(w, folder);
	while (!err && kills && (d = readdir(dir))) {
		if (*d->d_name == '.' || d->d_type != DT_DIR)
			continue;
		fd = openat(folder, d->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			err = walk(w, fd);
		else if (errno == EMFILE || errno == ENFILE)
			err = -errno;
	}
	closedir(dir);
	return err;
}

/* Reports up to @left kills whose cgroup is known. Return: how many are not */
static uint64_t walk_group(struct ksig_native *n, struct kill_group *g,
			   uint64_t left, bool quiet)
{
	struct kill_state *s = n->state;
	struct kill_walk w = {
		.n = n, .top = g->fd, .left = left, .quiet = quiet || g->torn,
	};
	int fd = openat(s->root, *g->name ? g->name : ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	g->torn = fd < 0 || walk(&w, fd);
	if (!g->torn)
		forget_locals(s, g->fd, false);
	return w.left;
}

/* ------------------------------------------------------------ watched cgroups */

static void remove_group(struct ksig_native *n, struct kill_group *g)
{
	struct kill_state *s = n->state;

	forget_locals(s, g->fd, true);
	ksig_native_unwatch(n, g->fd);
	free(g->name);
	*g = s->groups[--s->n_groups];
}

/* An error leaves @fd to the caller. */
static int add_group(struct ksig_native *n, const char *name, int fd,
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
	/* in which they were no longer matters */
	if (kills)
		walk_group(n, &s->groups[s->n_groups], 0, true);
	s->n_groups++;
	return 0;
}

static int open_events(int folder, const char *name)
{
	char path[NAME_MAX + sizeof("/" EVENTS_FILE)];
	int fd;

	snprintf(path, sizeof(path), "%s%s" EVENTS_FILE, name,
		 *name ? "/" : "");
	fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static struct kill_group *find_group(const struct kill_state *s,
				     const char *name)
{
	size_t i;

	for (i = 0; i < s->n_groups; i++) {
		if (!strcmp(s->groups[i].name, name))
			return &s->groups[i];
	}
	return NULL;
}

/* Tells what has happened there since. Is the cgroup still there? */
static int look(struct ksig_native *n, struct kill_group *g)
{
	uint64_t kills, left;
	int err = read_kills(g->fd, &kills);

	if (err || kills <= g->kills)
		return err;
	for (left = walk_group(n, g, kills - g->kills, false); left; left--)
		put_kill(n, 0);
	g->kills = kills;
	return 0;
}

/* @begun: it was there before the subscription; else all that it counts is new */
static int take_child(struct ksig_native *n, const char *name, bool begun)
{
	struct kill_state *s = n->state;
	struct kill_group *g;
	uint64_t kills = 0;
	int err, fd;

	g = find_group(s, name);
	if (g) {
		err = look(n, g);
		if (err != -ENODEV)
			return err;
		/* removed, and maybe made again: nobody is told of the former */
		remove_group(n, g);
	}
	fd = open_events(s->root, name);
	/* gone again, not a cgroup, or not for our eyes */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ENODEV ||
	    fd == -EACCES || fd == -EPERM)
		return 0;
	if (fd < 0)
		return fd;
	err = begun ? read_kills(fd, &kills) : 0;
	if (!err)
		err = add_group(n, name, fd, kills);
	if (err) {
		close(fd);
		return err == -ENODEV ? 0 : err;
	}
	return begun ? 0 : look(n, &s->groups[s->n_groups - 1]);
}

static int take_children(struct ksig_native *n, bool begun)
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
			err = take_child(n, d->d_name, begun);
	}
	closedir(dir);
	return err;
}

static int take_new(struct ksig_native *n)
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
			err = take_children(n, false);
		else if (in->mask & IN_ISDIR && in->len)
			err = take_child(n, in->name, false);
	}
	return err;
}

static int take_ready(struct ksig_native *n, int fd)
{
	struct kill_state *s = n->state;
	size_t i;
	int err;

	if (fd == s->inotify) {
		err = take_new(n);
		/* the other reason for that may stand still */
		if (err)
			s->stale = true;
		return err;
	}
	for (i = 0; i < s->n_groups && s->groups[i].fd != fd; i++)
		;
	if (i == s->n_groups)
		return 0;
	err = look(n, &s->groups[i]);
	if (err != -ENODEV)
		return err;
	remove_group(n, &s->groups[i]);
	return s->inotify < 0 ? -ESHUTDOWN : 0;
}

static int kill_pull(struct ksig_native *n)
{
	struct epoll_event ready[READY_MOST];
	struct kill_state *s = n->state;
	int i, count, stale = 0, err = 0;

	if (s->stale)
		stale = take_children(n, false);
	s->stale = stale;
	count = epoll_wait(n->epoll, ready, ARRAY_SIZE(ready), 0);
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < count && !err; i++)
		err = take_ready(n, ready[i].data.fd);
	return err ? err : stale;
}

/* -------------------------------------------------------------- open and close */

static void kill_close(struct ksig_native *n)
{
	struct kill_state *s = n->state;

	while (s->n_groups)
		remove_group(n, &s->groups[s->n_groups - 1]);
	free(s->groups);
	free(s->locals);
	if (s->inotify >= 0)
		close(s->inotify);
	if (s->root >= 0)
		close(s->root);
	free(s);
}

static int no_controller(const char *path, struct ksig_error *e)
{
	if (ksig_cgroup_has(path, "cgroup.controllers", "memory") > 0)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "the memory controller is not enabled: as root, echo +memory into cgroup.subtree_control of %s",
				 path);
	return ksig_fail(e, 0, EOPNOTSUPP,
			 "%s has no memory controller: the kernel lacks CONFIG_MEMCG, or cgroup v1 uses it (boot with cgroup_no_v1=memory)",
			 path);
}

static int watch_one(struct ksig_native *n, const char *path)
{
	struct kill_state *s = n->state;
	uint64_t kills;
	int err, fd;

	s->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = s->root < 0 ? -errno : open_events(s->root, "");
	if (fd < 0)
		return fd;
	err = read_kills(fd, &kills);
	if (!err)
		err = add_group(n, "", fd, kills);
	if (err)
		close(fd);
	return err;
}

/* New ones are told of before the list is read, so that none is missed. */
static int watch_children(struct ksig_native *n, const char *path)
{
	struct kill_state *s = n->state;

	s->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (s->inotify < 0 ||
	    inotify_add_watch(s->inotify, path, IN_CREATE | IN_DELETE |
			      IN_ONLYDIR) < 0)
		return -errno;
	return take_children(n, true);
}

static int watch(struct ksig_native *n, const char *path, struct ksig_error *e)
{
	struct kill_state *s = n->state;
	int err = watch_one(n, path);

	if (err == -ENOENT) {
		if (ksig_cgroup_has(path, "cgroup.subtree_control",
				    "memory") <= 0)
			return no_controller(path, e);
		err = watch_children(n, path);
		if (!err)
			err = ksig_native_watch(n, s->inotify, EPOLLIN);
	}
	if (err == -ENOSYS)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "cannot watch for new cgroups: needs CONFIG_INOTIFY_USER");
	return err ? ksig_native_fail(e, err, path) : 0;
}

/* A condition on what it never knows would never pass. */
static int check_known(const struct ksig_stream *stream, struct ksig_error *e)
{
	const struct ksig_cond *c;
	unsigned int i;

	for (i = 0; i < stream->spec.n_conds; i++) {
		c = &stream->spec.conds[i];
		if (c->field && !c->field->added)
			return ksig_fail(e, c->column, EOPNOTSUPP,
					 EVENTS_FILE " doesn't report '%s'",
					 c->key);
	}
	return 0;
}

static int kill_open(struct ksig_native *n, struct ksig_stream *stream,
		     struct ksig_error *e)
{
	struct kill_state *s;
	char *path;
	int err;

	err = check_known(stream, e);
	if (err)
		return err;
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
	err = watch(n, path, e);
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
