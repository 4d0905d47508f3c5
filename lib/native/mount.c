// SPDX-License-Identifier: MIT
/*
 * fs.mount, fs.umount, fs.readonly and fs.writable: the mounts of a mount namespace. The kernel
 * reports that the list has changed, but not how. So a mount that was added and removed before the
 * list is read is not reported. Neither is a mount that replaces another, if it gets the same ID
 * and device number.
 *
 * The kernel doesn't report a file system that becomes read-only after an error, or is remounted in
 * another mount namespace. For fs.readonly and fs.writable, the list is therefore also read
 * periodically.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "mounts.h"

#define PERIOD_S 10

/**
 * struct mount_state - shared by the streams of a subscription
 * @fd: the list in /proc
 * @alarm: reports that the list has changed
 * @timer: expires when the list has to be read even without a notification; -1 if not needed
 * @mounts: the list when it was last read
 * @stale: the list has changed, and could not be read yet
 */
struct mount_state {
	int fd;
	struct ksig_alarm alarm;
	int timer;
	struct ksig_mounts mounts;
	bool stale;
};

static void mount_fill(const struct ksig_native *user, struct ksig_event *ev,
		       const struct ksig_mount *m)
{
	ksig_native_set_text(user, ev, "path", m->path);
	ksig_native_set_text(user, ev, "source", m->source);
	ksig_native_set_text(user, ev, "type", m->type);
}

/* @gone: the mount no longer exists, so the opposite state has ended */
static void mount_put(struct ksig_native *n, uint32_t type, const struct ksig_mount *m, bool gone)
{
	struct ksig_native *user;
	struct ksig_event *ev;
	unsigned int i;

	for (i = 0; i < n->users->n; i++) {
		user = n->users->user[i];
		if (user->desc->type != type)
			continue;
		/* the list is read once, so all changes must fit; if one doesn't, it is counted */
		ksig_native_reserve(user, 1);
		ev = gone ? ksig_native_put_gone(user, ksig_now()) :
			    ksig_native_put(user, ksig_now());
		if (ev)
			mount_fill(user, ev, m);
	}
}

/* Return: whether both are the same mount. A moved mount keeps its ID. */
static bool mount_is_same(const struct ksig_mount *a, const struct ksig_mount *b)
{
	return a->id == b->id && a->dev == b->dev && !strcmp(a->path, b->path) &&
	       !strcmp(a->source, b->source);
}

/*
 * Reads the list and reports what has changed. Reports removals first, because a new mount may have
 * the same path, and children before their parents.
 */
static int mount_update(struct ksig_native *n)
{
	struct mount_state *s = n->state;
	struct ksig_mounts now;
	const struct ksig_mount *m, *other;
	size_t i;
	int err = ksig_mounts_read(s->fd, &now);

	if (err)
		return err;
	for (i = s->mounts.n; i; i--) {
		m = &s->mounts.list[i - 1];
		other = ksig_mounts_find(&now, m->id);
		if (other && mount_is_same(m, other))
			continue;
		mount_put(n, m->readonly ? KSIG_FS_WRITABLE : KSIG_FS_READONLY, m, true);
		mount_put(n, KSIG_FS_UMOUNT, m, false);
	}
	for (m = now.list; m < now.list + now.n; m++) {
		other = ksig_mounts_find(&s->mounts, m->id);
		if (!other || !mount_is_same(m, other))
			mount_put(n, KSIG_FS_MOUNT, m, false);
		else if (m->readonly != other->readonly)
			mount_put(n, m->readonly ? KSIG_FS_READONLY : KSIG_FS_WRITABLE, m, false);
	}
	ksig_mounts_free(&s->mounts);
	s->mounts = now;
	return 0;
}

static int mount_pull(struct ksig_native *n)
{
	struct mount_state *s = n->state;
	int ret = ksig_alarm_take(&s->alarm);
	uint64_t expired;

	if (ret < 0)
		return ret;
	if (ret || (s->timer >= 0 && read(s->timer, &expired, sizeof(expired)) > 0))
		s->stale = true;
	if (!s->stale || !ksig_native_room(n))
		return 0;
	ret = mount_update(n);
	s->stale = ret;
	return ret;
}

static int mount_initial(struct ksig_native *n)
{
	struct mount_state *s = n->state;
	struct ksig_native *user;
	struct ksig_mounts now;
	uint64_t time_ns = ksig_now();
	unsigned int i;
	uint32_t type;
	size_t j;
	/* a change from now on is reported by the next alarm */
	int err = ksig_alarm_take(&s->alarm);

	err = err < 0 ? err : ksig_mounts_read(s->fd, &now);
	if (err)
		return err;
	ksig_mounts_free(&s->mounts);
	s->mounts = now;
	for (i = 0; i < n->users->n; i++) {
		user = n->users->user[i];
		type = user->desc->type;
		if (ksig_native_reserve(user, now.n))
			return -ENOMEM;
		for (j = 0; j < now.n; j++) {
			if (type == KSIG_FS_MOUNT ||
			    (type == KSIG_FS_READONLY && now.list[j].readonly) ||
			    (type == KSIG_FS_WRITABLE && !now.list[j].readonly))
				mount_fill(user, ksig_native_put_initial(user, time_ns),
					   &now.list[j]);
		}
	}
	return 0;
}

static void mount_close(struct ksig_native *n)
{
	struct mount_state *s = n->state;

	ksig_alarm_close(&s->alarm);
	if (s->timer >= 0)
		close(s->timer);
	if (s->fd >= 0)
		close(s->fd);
	ksig_mounts_free(&s->mounts);
	free(s);
}

static int mount_open(struct ksig_native *n, struct ksig_stream *stream,
		      struct ksig_error *e)
{
	struct mount_state *s = calloc(1, sizeof(*s));
	int err;

	(void)stream;
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "cannot create the list of mounts");
	*s = (struct mount_state) { .alarm = KSIG_ALARM_INIT, .timer = -1 };
	n->state = s;
	s->fd = ksig_mounts_open();
	err = s->fd < 0 ? ksig_native_fail(e, s->fd, "/proc/thread-self/mountinfo") :
			  ksig_alarm_open(&s->alarm, n, s->fd, e);
	if (!err) {
		err = ksig_mounts_read(s->fd, &s->mounts);
		if (err)
			ksig_native_fail(e, err, "cannot list the mounts");
	}
	if (err)
		mount_close(n);
	return err;
}

/* Starts the timer if the stream is the first that needs it. */
static int mount_join(struct ksig_native *n, struct ksig_error *e)
{
	const struct itimerspec period = {
		.it_value.tv_sec = PERIOD_S, .it_interval.tv_sec = PERIOD_S,
	};
	struct mount_state *s = n->state;
	int err;

	if (s->timer >= 0 || n->desc->type == KSIG_FS_MOUNT ||
	    n->desc->type == KSIG_FS_UMOUNT)
		return 0;
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = s->timer < 0 || timerfd_settime(s->timer, 0, &period, NULL) ?
		      -errno : ksig_native_watch(n, s->timer, EPOLLIN);
	return err ? ksig_native_fail(e, err, "cannot create a timer") : 0;
}

const struct ksig_native_source ksig_native_mount = {
	.shared = true,
	.open = mount_open,
	.join = mount_join,
	.initial = mount_initial,
	.close = mount_close,
	.pull = mount_pull,
};
