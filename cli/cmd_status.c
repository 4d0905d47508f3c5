// SPDX-License-Identifier: MIT
/*
 * ksig status: what the kernel tells of each subscription of a channel in /proc,
 * and what libksig tells of its subscriptions in memfds, found there too.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ksig/uapi.h>

#include "../lib/status.h"
#include "cli.h"

static const char help[] =
"Usage: ksig status [OPTIONS]\n"
"List subscriptions and their counters.\n"
"\n"
"Examples:\n"
"  ksig status\n"
"  ksig status --json | jq 'select(.lost != \"0\") | .comm, .lost'\n"
"\n"
"      --json         print one JSON object per line\n"
"  -h, --help         print this text\n"
"\n"
"One line per descriptor. OFFERED events passed the filter; each of them was\n"
"DELIVERED (read, or accepted into the target's signal queue), is QUEUED, was\n"
"LOST (the queue was full) or REFUSED (the target was not ready). LOST_UPTO is\n"
"an upper bound of further losses. TARGET, SIGNO and MODE describe signal\n"
"delivery. FILTER is what applies the filter: kernel or library. FLAGS:\n"
"target-gone, hup (the channel is destroyed), mapped. '-' means none or unknown.\n"
"ksig-status(1) explains every column.\n"
"\n"
"The kernel reports the counters of channels. For bpf and native each process\n"
"reports its own, as of when it last read events; they are not verified.\n"
"\n"
"You see the subscriptions of your own processes, root sees all.\n"
"\n"
"JSON keys: the columns in lower case. pid, fd, target and signo are numbers,\n"
"others are strings; null stands for '-'.\n"
"\n"
"Exit status: 0 done, 1 failed, 2 usage, 5 /proc is not mounted.\n";

/* What fdinfo has is there by the same name, behind "ksig-". */
static const struct column {
	const char *name;
	enum { TEXT, NUMBER, COUNTER } type;
} columns[] = {
	{ "pid", NUMBER },
	{ "fd", NUMBER },
	{ "provider", TEXT },
	{ "channel", TEXT },
	{ "filter", TEXT },
	{ "target", NUMBER },
	{ "signo", NUMBER },
	{ "mode", TEXT },
	{ "offered", COUNTER },
	{ "delivered", COUNTER },
	{ "queued", COUNTER },
	{ "lost", COUNTER },
	{ "refused", COUNTER },
	{ "signals", COUNTER },
	{ "deferred", COUNTER },
	{ "lost_upto", COUNTER },
	{ "flags", TEXT },
	{ "event", TEXT },
	{ "comm", TEXT },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

enum {
	PID, FD, PROVIDER, CHANNEL, FILTER, TARGET, SIGNO, MODE, OFFERED,
	DELIVERED, QUEUED, LOST, REFUSED, SIGNALS, DEFERRED, LOST_UPTO, FLAGS,
	EVENT, COMM,
};

/*
 * The longest is an event. Empty: nothing to tell.
 * @channel_fd: what libksig tells of that descriptor, too; -1: it has none
 */
struct row {
	char cell[N_COLUMNS][sizeof(((struct ksig_status *)0)->event)];
	int channel_fd;
};

/* So many may a process tell of, beside those that the kernel knows. */
#define TOLD_MAX 1024U

struct status {
	char self[16];		/* this process, as /proc knows it */
	const char *pid;	/* where the walk is */
	bool has_fds;
	unsigned int told;	/* rows by memfd, of this process */
	bool hidden;		/* something may not be seen */
	struct row *rows;
	size_t n_rows;
};

/* --------------------------------------------------------------------- /proc */

/* What ended meanwhile is no failure, nor is what others may not see. */
static int cannot_open(struct status *st, const char *path)
{
	if (errno == ENOENT || errno == ESRCH)
		return KSIG_DONE;
	if (errno == EACCES || errno == EPERM) {
		st->hidden = true;
		return KSIG_DONE;
	}
	ksig_error("cannot read %s: %s", path, strerror(errno));
	return KSIG_FAILED;
}

/* Visit what has a number for a name. */
static int walk(struct status *st, const char *path,
		int (*visit)(struct status *st, const char *path))
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char below[512];
	int ret = KSIG_DONE;

	if (!dir)
		return cannot_open(st, path);
	while (!ret && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		ret = visit(st, below);
	}
	closedir(dir);
	return ret;
}

