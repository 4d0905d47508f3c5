// SPDX-License-Identifier: MIT
/*
 * fs.full and fs.free: the free space of file systems. The kernel doesn't report it, so it is read
 * periodically; see space_rule.c. Streams of a subscription with the same settings and the same
 * filter share a list of file systems, so that they agree on the state of each.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "mounts.h"
#include "space.h"

#define SECOND_NS 1000000000LL
/* Default retry interval for a file system that is hidden or can't be read */
#define AGAIN_NS (60 * SECOND_NS)

/**
 * struct space_fs - a file system
 * @path: mount point, or the path in the setting "path"
 * @source: what is mounted
 * @type: type of the file system
 * @dev: device number as in struct ksig_mount
 * @id: ID of the mount at @path
 * @known: its free space has been read
 * @failed: the last read failed, because it is hidden by another mount or not readable
 * @full: its last known state
 * @free: space that was free at the last read, in bytes
 * @next_at: time of the next read, CLOCK_MONOTONIC
 * @seen: in the current list of mounts
 * @new: not in the previous list
 * @moved: at another path in the previous list
 */
struct space_fs {
	char *path;
	char *source;
	char *type;
	uint64_t dev;
	uint64_t id;
	bool known;
	bool failed;
	bool full;
	uint64_t free;
	int64_t next_at;
	bool seen;
	bool new;
	bool moved;
};

/**
 * struct space_set - the file systems of all streams with the same settings and the same filter
 * @rule: the settings
 * @like: one of the streams
 * @list: the file systems
 * @n: number of @list
 * @room: capacity of @list
 */
struct space_set {
	struct ksig_space_rule rule;
	const struct ksig_native *like;
	struct space_fs *list;
	size_t n;
	size_t room;
};

/**
 * struct space_state - what all streams share
 * @mounts: the list of mounts
 * @alarm: reports that the list has changed
 * @stale: the list has changed, and could not be read yet
 * @timer: expires when a file system has to be read
 * @sets: the file systems
 * @n: number of @sets
 */
struct space_state {
	int mounts;
	struct ksig_alarm alarm;
	bool stale;
	int timer;
	struct space_set sets[KSIG_SUB_SPECS];
	unsigned int n;
};

/* ------------------------------------------------------------------- records */

static void space_fill(const struct ksig_native *n, struct ksig_event *ev,
		       const struct space_fs *fs)
{
	ksig_native_set_text(n, ev, "path", fs->path);
	ksig_native_set_text(n, ev, "source", fs->source);
	ksig_native_set_text(n, ev, "type", fs->type);
	ev->value = fs->free;
}

/* Return: whether the stream belongs to this set and reports this state of a file system. */
static bool space_concerns(const struct ksig_native *user, const struct space_set *set,
			   const struct space_fs *fs)
{
	return user->own == set && fs->known && fs->full == (user->desc->type == KSIG_FS_FULL);
}

/*
 * Why a record is put: the state has changed; the file system is no longer at this path, so its
 * state has ended; or the same state begins at another path. The last two are only for the streams
 * that ask for them.
 */
enum space_why { SPACE_CHANGED, SPACE_GONE, SPACE_MOVED };

static void space_put(struct ksig_native *n, const struct space_set *set,
		      const struct space_fs *fs, enum space_why why)
{
	struct ksig_native *user;
	struct ksig_event *ev;
	unsigned int i;

	for (i = 0; i < n->users->n; i++) {
		user = n->users->user[i];
		if (user->own != set || !fs->known ||
		    space_concerns(user, set, fs) == (why == SPACE_GONE))
			continue;
		if (why == SPACE_MOVED && !(user->stream->opts->flags & KSIG_SUB_GONE))
			continue;
		/* all changes must fit; if one doesn't, it is counted as lost */
		ksig_native_reserve(user, 1);
		ev = why == SPACE_GONE ? ksig_native_put_gone(user, ksig_now()) :
			    ksig_native_put(user, ksig_now());
		if (ev)
			space_fill(user, ev, fs);
	}
}

/* ------------------------------------------------------------ one file system */

/* Reads the free space. Return: whether the state has changed. */
static bool space_read(const struct space_set *set, struct space_fs *fs, int64_t now)
{
	const bool was_full = fs->full;
	int fd = ksig_mount_open(fs->path, !set->rule.path);
	struct statvfs st;

	fs->next_at = now + (set->rule.every_ns ? set->rule.every_ns : AGAIN_NS);
	fs->failed = fd < 0 || ksig_mount_id(fd) != fs->id || fstatvfs(fd, &st) || !st.f_blocks;
	if (fd >= 0)
		close(fd);
	if (fs->failed)
		return false;
	fs->known = true;
	fs->free = ksig_space_free(&st);
	fs->next_at = now + ksig_space_apply(&set->rule, &st, &fs->full);
	return fs->full != was_full;
}

