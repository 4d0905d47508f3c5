// SPDX-License-Identifier: MIT
/*
 * memory.pressure: a PSI trigger. Settings: "some=STALL/WINDOW[,cgroup=PATH]",
 * or full instead of some; without any it is some=200ms/2s of the machine.
 *
 * poll(2) consumes a trigger's event, and so does a poll of an epoll set that contains the
 * trigger: a program would find the subscription's descriptor ready, and no event. So it is polled by an
 * asynchronous request, which counts in an eventfd.
 *
 * The kernel takes a part of the window before for this one's, so that a trigger
 * also fires when less was stalled than asked for, or nothing at all. So the
 * number is looked at, and such an alarm is left out: what was stalled by then is
 * part of the next event's value.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "native.h"

#define SYSTEM_FILE "/proc/pressure/memory"
#define DEFAULT_SETTINGS "some=200ms/2s"
/* Windows that the kernel has */
#define WINDOW_LEAST_US 500000
#define WINDOW_MOST_US 10000000
/* It must be a multiple of that for who lacks CAP_SYS_RESOURCE */
#define WINDOW_STEP_US 2000000

/**
 * struct settings - what to be told of
 * @kind: "some" or "full"
 * @stall_us: so long in @window_us
 * @cgroup: of what; NULL: the machine
 * @cgroup_column: where that stands
 */
struct settings {
	const char *kind;
	uint64_t stall_us;
	uint64_t window_us;
	const char *cgroup;
	unsigned int cgroup_column;
};

/**
 * struct pressure_state - a trigger
 * @fd: the file; its trigger lasts as long
 * @done: eventfd, of @ctx
 * @ctx: of the request
 * @asked: there is a request
 * @kind: line of the file
 * @total: microseconds stalled by the last event
 * @seen: the same by the last alarm, event or not
 * @seen_at: when that was, CLOCK_MONOTONIC
 * @stall_us: so long within @window_us is an event
 */
struct pressure_state {
	int fd;
	int done;
	aio_context_t ctx;
	bool asked;
	const char *kind;
	uint64_t total;
	uint64_t seen;
	int64_t seen_at;
	uint64_t stall_us;
	uint64_t window_us;
};

/* ------------------------------------------------------------------ settings */

/* "200ms": digits and a unit. Its end, or NULL */
static const char *parse_time(const char *s, uint64_t *us)
{
	static const struct {
		const char *unit;
		uint64_t us;
	} units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 } };
	char *end;
	size_t i, len;

	if (*s < '0' || *s > '9')
		return NULL;
	errno = 0;
	*us = strtoull(s, &end, 10);
	if (errno || *us > WINDOW_MOST_US)
		*us = WINDOW_MOST_US + 1;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		len = strlen(units[i].unit);
		if (strncmp(end, units[i].unit, len))
			continue;
		*us *= units[i].us;
		return end + len;
	}
	return NULL;
}

static int bad(const struct ksig_stream *stream, const char *all, const char *at,
	       struct ksig_error *e)
{
	return ksig_fail(e, stream->spec.settings_column + (at - all), EINVAL,
			 "invalid setting '%s': expected some=STALL/WINDOW or full=STALL/WINDOW, as in memory.pressure:" DEFAULT_SETTINGS ", optionally followed by ,cgroup=PATH (units: us, ms, s)",
			 at);
}

static int parse(const struct ksig_stream *stream, struct settings *set,
		 struct ksig_error *e)
{
	const char *all = stream->spec.settings ? stream->spec.settings :
						DEFAULT_SETTINGS;
	const char *s = all, *next;