static const char *last_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static void set_cell(struct row *row, size_t column, const char *value)
{
	snprintf(row->cell[column], sizeof(row->cell[column]), "%s", value);
}

static void take_line(struct row *row, const char *line)
{
	char key[16], value[KSIG_NAME_MAX], *blank;
	size_t i;

	if (sscanf(line, "ksig-%15[^:]: %47[^\n]", key, value) != 2)
		return;
	while ((blank = strchr(value, ' ')))
		*blank = ',';
	for (i = 0; value[i]; i++) {
		if (value[i] <= ' ' || value[i] > '~')
			return;
	}
	for (i = CHANNEL; i < EVENT; i++) {
		if (!strcmp(key, columns[i].name))
			set_cell(row, i, value);
	}
}

/* Its newline is ours, one before that is the name's. */
static bool read_comm(const char *pid, char *comm)
{
	char path[64];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	len = fread(comm, 1, KSIG_NAME_MAX - 1, f);
	fclose(f);
	comm[len ? len - 1 : 0] = '\0';
	return len;
}

static int add_row(struct status *st, const struct row *row)
{
	struct row *rows;

	rows = reallocarray(st->rows, st->n_rows + 1, sizeof(*rows));
	if (!rows) {
		ksig_error("out of memory");
		return KSIG_FAILED;
	}
	rows[st->n_rows++] = *row;
	st->rows = rows;
	return KSIG_DONE;
}

static void set_number(struct row *row, size_t column, uint64_t value)
{
	snprintf(row->cell[column], sizeof(row->cell[column]), "%" PRIu64,
		 value);
}

static void take_stats(struct row *row, const struct ksig_stats *st)
{
	const struct { uint64_t bit; const char *name; } flags[] = {
		{ KSIG_STATS_TARGET_GONE, "target-gone" },
		{ KSIG_STATS_HUP, "hup" },
	};
	const uint64_t counters[] = {
		st->offered, st->delivered, st->queued, st->lost, st->refused,
		st->signals, st->deferred,
	};
	size_t i;

	for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		set_number(row, OFFERED + i, counters[i]);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!(st->flags & flags[i].bit))
			continue;
		if (*row->cell[FLAGS])
			strcat(row->cell[FLAGS], ",");
		strcat(row->cell[FLAGS], flags[i].name);
	}
}

static void take_armed(struct row *row, const struct ksig_status *s)
{
	char mode[32];

	snprintf(mode, sizeof(mode), "%s%s",
		 s->mode == KSIG_MODE_DOORBELL ? "doorbell" : "each",
		 s->flags & KSIG_ARM_PROCESS ? ",process" : "");
	set_cell(row, MODE, mode);
	set_number(row, TARGET, (uint32_t)s->target);
	set_number(row, SIGNO, (uint32_t)s->signo);
}

static void fd_link(char *link, size_t size, const char *path)
{
	const char *fdinfo = strrchr(path, '/') - strlen("fdinfo");

	snprintf(link, size, "%.*sfd/%s", (int)(fdinfo - path), path,
		 last_name(path));
}

/* Of other files, too, fdinfo may have lines that somebody made up. */
static bool is_node(const char *path)
{
	struct stat st;
	char link[512];

	fd_link(link, sizeof(link), path);
	return !stat(link, &st) && S_ISCHR(st.st_mode);
}

