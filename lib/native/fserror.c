// SPDX-License-Identifier: MIT
/*
 * fs.error: errors that file systems report about themselves, such as corrupt metadata. fanotify
 * reports those of the file systems on which it is asked to watch; see fanotify(7), FAN_FS_ERROR.
 * When the list of mounts changes, it is asked to watch the new ones as well.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "mounts.h"

/**
 * struct fserror_fs - a local file system
 * @dev: device number as in struct ksig_mount
 * @fsid: as fanotify reports it
 * @mount: one of its mounts
 * @watched: fanotify watches it
 * @seen: in the current list of mounts
 */
struct fserror_fs {
	uint64_t dev;
	fsid_t fsid;
	struct ksig_mount mount;
	bool watched;
	bool seen;
};

/**
 * struct fserror_state - the file systems of a stream
 * @fanotify: reports errors
 * @mounts: the list of mounts
 * @alarm: reports that the list has changed
 * @stale: the list has changed, and could not be read yet
 * @list: the local file systems
 * @n: number of @list
 * @room: capacity of @list
 */
struct fserror_state {
	int fanotify;
	int mounts;
	struct ksig_alarm alarm;
	bool stale;
	struct fserror_fs *list;
	size_t n;
	size_t room;
};

/* ------------------------------------------------------------- what is watched */

static void fserror_free(struct fserror_fs *fs)
{
	free(fs->mount.path);
	free(fs->mount.type);
	free(fs->mount.source);
}

static struct fserror_fs *fserror_add(struct fserror_state *s, const struct ksig_mount *m)
{
	struct fserror_fs *fs = ksig_native_grow(s->list, s->n, &s->room, sizeof(*fs));

	if (!fs)
		return NULL;
	s->list = fs;
	fs += s->n;
	*fs = (struct fserror_fs) {
		.dev = m->dev, .seen = true,
		.mount = { .id = m->id, .path = strdup(m->path), .type = strdup(m->type),
			   .source = strdup(m->source) },
	};
	if (!fs->mount.path || !fs->mount.type || !fs->mount.source) {
		fserror_free(fs);
		return NULL;
	}
	s->n++;
	return fs;
}

/*
 * Watches the file system of a mount. It may be known but no longer watched, because it was
 * unmounted and mounted again. Return: 0; -ENOMEM.
 */
static int fserror_watch(struct ksig_native *n, const struct ksig_mount *m)
{
	const bool reachable = ksig_mount_is_local(m) && ksig_mount_at(m->path, true) == m->id;
	struct fserror_state *s = n->state;
	struct fserror_fs *fs = s->list, *end = fs + s->n;
	const struct ksig_sub_opts *opts = n->stream->opts;
	char *path, line[512];
	struct statfs st;
	int err;

	while (fs < end && (fs->dev != m->dev || strcmp(fs->mount.type, m->type) ||
			    strcmp(fs->mount.source, m->source)))
		fs++;
	if (fs < end)
		fs->seen = true;
	if (!reachable)
		return 0;
	err = fanotify_mark(s->fanotify, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_FS_ERROR, AT_FDCWD,
			    m->path) || statfs(m->path, &st) ? -errno : 0;
	/* ENOENT: it is already gone */
	if (err == -ENOMEM || err == -ENOENT)
		return err == -ENOENT ? 0 : err;
	if (fs == end) {
		fs = fserror_add(s, m);
		if (!fs)
			return -ENOMEM;
		/* most file systems that are not on a device can't be watched */
		if (err && opts->log && *m->source == '/') {
			snprintf(line, sizeof(line),
				 "errors of the %s file system at %s are not reported: %s", m->type,
				 m->path, err == -ENOSPC ?
				 "raise fs.fanotify.max_user_marks" : strerror(-err));
			opts->log(opts->log_ctx, line);
		}
	} else if (!err && fs->mount.id != m->id &&
		   ksig_mount_at(fs->mount.path, true) != fs->mount.id) {
		/* the path no longer leads to it */
		path = strdup(m->path);
		if (!path)
			return -ENOMEM;
		free(fs->mount.path);
		fs->mount.path = path;
		fs->mount.id = m->id;
	}
	if (!err) {
		fs->watched = true;
		fs->fsid = st.f_fsid;
	}
	return 0;
}

/*
 * Reads the list of mounts. The kernel removes a fanotify mark when the file system is unmounted.
 */
static int fserror_update(struct ksig_native *n)
{
	struct fserror_state *s = n->state;
	struct ksig_mounts all;
	size_t i;
	int err = ksig_mounts_read(s->mounts, &all);

	if (err)
		return err;
	for (i = 0; i < s->n; i++)
		s->list[i].seen = false;
	for (i = 0; i < all.n && !err; i++)
		err = fserror_watch(n, &all.list[i]);
	ksig_mounts_free(&all);
	for (i = 0; i < s->n && !err;) {
		if (s->list[i].seen) {
			i++;
			continue;
		}
		fserror_free(&s->list[i]);
		s->list[i] = s->list[--s->n];
	}
	return err;
}

/* --------------------------------------------------------------------- events */