static void space_free(struct space_fs *fs)
{
	free(fs->path);
	free(fs->source);
	free(fs->type);
}

/* Return: whether the conditions on string fields are true. */
static bool space_is_wanted(const struct space_set *set, const struct space_fs *fs)
{
	const struct ksig_spec *spec = &set->like->stream->spec;
	struct ksig_event *scratch = set->like->returned;
	unsigned int i;

	memset(scratch, 0, set->like->desc->event_size);
	space_fill(set->like, scratch, fs);
	for (i = 0; i < spec->n_conds; i++) {
		if (spec->conds[i].field->type == KSIG_FIELD_STRING &&
		    !ksig_cond_match(&spec->conds[i], scratch))
			return false;
	}
	return true;
}

/* Replaces what is known of a file system. Return: 0 or -ENOMEM, with @fs unchanged. */
static int space_set_mount(struct space_fs *fs, const struct ksig_mount *m, const char *path)
{
	struct space_fs new = {
		.path = strdup(path), .source = strdup(m->source), .type = strdup(m->type),
		.dev = m->dev, .id = m->id, .seen = true,
	};

	if (!new.path || !new.source || !new.type) {
		space_free(&new);
		return -ENOMEM;
	}
	space_free(fs);
	*fs = new;
	return 0;
}

/* ------------------------------------------------------------- the list of all */

/* A device number alone is not sufficient, because the kernel reuses it. */
static bool space_is_mounted_at(const struct space_fs *fs, const struct ksig_mount *m)
{
	return fs->dev == m->dev && !strcmp(fs->type, m->type) && !strcmp(fs->source, m->source);
}

/*
 * Compares a mount with the list: it belongs to a known or a new file system.
 * Return: 0 or -ENOMEM.
 */
static int space_update(struct ksig_native *n, struct space_set *set, const struct ksig_mount *m)
{
	struct space_fs *fs = set->list, *end = fs + set->n;
	bool reachable;
	char *path;

	while (fs < end && !space_is_mounted_at(fs, m))
		fs++;
	/* one that is mounted read-only can't fill */
	if (fs == end && (m->readonly || !ksig_mount_is_local(m)))
		return 0;
	reachable = ksig_mount_at(m->path, true) == m->id;
	if (fs < end) {
		/* prefer a path that is not hidden */
		if (reachable && fs->id != m->id && ksig_mount_at(fs->path, true) != fs->id) {
			path = strdup(m->path);
			if (!path)
				return -ENOMEM;
			space_put(n, set, fs, SPACE_GONE);
			fs->moved = true;
			free(fs->path);
			fs->path = path;
			fs->id = m->id;
		}
		if (reachable && fs->failed)
			fs->next_at = 0;
		fs->seen = true;
		return 0;
	}
	if (!reachable)
		return 0;
	fs = ksig_native_grow(set->list, set->n, &set->room, sizeof(*fs));
	if (!fs)
		return -ENOMEM;
	set->list = fs;
	fs += set->n;
	*fs = (struct space_fs) { };
	if (space_set_mount(fs, m, m->path))
		return -ENOMEM;
	if (space_is_wanted(set, fs))
		space_read(set, fs, ksig_now());
	fs->new = true;
	if (fs->known)
		set->n++;
	else
		space_free(fs);
	return 0;
}

/* A file system stays known as long as it is mounted anywhere, even if it is hidden. */
static int space_update_all(struct ksig_native *n, struct space_set *set,
			    const struct ksig_mounts *all)
{
	const struct ksig_mount *m;
	size_t i;
	int err = 0;

	for (i = 0; i < set->n; i++)
		set->list[i].seen = false;
	for (m = all->list; m < all->list + all->n && !err; m++)
		err = space_update(n, set, m);
	for (i = 0; i < set->n && !err;) {
		if (set->list[i].seen) {
			i++;
			continue;
		}
		space_put(n, set, &set->list[i], SPACE_GONE);
		space_free(&set->list[i]);
		set->list[i] = set->list[--set->n];
	}
	return err;
}

