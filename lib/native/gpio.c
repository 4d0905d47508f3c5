// SPDX-License-Identifier: MIT
/*
 * gpio.rising and gpio.falling: edges of a GPIO line. A line can have only one consumer, so
 * the streams of a subscription share it. Each edge has the time of its interrupt.
 *
 * If both edges are watched, the kernel reads the level after the interrupt to find out which edge
 * it was. If the level has changed again by then, it reports the wrong one. As the level
 * alternates, an edge to the level that the line already had is not reported, but counted as
 * possibly lost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gpio.h"

/* Maximum number of attempts to read the level without an edge in between */
#define TRIES 100
#define EDGES (GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING)
#define DEBOUNCE_MOST_US 10000000

/**
 * struct gpio_line - a line that is watched
 * @place: the line
 * @fd: the request, from which edges are read; -1 if the chip has been removed
 * @watcher: the stream that has @fd in its epoll set
 * @config: how the line is configured
 * @seqno: number of the last edge that was read
 * @edge: the next edge
 * @has_edge: it has been read
 * @has_level: @level is known
 * @level: the level after the last edge, or in the initial state
 * @listed: time before and after @level was read for the initial state, CLOCK_MONOTONIC of the
 *	initial time namespace; 0 if it was not read or a later edge has been reported
 */
struct gpio_line {
	struct ksig_gpio_place place;
	int fd;
	struct ksig_native *watcher;
	struct gpio_v2_line_config config;
	uint32_t seqno;
	struct gpio_v2_line_event edge;
	bool has_edge;
	bool has_level;
	bool level;
	uint64_t listed[2];
};

/**
 * struct gpio_state - what all streams share
 * @lines: the lines
 * @n: number of @lines
 * @time_offset: offset of CLOCK_MONOTONIC in this time namespace
 */
struct gpio_state {
	struct gpio_line lines[KSIG_SUB_SPECS];
	unsigned int n;
	int64_t time_offset;
};

/* --------------------------------------------------------------------- records */

static void gpio_fill(const struct ksig_native *user, struct ksig_event *ev)
{
	const struct gpio_line *line = user->own;

	ev->subject = line->place.offset;
	ksig_native_set_text(user, ev, "chip", line->place.chip);
	ksig_native_set_text(user, ev, "label", line->place.label);
	ksig_native_set_text(user, ev, "name", line->place.name);
}

/* Return: whether the stream reports that its line has gone to this level. */
static bool gpio_concerns(const struct ksig_native *user, bool level)
{
	return level == (user->desc->type == KSIG_GPIO_RISING);
}

/* Counts edges of a line as possibly lost. */
static void gpio_miss(struct ksig_native *n, const struct gpio_line *line, uint32_t count)
{
	unsigned int i;

	for (i = 0; count && i < n->users->n; i++) {
		if (n->users->user[i]->own == line)
			ksig_native_miss(n->users->user[i], count);
	}
}

static void gpio_handle(struct ksig_native *n, struct gpio_line *line)
{
	const struct gpio_state *s = n->state;
	const struct gpio_v2_line_event *edge = &line->edge;
	const bool level = edge->id == GPIO_V2_LINE_EVENT_RISING_EDGE;
	const uint32_t missed = edge->line_seqno - line->seqno - 1;
	struct ksig_native *user;
	struct ksig_event *ev;
	unsigned int i;

	line->has_edge = false;
	line->seqno = edge->line_seqno;
	/* the initial state already includes this edge, whose interrupt was handled late */
	if (edge->timestamp_ns <= line->listed[0] ||
	    (edge->timestamp_ns <= line->listed[1] && level == line->level))
		return;
	line->listed[0] = line->listed[1] = 0;
	/* the kernel's queue was full */
	gpio_miss(n, line, missed);
	if (!missed && line->has_level && level == line->level &&
	    (line->config.flags & EDGES) == EDGES) {
		gpio_miss(n, line, 1);
		return;
	}
	line->level = level;
	line->has_level = true;
	for (i = 0; i < n->users->n; i++) {
		user = n->users->user[i];
		if (user->own != line || !gpio_concerns(user, level))
			continue;
		ev = ksig_native_put(user, edge->timestamp_ns + s->time_offset);
		if (ev)
			gpio_fill(user, ev);
	}
}