/* @path: of its fdinfo. Return: is it a subscription's? */
static bool take_status(struct status *st, struct row *row, const char *path)
{
	struct ksig_status s;
	char link[512];
	int err;

	fd_link(link, sizeof(link), path);
	err = ksig_status_read(link, &s);
	if (err) {
		st->hidden |= err == -EACCES || err == -EPERM;
		return false;
	}
	row->channel_fd = strcmp(s.provider, "module") ? -1 : s.fd;
	set_cell(row, PROVIDER, s.provider);
	set_cell(row, EVENT, s.event);
	if (s.filter)
		set_cell(row, FILTER, s.filter == KSIG_STATUS_KERNEL ?
				      "kernel" : "library");
	take_stats(row, &s.stats);
	set_number(row, LOST_UPTO, s.lost_upto);
	if (s.stats.flags & KSIG_STATS_ARMED)
		take_armed(row, &s);
	return true;
}

/* The kernel's subscriptions cost their owner memory, a memfd's duplicates not. */
static bool too_many(struct status *st)
{
	if (++st->told == TOLD_MAX + 1)
		ksig_error("process %s has more than %u subscriptions: not all are listed",
			   st->pid, TOLD_MAX);
	return st->told > TOLD_MAX;
}

static int visit_fd(struct status *st, const char *path)
{
	FILE *f = fopen(path, "re");
	struct row row = { .channel_fd = -1 };
	char line[256];

	st->has_fds = true;
	if (!f)
		return cannot_open(st, path);
	while (fgets(line, sizeof(line), f))
		take_line(&row, line);
	fclose(f);
	if (*row.cell[CHANNEL] && !is_node(path))
		return KSIG_DONE;
	if (*row.cell[CHANNEL])
		set_cell(&row, PROVIDER, "module");
	if (!*row.cell[CHANNEL] &&
	    (!take_status(st, &row, path) || too_many(st)))
		return KSIG_DONE;
	if (!read_comm(st->pid, row.cell[COMM]))
		return KSIG_DONE;
	set_cell(&row, PID, st->pid);
	set_cell(&row, FD, last_name(path));
	return add_row(st, &row);
}

/*
 * Threads share their descriptors. The first may have ended while others live,
 * and has none then.
 */
static int visit_thread(struct status *st, const char *path)
{
	char below[512];

	if (st->has_fds)
		return KSIG_DONE;
	snprintf(below, sizeof(below), "%s/fdinfo", path);
	return walk(st, below, visit_fd);
}

/* The kernel knows best, but for what only the library knows. */
static void merge(struct row *row, const struct row *told)
{
	static const size_t cells[] = { FILTER, EVENT, TARGET, SIGNO, MODE };
	size_t i;

	for (i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		if (!*row->cell[cells[i]])
			set_cell(row, cells[i], told->cell[cells[i]]);
	}
}

static struct row *find_channel(struct status *st, size_t first, int fd)
{
	size_t i;

	for (i = first; i < st->n_rows; i++) {
		struct row *row = &st->rows[i];

		if (*row->cell[CHANNEL] && atoi(row->cell[FD]) == fd)
			return row;
	}
	return NULL;
}

/* A channel's subscription by libksig is one, and has two descriptors. */
static void merge_process(struct status *st, size_t first)
{
	size_t from, to = first;

	for (from = first; from < st->n_rows; from++) {
		struct row *told = &st->rows[from], *row = NULL;

		if (told->channel_fd >= 0)
			row = find_channel(st, first, told->channel_fd);
		if (row)
			merge(row, told);
		else
			st->rows[to++] = *told;
	}
	st->n_rows = to;
}

static int visit_process(struct status *st, const char *path)
{
	size_t first = st->n_rows;
	char below[512];
	int ret;

	st->pid = last_name(path);
	st->has_fds = false;
	st->told = 0;
	if (!strcmp(st->pid, st->self))
		return KSIG_DONE;
	snprintf(below, sizeof(below), "%s/task", path);
	ret = walk(st, below, visit_thread);
	merge_process(st, first);
	return ret;
}