/* Reports the file systems that are new and full, or are in the same state at another path. */
static void space_put_new(struct ksig_native *n, struct space_set *set)
{
	struct space_fs *fs;

	for (fs = set->list; fs < set->list + set->n; fs++) {
		if (fs->moved || (fs->new && fs->full))
			space_put(n, set, fs, fs->moved ? SPACE_MOVED : SPACE_CHANGED);
		fs->new = fs->moved = false;
	}
}

/*
 * Something else may have been mounted at the path in the setting "path". The state is that of the
 * path, so it is reported only if it differs.
 */
static int space_update_named(struct ksig_native *n, struct space_set *set,
			      const struct ksig_mounts *all)
{
	struct space_fs *fs = set->list;
	const uint64_t id = ksig_mount_at(set->rule.path, false);
	const struct ksig_mount *m = ksig_mounts_find(all, id);
	const bool was_full = fs->full;
	int err;

	/* the path can't be reached at the moment */
	if (!id)
		return 0;
	/* the same file system, possibly mounted again */
	if (fs->id && (m ? space_is_mounted_at(fs, m) : id == fs->id)) {
		fs->next_at = fs->id == id ? fs->next_at : 0;
		fs->id = id;
		return 0;
	}
	/* the list contains no mount from outside the root directory */
	err = space_set_mount(fs, m ? m : &(struct ksig_mount){ .id = id, .source = "", .type = "" },
			      set->rule.path);
	if (err)
		return err;
	fs->full = was_full;
	if (space_read(set, fs, ksig_now()))
		space_put(n, set, fs, SPACE_CHANGED);
	return 0;
}

/* ------------------------------------------------------------------ the streams */

/* Finds the file system that contains the path in the setting "path". */
static int space_open_named(struct ksig_native *n, struct space_set *set,
			    const struct ksig_mounts *all, struct ksig_error *e)
{
	const struct ksig_space_rule *r = &set->rule;
	struct statvfs st;
	struct space_fs *fs;
	int err = statvfs(r->path, &st) ? -errno : 0;

	/* ENOENT would mean that there is no such event */
	if (err)
		return ksig_fail(e, r->path_column, err == -ENOENT ? EINVAL : -err, "%s: %s",
				 r->path, strerror(-err));
	if (!st.f_blocks)
		return ksig_fail(e, r->path_column, EINVAL,
				 "%s is on a file system without a size", r->path);
	fs = calloc(1, sizeof(*fs));
	set->list = fs;
	set->n = fs != NULL;
	err = fs ? space_update_named(n, set, all) : -ENOMEM;
	if (err)
		return ksig_native_fail(e, err, "cannot list the file systems");
	if (!fs->id)
		return ksig_fail(e, r->path_column, EOPNOTSUPP, "cannot find the mount of %s",
				 r->path);
	if (!space_is_wanted(set, fs))
		return ksig_fail(e, r->path_column, EINVAL,
				 "no event matches: '%s' is on the %s file system %s",
				 r->path, fs->type, fs->source);
	return 0;
}

static int space_arm(const struct space_state *s)
{
	const struct space_set *set;
	struct itimerspec at = { };
	int64_t next = INT64_MAX;
	size_t i;

	for (set = s->sets; set < s->sets + s->n; set++) {
		for (i = 0; i < set->n; i++)
			next = set->list[i].next_at < next ? set->list[i].next_at : next;
	}
	if (next < INT64_MAX) {
		/* 0 would stop the timer */
		next = next > 0 ? next : 1;
		at.it_value.tv_sec = next / SECOND_NS;
		at.it_value.tv_nsec = next % SECOND_NS;
	}
	return timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &at, NULL) ? -errno : 0;
}

static void space_drop(struct space_set *set)
{
	while (set->n)
		space_free(&set->list[--set->n]);
	free(set->list);
}

static int space_join(struct ksig_native *n, struct ksig_error *e)
{
	struct space_state *s = n->state;
	struct space_set *set = &s->sets[s->n], *other;
	struct ksig_mounts all;
	struct statvfs st;
	int err;

	*set = (struct space_set) { .like = n };
	err = ksig_space_parse(&set->rule, &n->stream->spec, e);
	if (err)
		return err;
	for (other = s->sets; other < set; other++) {
		if (ksig_space_same_rule(&set->rule, &other->rule) &&
		    ksig_spec_same_filter(&n->stream->spec, &other->like->stream->spec)) {
			n->own = other;
			return 0;
		}
	}
	/* if this is an automount point, the list must contain what is mounted there */
	if (set->rule.path)
		statvfs(set->rule.path, &st);
	err = ksig_mounts_read(s->mounts, &all);
	if (err)
		return ksig_native_fail(e, err, "cannot list the mounts");
	if (set->rule.path) {
		err = space_open_named(n, set, &all, e);
	} else {
		err = space_update_all(n, set, &all);
		space_put_new(n, set);
		if (err)
			ksig_native_fail(e, err, "cannot list the file systems");
	}
	ksig_mounts_free(&all);
	if (err) {
		space_drop(set);
		return err;
	}
	s->n++;
	n->own = set;
	err = space_arm(s);
	if (!err)
		return 0;
	s->n--;
	space_drop(set);
	return ksig_native_fail(e, err, "cannot set a timer");
}