	*set = (struct settings) { };
	set->kind = !strncmp(s, "some=", 5) ? "some" : "full";
	if (strncmp(s, "some=", 5) && strncmp(s, "full=", 5))
		return bad(stream, all, s, e);
	next = parse_time(s + 5, &set->stall_us);
	if (!next || *next != '/')
		return bad(stream, all, s + 5, e);
	s = next + 1;
	next = parse_time(s, &set->window_us);
	if (!next || (*next && strncmp(next, ",cgroup=", 8)) ||
	    (*next && !next[8]))
		return bad(stream, all, next ? next : s, e);
	if (set->window_us < WINDOW_LEAST_US || set->window_us > WINDOW_MOST_US)
		return ksig_fail(e, stream->spec.settings_column + (s - all),
				 EINVAL,
				 "invalid window '%s': expected 500ms to 10s", s);
	if (!set->stall_us || set->stall_us > set->window_us)
		return ksig_fail(e, stream->spec.settings_column + 5, EINVAL,
				 "invalid stall '%s': expected more than 0 and at most the window",
				 all + 5);
	if (*next) {
		set->cgroup = next + 8;
		set->cgroup_column = stream->spec.settings_column +
				     (set->cgroup - all);
	}
	return 0;
}

/* ------------------------------------------------------------------- trigger */

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345" */
static int read_total(const struct pressure_state *s, uint64_t *total)
{
	char buf[512], *line, *at;
	ssize_t n = pread(s->fd, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	line = strstr(buf, s->kind);
	at = line ? strstr(line, "total=") : NULL;
	return at && sscanf(at, "total=%" SCNu64, total) == 1 ? 0 : -EIO;
}

/* Waits for the trigger's next event. */
static int request(struct pressure_state *s)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = s->fd,
		.aio_buf = POLLPRI,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = s->done,
	};
	struct iocb *list[] = { &cb };

	s->asked = syscall(SYS_io_submit, s->ctx, 1, list) == 1;
	return s->asked ? 0 : -errno;
}

/*
 * Was there what the trigger says? Alarms are a window apart at least. One that is
 * read late can be followed sooner: then a part of what was stalled in its window
 * has been seen before.
 */
static bool has_stalled(struct pressure_state *s, uint64_t total, int64_t now)
{
	uint64_t stalled = total - s->seen;
	bool late = now - s->seen_at < (int64_t)s->window_us * 1000;

	s->seen = total;
	s->seen_at = now;
	/* reading takes a moment, too */
	return stalled && (late || stalled >= s->stall_us - s->stall_us / 20);
}

static int pressure_pull(struct ksig_native *n)
{
	struct pressure_state *s = n->state;
	struct io_event result = { };
	struct ksig_event *ev;
	uint64_t count, total;
	int err;

	if (!s->asked)
		return request(s);
	if (read(s->done, &count, sizeof(count)) < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (syscall(SYS_io_getevents, s->ctx, 0, 1, &result, NULL) != 1)
		return 0;
	s->asked = false;
	/* the cgroup is gone */
	if (result.res < 0 || result.res & (POLLERR | POLLHUP))
		return -ESHUTDOWN;
	err = read_total(s, &total);
	if (err)
		return err == -ENODEV ? -ESHUTDOWN : err;
	if (!has_stalled(s, total, ksig_now()))
		return request(s);
	ev = ksig_native_put(n, ksig_now());
	/* what a lost one would have told the next one tells */
	if (ev) {
		ev->value = total - s->total;
		s->total = total;
	}
	return request(s);
}

/* -------------------------------------------------------------- open and close */

static int no_file(const struct settings *set, int err, const char *path,
		   struct ksig_error *e)
{
	if (err == -ENOENT || err == -EOPNOTSUPP)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "no %s: needs CONFIG_PSI, and psi=1 on the kernel command line if it is off by default",
				 path);
	if (err == -EPERM && !set->cgroup)
		return ksig_fail(e, 0, EPERM,
				 "%s: needs root or CAP_SYS_RESOURCE before Linux 6.4",
				 path);
	if (err == -EPERM || err == -EACCES)
		return ksig_fail(e, set->cgroup_column, -err,
				 "cannot open %s for writing: %s; run ksig as root, or give a cgroup that you own",
				 path, strerror(-err));
	return ksig_native_fail(e, err, path);
}