/* Reads the next edge of a line, unless it has been read. Return: 0 or -errno. */
static int gpio_read(struct ksig_native *n, struct gpio_line *line)
{
	unsigned int i;
	ssize_t len;

	if (line->has_edge || line->fd < 0)
		return 0;
	len = read(line->fd, &line->edge, sizeof(line->edge));
	line->has_edge = len == sizeof(line->edge);
	if (len >= 0 || errno == EAGAIN)
		return 0;
	if (errno != ENODEV)
		return -errno;
	/* the chip has been removed, which ends the line's streams */
	ksig_native_unwatch(line->watcher, line->fd);
	line->fd = -1;
	for (i = 0; i < n->users->n; i++) {
		if (n->users->user[i]->own == line)
			n->users->user[i]->end = -ESHUTDOWN;
	}
	return 0;
}

/* Handles the edges of all lines in the order in which they occurred. */
static int gpio_pull(struct ksig_native *n)
{
	struct gpio_state *s = n->state;
	struct gpio_line *line, *first;
	uint32_t i;
	int err;

	for (i = 0; i < n->len && ksig_native_room(n); i++) {
		first = NULL;
		for (line = s->lines; line < s->lines + s->n; line++) {
			err = gpio_read(n, line);
			if (err)
				return err;
			if (line->has_edge &&
			    (!first || line->edge.timestamp_ns < first->edge.timestamp_ns))
				first = line;
		}
		if (!first)
			return 0;
		gpio_handle(n, first);
	}
	return ksig_native_pulled(n, i);
}

/* --------------------------------------------------------------- initial state */

/* Discards the edges that can be read. Return: their number; or -errno. */
static int gpio_drain(struct gpio_line *line)
{
	struct gpio_v2_line_event edge;
	ssize_t len;
	int count = line->has_edge;

	line->has_edge = false;
	while ((len = read(line->fd, &edge, sizeof(edge))) == sizeof(edge)) {
		line->seqno = edge.line_seqno;
		count++;
	}
	return len < 0 && errno != EAGAIN ? -errno : count;
}

/* Reads the level at a moment at which there is no edge. Return: 0 or -errno. */
static int gpio_read_level(struct ksig_native *n, struct gpio_line *line)
{
	const struct gpio_state *s = n->state;
	struct gpio_v2_line_values values = { .mask = 1 };
	int ret = gpio_drain(line), i;

	for (i = 0; i < TRIES && ret >= 0; i++) {
		line->listed[0] = ksig_now() - s->time_offset;
		if (ioctl(line->fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values))
			return -errno;
		line->listed[1] = ksig_now() - s->time_offset;
		line->level = values.bits & 1;
		line->has_level = true;
		ret = gpio_drain(line);
		if (!ret)
			return 0;
	}
	/* these edges came after the level had been read the last time */
	gpio_miss(n, line, ret < 0 ? 0 : ret);
	return ret < 0 ? ret : 0;
}

static int gpio_initial(struct ksig_native *n)
{
	struct gpio_state *s = n->state;
	struct ksig_native *user;
	struct gpio_line *line;
	struct ksig_event *ev;
	unsigned int i;
	int err;

	for (line = s->lines; line < s->lines + s->n; line++) {
		err = gpio_read_level(n, line);
		for (i = 0; i < n->users->n && !err; i++) {
			user = n->users->user[i];
			if (user->own != line || !gpio_concerns(user, line->level))
				continue;
			err = ksig_native_reserve(user, 1);
			if (err)
				break;
			/* older than each edge that is not included in the level */
			ev = ksig_native_put_initial(user, line->listed[0] + s->time_offset);
			gpio_fill(user, ev);
		}
		if (err)
			return err;
	}
	return 0;
}

/* -------------------------------------------------------------- open and close */

static const struct gpio_flag {
	const char *key;
	const char *text;
	uint64_t flag;
} flags[] = {
	{ "bias", "pull-up", GPIO_V2_LINE_FLAG_BIAS_PULL_UP },
	{ "bias", "pull-down", GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN },
	{ "bias", "disabled", GPIO_V2_LINE_FLAG_BIAS_DISABLED },
	{ "active", "low", GPIO_V2_LINE_FLAG_ACTIVE_LOW },
	{ "active", "high", 0 },
};

/* Parses the settings of how the line is configured. */
static int gpio_parse(const struct ksig_spec *spec, struct gpio_v2_line_config *config,
		      struct ksig_error *e)
{
	const struct ksig_cond *c;
	const char *end;
	uint64_t us;
	unsigned int i, j;