static int space_pull_mounts(struct ksig_native *n)
{
	struct space_state *s = n->state;
	struct ksig_mounts all;
	struct space_set *set;
	int err = ksig_mounts_read(s->mounts, &all);

	if (err)
		return err;
	for (set = s->sets; set < s->sets + s->n && !err; set++)
		err = set->rule.path ? space_update_named(n, set, &all) :
				       space_update_all(n, set, &all);
	ksig_mounts_free(&all);
	/* after what has gone from any set, because new file systems may have the same paths */
	for (set = s->sets; set < s->sets + s->n && !err; set++)
		space_put_new(n, set);
	return err;
}

static int space_pull(struct ksig_native *n)
{
	struct space_state *s = n->state;
	struct space_set *set;
	int64_t now = ksig_now();
	uint64_t expired;
	size_t i;
	int ret = ksig_alarm_take(&s->alarm);

	if (ret < 0)
		return ret;
	s->stale |= ret != 0;
	if (!ksig_native_room(n))
		return 0;
	/* the path in a setting may refer to another mount after a failed read */
	for (set = s->sets; set < s->sets + s->n; set++)
		s->stale |= set->rule.path && set->list->failed && set->list->next_at <= now;
	ret = s->stale ? space_pull_mounts(n) : 0;
	if (ret)
		return ret;
	s->stale = false;
	if (read(s->timer, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
		return -errno;
	for (set = s->sets; set < s->sets + s->n; set++) {
		for (i = 0; i < set->n; i++) {
			if (set->list[i].next_at <= now && space_read(set, &set->list[i], now))
				space_put(n, set, &set->list[i], SPACE_CHANGED);
		}
	}
	return space_arm(s);
}

static int space_initial(struct ksig_native *n)
{
	int64_t time_ns = ksig_now();
	struct ksig_native *user;
	struct space_set *set;
	unsigned int i;
	size_t j;

	for (i = 0; i < n->users->n; i++) {
		user = n->users->user[i];
		set = user->own;
		if (ksig_native_reserve(user, set->n))
			return -ENOMEM;
		for (j = 0; j < set->n; j++) {
			if (space_concerns(user, set, &set->list[j]))
				space_fill(user, ksig_native_put_initial(user, time_ns),
					   &set->list[j]);
		}
	}
	return 0;
}

static void space_close(struct ksig_native *n)
{
	struct space_state *s = n->state;

	ksig_alarm_close(&s->alarm);
	if (s->timer >= 0)
		close(s->timer);
	if (s->mounts >= 0)
		close(s->mounts);
	while (s->n)
		space_drop(&s->sets[--s->n]);
	free(s);
}

static int space_open(struct ksig_native *n, struct ksig_stream *stream, struct ksig_error *e)
{
	struct space_state *s = calloc(1, sizeof(*s));
	int err;

	(void)stream;
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "cannot create the list of file systems");
	*s = (struct space_state) { .mounts = -1, .alarm = KSIG_ALARM_INIT, .timer = -1 };
	n->state = s;
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = s->timer < 0 ? -errno : ksig_native_watch(n, s->timer, EPOLLIN);
	if (err) {
		ksig_native_fail(e, err, "cannot create a timer");
		goto close;
	}
	s->mounts = ksig_mounts_open();
	if (s->mounts < 0) {
		err = ksig_native_fail(e, s->mounts, "/proc/thread-self/mountinfo");
		goto close;
	}
	err = ksig_alarm_open(&s->alarm, n, s->mounts, e);
	if (!err)
		return 0;
close:
	space_close(n);
	return err;
}

const struct ksig_native_source ksig_native_space = {
	.shared = true,
	.open = space_open,
	.join = space_join,
	.initial = space_initial,
	.close = space_close,
	.pull = space_pull,
};
