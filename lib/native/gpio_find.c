// SPDX-License-Identifier: MIT
/* Finds a line of a GPIO chip by its number or name; see Documentation/userspace-api/gpio/. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gpio.h"

#define PREFIX "gpiochip"

/**
 * struct gpio_search - state of a search for a line
 * @chip: the setting "chip", or NULL
 * @line: the setting "line"
 * @place: the line that was found
 * @fd: descriptor of its chip; -1 if no line has been found
 * @n_chips: number of chips that could match
 * @n_lines: number of lines that match
 * @err: why a chip could not be opened, or 0
 */
struct gpio_search {
	const char *chip;
	const char *line;
	struct ksig_gpio_place *place;
	int fd;
	unsigned int n_chips;
	unsigned int n_lines;
	int err;
};

static bool gpio_is_number(const char *s)
{
	return *s && !s[strspn(s, "0123456789")];
}

/*
 * Return: whether the setting "chip" refers to this chip, by its number, name, label or path, which
 * may be a symbolic link. "4" and "gpiochip4" may be names of links too.
 */
static bool gpio_is_chip(const char *wanted, const struct gpiochip_info *chip)
{
	char path[PATH_MAX], node[PATH_MAX];

	if (!wanted || !strcmp(wanted, chip->label))
		return true;
	snprintf(path, sizeof(path), "%s%s%s", *wanted == '/' ? "" : "/dev/",
		 gpio_is_number(wanted) ? PREFIX : "", wanted);
	if (realpath(path, node) && !strncmp(node, "/dev/", 5) && !strcmp(node + 5, chip->name))
		return true;
	return !strcmp(wanted, chip->name) ||
	       (gpio_is_number(wanted) && !strcmp(wanted, chip->name + strlen(PREFIX)));
}

static void gpio_search_chip(struct gpio_search *s, const char *name)
{
	struct gpiochip_info chip = { };
	struct gpio_v2_line_info info;
	const bool by_number = gpio_is_number(s->line);
	char path[300];
	uint32_t offset;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &chip)) {
		s->err = -errno;
		goto close;
	}
	if (!gpio_is_chip(s->chip, &chip))
		goto close;
	s->n_chips++;
	for (offset = 0; offset < chip.lines; offset++) {
		if (by_number && strtoull(s->line, NULL, 10) != offset)
			continue;
		info = (struct gpio_v2_line_info) { .offset = offset };
		if (ioctl(fd, GPIO_V2_GET_LINEINFO_IOCTL, &info) ||
		    (!by_number && strcmp(s->line, info.name)))
			continue;
		if (s->n_lines++)
			continue;
		*s->place = (struct ksig_gpio_place) { .offset = offset };
		strcpy(s->place->chip, chip.name);
		strcpy(s->place->label, chip.label);
		strcpy(s->place->name, info.name);
		strcpy(s->place->consumer, info.consumer);
		s->fd = fd;
	}
close:
	if (fd >= 0 && fd != s->fd)
		close(fd);
}

/* Skips symbolic links, which some systems provide for compatibility. */
static int gpio_is_dev(const struct dirent *d)
{
	return d->d_type != DT_LNK && !strncmp(d->d_name, PREFIX, strlen(PREFIX)) &&
	       gpio_is_number(d->d_name + strlen(PREFIX));
}

int ksig_gpio_find(const struct ksig_spec *spec, struct ksig_gpio_place *place,
		   struct ksig_error *e)
{
	const struct ksig_cond *chip = ksig_spec_setting(spec, "chip");
	const struct ksig_cond *line = ksig_spec_setting(spec, "line");
	struct gpio_search s = { .chip = chip ? chip->text : NULL, .place = place, .fd = -1 };
	struct dirent **list;
	int n, i, err = 0;

	err = ksig_gpio_check(e);
	if (err)
		return err;
	if (!line || (!chip && gpio_is_number(line->text)))
		return line ? ksig_fail(e, line->column, EINVAL,
					"line number '%s' requires chip=, such as chip=gpiochip0",
					line->text) :
			      ksig_fail(e, 0, EINVAL,
					"missing setting 'line': use chip=gpiochip0,line=17 or line=NAME (see gpioinfo(1))");
	s.line = line->text;
	n = scandir("/dev", &list, gpio_is_dev, versionsort);
	for (i = 0; i < n; i++) {
		gpio_search_chip(&s, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	if (s.n_lines == 1)
		return s.fd;
	if (s.fd >= 0)
		close(s.fd);
	if (s.n_lines)
		return ksig_fail(e, line->text_column, EINVAL,
				 "%u lines match '%s': add chip= with the number of a chip",
				 s.n_lines, line->text);
	/* unless the right chip could be opened */
	if (s.err && !(chip && s.n_chips))
		return ksig_native_fail(e, s.err, "cannot open a GPIO chip");
	if (chip && !s.n_chips)
		return ksig_fail(e, chip->text_column, EINVAL, "no GPIO chip '%s'",
				 chip->text);
	return ksig_fail(e, line->text_column, EINVAL, "no GPIO line '%s'", line->text);
}

int ksig_gpio_check(struct ksig_error *e)
{
	char path[300];
	struct dirent **list;
	int n = scandir("/dev", &list, gpio_is_dev, versionsort), i, fd = -1, err = 0;

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/dev/%s", list[i]->d_name);
		if (fd < 0) {
			fd = open(path, O_RDWR | O_CLOEXEC);
			err = fd < 0 ? -errno : 0;
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return ksig_fail(e, 0, EOPNOTSUPP, "this machine has no GPIO chip (/dev/gpiochip*)");
	return err ? ksig_native_fail(e, err, "cannot open a GPIO chip") : 0;
}