static void fserror_handle(struct ksig_native *n, const struct fanotify_event_metadata *meta)
{
	const struct fserror_state *s = n->state;
	const struct fanotify_event_info_error *error = NULL;
	const struct fanotify_event_info_fid *fid = NULL;
	const struct fanotify_event_info_header *info;
	const char *at = (const char *)meta + meta->metadata_len;
	const char *end = (const char *)meta + meta->event_len;
	const struct ksig_mount *m = NULL, *other;
	bool same_path = true, same_source = true, same_type = true;
	struct ksig_event *ev;
	size_t i;

	if (meta->mask & FAN_Q_OVERFLOW) {
		/* their number is unknown */
		ksig_native_lose_upto(n, 1);
		return;
	}
	for (; end - at >= (ssize_t)sizeof(*info); at += info->len) {
		info = (const void *)at;
		if (info->len < sizeof(*info) || info->len > end - at)
			break;
		if (info->info_type == FAN_EVENT_INFO_TYPE_ERROR && info->len >= sizeof(*error))
			error = (const void *)info;
		else if (info->info_type == FAN_EVENT_INFO_TYPE_FID && info->len >= sizeof(*fid))
			fid = (const void *)info;
	}
	if (!error)
		return;
	ev = ksig_native_put(n, ksig_now());
	if (!ev)
		return;
	ev->value = error->error;
	ksig_native_set_number(n, ev, "count", error->error_count);
	/* a copy of a file system has the same ID; what they have in common is known */
	for (i = 0; fid && i < s->n; i++) {
		if (!s->list[i].watched ||
		    memcmp(&s->list[i].fsid, &fid->fsid, sizeof(fid->fsid)))
			continue;
		other = &s->list[i].mount;
		m = m ?: other;
		same_path &= !strcmp(m->path, other->path);
		same_source &= !strcmp(m->source, other->source);
		same_type &= !strcmp(m->type, other->type);
	}
	if (m && same_path)
		ksig_native_set_text(n, ev, "path", m->path);
	if (m && same_source)
		ksig_native_set_text(n, ev, "source", m->source);
	if (m && same_type)
		ksig_native_set_text(n, ev, "type", m->type);
}

static int fserror_pull(struct ksig_native *n)
{
	struct fserror_state *s = n->state;
	/* one event at a time, so that none is read for which there is no room */
	char buf[256] __attribute__((aligned(__alignof__(struct fanotify_event_metadata))));
	const struct fanotify_event_metadata *meta = (void *)buf;
	int ret = ksig_alarm_take(&s->alarm);
	ssize_t len;
	uint32_t i;

	if (ret < 0)
		return ret;
	s->stale |= ret != 0;
	for (i = 0; i < n->len && ksig_native_room(n); i++) {
		len = read(s->fanotify, buf, sizeof(buf));
		if (len < 0 && errno != EAGAIN)
			return -errno;
		if (len <= 0)
			break;
		for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len))
			fserror_handle(n, meta);
		meta = (void *)buf;
	}
	/* afterwards, because the events may be about file systems that are no longer mounted */
	if (!s->stale || !ksig_native_room(n))
		return 0;
	ret = fserror_update(n);
	s->stale = ret;
	return ret;
}

/* -------------------------------------------------------------- open and close */

static void fserror_close(struct ksig_native *n)
{
	struct fserror_state *s = n->state;

	ksig_alarm_close(&s->alarm);
	if (s->mounts >= 0)
		close(s->mounts);
	if (s->fanotify >= 0)
		close(s->fanotify);
	while (s->n)
		fserror_free(&s->list[--s->n]);
	free(s->list);
	free(s);
}

static int fserror_open(struct ksig_native *n, struct ksig_stream *stream, struct ksig_error *e)
{
	struct fserror_state *s = calloc(1, sizeof(*s));
	const struct fserror_fs *fs;
	int err;

	(void)stream;
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "cannot create the list of file systems");
	*s = (struct fserror_state) { .mounts = -1, .alarm = KSIG_ALARM_INIT };
	n->state = s;
	s->fanotify = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_UNLIMITED_QUEUE |
				    FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY);
	err = s->fanotify < 0 ? -errno : ksig_native_watch(n, s->fanotify, EPOLLIN);
	if (err)
		goto fail;
	s->mounts = ksig_mounts_open();
	err = s->mounts < 0 ? ksig_native_fail(e, s->mounts, "/proc/thread-self/mountinfo") :
			      ksig_alarm_open(&s->alarm, n, s->mounts, e);
	if (err)
		goto close;
	err = fserror_update(n);
	if (err)
		goto fail;
	for (fs = s->list; fs < s->list + s->n; fs++) {
		if (fs->watched)
			return 0;
	}
	err = ksig_fail(e, 0, EOPNOTSUPP, "none of the mounted file systems can be watched");
	goto close;
fail:
	if (err == -ENOSYS)
		err = ksig_fail(e, 0, EOPNOTSUPP, "this kernel has no fanotify (CONFIG_FANOTIFY)");
	else if (err == -EPERM)
		ksig_fail(e, 0, EPERM, "watching file systems for errors requires CAP_SYS_ADMIN");
	else
		ksig_native_fail(e, err, "cannot watch the file systems");
close:
	fserror_close(n);
	return err;
}

const struct ksig_native_source ksig_native_fserror = {
	.open = fserror_open,
	.close = fserror_close,
	.pull = fserror_pull,
};