static int no_trigger(const struct ksig_stream *stream, const struct settings *set,
		      int err, const char *path, struct ksig_error *e)
{
	if (err == -EINVAL && set->window_us % WINDOW_STEP_US)
		return ksig_fail(e, stream->spec.settings_column + 5, EPERM,
				 "without CAP_SYS_RESOURCE the window must be a multiple of 2s: give 2s, 4s, ... or run ksig as root");
	return no_file(set, err, path, e);
}

static int set_trigger(const struct ksig_stream *stream, const struct settings *set,
		       struct pressure_state *s, const char *path,
		       struct ksig_error *e)
{
	char text[64];
	int n;

	s->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0)
		return no_file(set, -errno, path, e);
	n = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64, set->kind,
		     set->stall_us, set->window_us);
	/* with its NUL: the kernel overwrites the last byte with one */
	if (write(s->fd, text, n + 1) < 0)
		return no_trigger(stream, set, -errno, path, e);
	n = read_total(s, &s->total);
	s->seen = s->total;
	s->seen_at = ksig_now();
	return n ? ksig_native_fail(e, n, path) : 0;
}

static int open_file(const struct ksig_stream *stream, const struct settings *set,
		     struct pressure_state *s, struct ksig_error *e)
{
	char *folder, *path;
	int err;

	if (!set->cgroup)
		return set_trigger(stream, set, s, SYSTEM_FILE, e);
	err = ksig_cgroup_path(set->cgroup, set->cgroup_column, &folder, e);
	if (err)
		return err;
	err = asprintf(&path, "%s/memory.pressure", folder);
	free(folder);
	if (err < 0)
		return ksig_native_fail(e, -ENOMEM, "a cgroup's path");
	err = set_trigger(stream, set, s, path, e);
	free(path);
	return err;
}

static int start(struct ksig_native *n, struct pressure_state *s,
		 struct ksig_error *e)
{
	int err;

	s->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->done < 0)
		return ksig_native_fail(e, -errno, "an eventfd");
	if (syscall(SYS_io_setup, 1, &s->ctx)) {
		err = errno;
		return ksig_fail(e, 0, err == ENOSYS ? EOPNOTSUPP : err,
				 "asynchronous requests (io_setup): %s%s",
				 strerror(err),
				 err == EAGAIN ? "; raise fs.aio-max-nr" :
				 err == ENOSYS ? ": needs CONFIG_AIO" :
						 "");
	}
	err = request(s);
	if (!err)
		err = ksig_native_watch(n, s->done, EPOLLIN);
	return err ? ksig_native_fail(e, err, "waiting for a PSI trigger") : 0;
}

/* The request is cancelled first: it holds the file, and so the trigger. */
static void pressure_free(struct pressure_state *s)
{
	if (s->ctx)
		syscall(SYS_io_destroy, s->ctx);
	if (s->done >= 0)
		close(s->done);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static int pressure_open(struct ksig_native *n, struct ksig_stream *stream,
			 struct ksig_error *e)
{
	struct pressure_state *s;
	struct settings set;
	int err = parse(stream, &set, e);

	if (err)
		return err;
	s = malloc(sizeof(*s));
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "a PSI trigger");
	*s = (struct pressure_state) { .fd = -1, .done = -1, .kind = set.kind,
		.stall_us = set.stall_us, .window_us = set.window_us };
	err = open_file(stream, &set, s, e);
	if (!err)
		err = start(n, s, e);
	if (err) {
		pressure_free(s);
		return err;
	}
	n->state = s;
	return 0;
}

static void pressure_close(struct ksig_native *n)
{
	pressure_free(n->state);
}

const struct ksig_native_source ksig_native_pressure = {
	.open = pressure_open,
	.close = pressure_close,
	.pull = pressure_pull,
};