/* -------------------------------------------------------------------- output */

static int print_json(const struct row *row)
{
	const char *value;
	size_t i;

	for (i = 0; i < N_COLUMNS; i++) {
		value = row->cell[i];
		printf("%s\"%s\":", i ? "," : "{", columns[i].name);
		if (!*value)
			fputs("null", stdout);
		else if (columns[i].type == NUMBER)
			fputs(value, stdout);
		else
			ksig_print_quoted(value);
	}
	puts("}");
	return ksig_flush();
}

static const char *shown(const char *cell)
{
	return *cell ? cell : "-";
}

/* A negative width has text begin on the left, as printf() knows it. */
static int width_of(const struct status *st, size_t column)
{
	int width = strlen(columns[column].name);
	size_t i;

	for (i = 0; i < st->n_rows; i++) {
		int len = strlen(shown(st->rows[i].cell[column]));

		if (width < len)
			width = len;
	}
	return columns[column].type == TEXT ? -width : width;
}

static int print_line(const struct row *row, const int *width)
{
	size_t i;

	for (i = 0; i < EVENT; i++)
		printf("%*s ", width[i], shown(row->cell[i]));
	ksig_print_plain(shown(row->cell[EVENT]));
	printf("%*s ", width[EVENT] + (int)strlen(shown(row->cell[EVENT])), "");
	ksig_print_plain(shown(row->cell[COMM]));
	putchar('\n');
	return ksig_flush();
}

static struct row heading(void)
{
	struct row row = { };
	const char *s;
	size_t i;
	char *to;

	for (i = 0; i < N_COLUMNS; i++) {
		to = row.cell[i];
		for (s = columns[i].name; *s; s++)
			*to++ = toupper((unsigned char)*s);
	}
	return row;
}

static int print_table(const struct status *st)
{
	struct row head = heading();
	int width[COMM], ret;
	size_t i;

	for (i = 0; i < COMM; i++)
		width[i] = width_of(st, i);
	ret = print_line(&head, width);
	for (i = 0; !ret && i < st->n_rows; i++)
		ret = print_line(&st->rows[i], width);
	return ret;
}

static int print_objects(const struct status *st)
{
	int ret = KSIG_DONE;
	size_t i;

	for (i = 0; !ret && i < st->n_rows; i++)
		ret = print_json(&st->rows[i]);
	return ret;
}

static int print_none(const struct status *st)
{
	ksig_error("no subscriptions");
	if (st->hidden || geteuid())
		ksig_error("other processes' subscriptions may be hidden: /proc/PID/fdinfo is "
			   "readable by its owner only%s",
			   geteuid() ? " (try sudo)" : "");
	return KSIG_DONE;
}

static int print(const struct status *st, bool json)
{
	if (!st->n_rows)
		return print_none(st);
	return json ? print_objects(st) : print_table(st);
}

static int status(bool json)
{
	struct status st = { };
	int ret;

	if (readlink("/proc/self", st.self, sizeof(st.self) - 1) < 0) {
		ksig_error("cannot read /proc/self: %s (is /proc mounted?)",
			   strerror(errno));
		return KSIG_NOT_HERE;
	}
	ret = walk(&st, "/proc", visit_process);
	if (!ret)
		ret = print(&st, json);
	free(st.rows);
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'h':
			return ksig_help(&ksig_cmd_status);
		default:
			return ksig_usage(&ksig_cmd_status);
		}
	}
	if (optind < argc) {
		ksig_error("unexpected argument '%s'", argv[optind]);
		return ksig_usage(&ksig_cmd_status);
	}
	return status(json);
}

const struct ksig_command ksig_cmd_status = {
	.name = "status",
	.summary = "list subscriptions and their counters",
	.help = help,
	.run = run,
};