	*config = (struct gpio_v2_line_config) {
		.flags = GPIO_V2_LINE_FLAG_INPUT,
	};
	for (i = 0; i < spec->n_settings; i++) {
		c = &spec->settings[i];
		if (strcmp(c->key, "bias") && strcmp(c->key, "active"))
			continue;
		for (j = 0; j < ARRAY_SIZE(flags); j++) {
			if (!strcmp(c->key, flags[j].key) && !strcmp(c->text, flags[j].text))
				break;
		}
		if (j == ARRAY_SIZE(flags))
			return ksig_fail(e, c->text_column, EINVAL,
					 "invalid value '%s' for '%s': expected %s", c->text, c->key,
					 *c->key == 'b' ? "pull-up, pull-down or disabled" :
					 "low or high");
		config->flags |= flags[j].flag;
	}
	c = ksig_spec_setting(spec, "debounce");
	if (!c)
		return 0;
	end = ksig_setting_time(c->text, &us);
	if (!end || *end || !us || us > DEBOUNCE_MOST_US)
		return ksig_fail(e, c->text_column, EINVAL,
				 "invalid time '%s': expected 1us to 10s, such as 5ms", c->text);
	config->num_attrs = 1;
	config->attrs[0].mask = 1;
	config->attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_DEBOUNCE;
	config->attrs[0].attr.debounce_period_us = us;
	return 0;
}

/* Asks the kernel for the edges of a line. @chip: descriptor of its chip */
static int gpio_request(struct ksig_native *n, struct gpio_line *line, int chip,
			struct ksig_error *e)
{
	struct gpio_v2_line_request request = {
		.offsets = { line->place.offset }, .consumer = "ksig", .config = line->config,
		.num_lines = 1, .event_buffer_size = n->len,
	};
	int err;

	if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request)) {
		err = -errno;
		if (err == -EBUSY)
			return ksig_fail(e, 0, EBUSY, "line %u of %s is busy: requested by '%s'",
					 line->place.offset, line->place.chip,
					 line->place.consumer);
		return ksig_fail(e, 0, -err, "cannot watch line %u of %s: %s",
				 line->place.offset, line->place.chip, strerror(-err));
	}
	line->fd = request.fd;
	line->watcher = n;
	err = fcntl(line->fd, F_SETFL, O_NONBLOCK) ? -errno :
						     ksig_native_watch(n, line->fd, EPOLLIN);
	if (!err)
		return 0;
	close(line->fd);
	return ksig_native_fail(e, err, "cannot watch a GPIO line");
}

static int gpio_join(struct ksig_native *n, struct ksig_error *e)
{
	const uint64_t edge = n->desc->type == KSIG_GPIO_RISING ? GPIO_V2_LINE_FLAG_EDGE_RISING :
								  GPIO_V2_LINE_FLAG_EDGE_FALLING;
	struct gpio_state *s = n->state;
	struct gpio_line *line = &s->lines[s->n], *other;
	struct gpio_v2_line_config config;
	int err, chip;

	*line = (struct gpio_line) { };
	err = gpio_parse(&n->stream->spec, &line->config, e);
	if (err)
		return err;
	chip = ksig_gpio_find(&n->stream->spec, &line->place, e);
	if (chip < 0)
		return chip;
	for (other = s->lines; other < line; other++) {
		if (!strcmp(other->place.chip, line->place.chip) &&
		    other->place.offset == line->place.offset)
			break;
	}
	config = other->config;
	config.flags &= ~EDGES;
	if (other == line) {
		line->config.flags |= edge;
		err = gpio_request(n, line, chip, e);
	} else if (memcmp(&config, &line->config, sizeof(config))) {
		err = ksig_fail(e, 0, EINVAL,
				"line %u of %s has different settings in another event of this subscription; use the same bias, active and debounce",
				line->place.offset, line->place.chip);
	} else if (!(other->config.flags & edge)) {
		/* the line is watched already, but not this edge of it */
		other->config.flags |= edge;
		if (ioctl(other->fd, GPIO_V2_LINE_SET_CONFIG_IOCTL, &other->config))
			err = ksig_native_fail(e, -errno, "cannot watch both edges of a GPIO line");
	}
	close(chip);
	if (err)
		return err;
	s->n += other == line;
	n->own = other;
	return 0;
}

static void gpio_close(struct ksig_native *n)
{
	struct gpio_state *s = n->state;

	while (s->n--) {
		if (s->lines[s->n].fd >= 0)
			close(s->lines[s->n].fd);
	}
	free(s);
}

static int gpio_open(struct ksig_native *n, struct ksig_stream *stream, struct ksig_error *e)
{
	struct gpio_state *s;
	int err = stream->probe ? ksig_gpio_check(e) : 0;

	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "cannot allocate the list of lines");
	s->time_offset = ksig_proc_time_offset();
	n->state = s;
	return 0;
}

const struct ksig_native_source ksig_native_gpio = {
	.shared = true,
	.open = gpio_open,
	.join = gpio_join,
	.initial = gpio_initial,
	.close = gpio_close,
	.pull = gpio_pull,
};
