// SPDX-License-Identifier: MIT
/*
 * ksig status: lists subscriptions from two sources. The kernel reports subscriptions of channels
 * in /proc. libksig publishes its subscriptions in memfds, which are also found through /proc.
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
"an upper bound on further losses. TARGET, SIGNO and MODE describe signal\n"
"delivery. FILTER is what applies the filter: kernel or library. FLAGS:\n"
"target-gone, hup (the channel is destroyed), mapped. '-' means none or unknown.\n"
"ksig-status(1) explains every column.\n"
"\n"
"The kernel reports the counters of channels. For bpf and native each process\n"
"reports its own, as of when it last read events; they are not verified.\n"
"\n"
"Without root, only the subscriptions of your own processes are listed.\n"
"\n"
"JSON keys: the columns in lower case. pid, fd, target and signo are numbers,\n"
"others are strings; null stands for '-'.\n"
"\n"
"Exit status: 0 done, 1 failed, 2 usage, 5 /proc is not mounted.\n";

/* In fdinfo, the names have the prefix "ksig-". */
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
 * A cell has space for the longest content, which is an event. An empty cell means "none" or
 * "unknown". @channel_fd: in a row from a memfd of the module provider, the descriptor that the
 * process has open on the channel; otherwise -1.
 */
struct row {
	char cell[N_COLUMNS][sizeof(((struct ksig_status *)0)->event)];
	int channel_fd;
};

/* Maximum number of memfd subscriptions listed for one process */
#define MEMFDS_MAX 1024U

struct status {
	char self[16];		/* pid of this process in this /proc */
	const char *pid;	/* pid of the process being visited */
	bool has_fds;
	unsigned int n_memfds;	/* number of memfd subscriptions of the process being visited */
	bool hidden;		/* some subscriptions may not be visible to this user */
	struct row *rows;
	size_t n_rows;
};

/* --------------------------------------------------------------------- /proc */

/*
 * Ignores processes that have exited since their directory was read, or that this user is not
 * permitted to see.
 */
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

/* Visits the entries whose names begin with a digit. */
static int visit_all(struct status *st, const char *path,
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

static void set_number(struct row *row, size_t column, uint64_t value)
{
	snprintf(row->cell[column], sizeof(row->cell[column]), "%" PRIu64,
		 value);
}

static void fd_link(char *link, size_t size, const char *path)
{
	const char *fdinfo = strrchr(path, '/') - strlen("fdinfo");

	snprintf(link, size, "%.*sfd/%s", (int)(fdinfo - path), path,
		 last_name(path));
}

/*
 * Reads the status that libksig publishes about the subscription whose fdinfo is @path.
 * Return: whether there is a subscription to list.
 */
static bool read_memfd(struct status *st, struct row *row, const char *path)
{
	static const struct { uint64_t bit; const char *name; } flags[] = {
		{ KSIG_STATS_TARGET_GONE, "target-gone" },
		{ KSIG_STATS_HUP, "hup" },
	};
	struct ksig_status s;
	char link[512], mode[32];
	size_t i;
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
	set_number(row, OFFERED, s.stats.offered);
	set_number(row, DELIVERED, s.stats.delivered);
	set_number(row, QUEUED, s.stats.queued);
	set_number(row, LOST, s.stats.lost);
	set_number(row, REFUSED, s.stats.refused);
	set_number(row, SIGNALS, s.stats.signals);
	set_number(row, DEFERRED, s.stats.deferred);
	set_number(row, LOST_UPTO, s.lost_upto);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!(s.stats.flags & flags[i].bit))
			continue;
		if (*row->cell[FLAGS])
			strcat(row->cell[FLAGS], ",");
		strcat(row->cell[FLAGS], flags[i].name);
	}
	if (s.stats.flags & KSIG_STATS_ARMED) {
		snprintf(mode, sizeof(mode), "%s%s",
			 s.mode == KSIG_MODE_DOORBELL ? "doorbell" : "each",
			 s.flags & KSIG_ARM_PROCESS ? ",process" : "");
		set_cell(row, MODE, mode);
		set_number(row, TARGET, (uint32_t)s.target);
		set_number(row, SIGNO, (uint32_t)s.signo);
	}
	/*
	 * limit the number, because duplicates of a memfd cost no memory, unlike subscriptions in
	 * the kernel
	 */
	if (++st->n_memfds == MEMFDS_MAX + 1)
		ksig_error("process %s has more than %u subscriptions: not all are listed",
			   st->pid, MEMFDS_MAX);
	return st->n_memfds <= MEMFDS_MAX;
}

static int visit_fd(struct status *st, const char *path)
{
	char line[256], link[512], key[16], value[KSIG_NAME_MAX], *at;
	struct row row = { .channel_fd = -1 }, *rows;
	FILE *f = fopen(path, "re");
	struct stat fd;
	size_t len, i;

	st->has_fds = true;
	if (!f)
		return cannot_open(st, path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "ksig-%15[^:]: %47[^\n]", key, value) != 2)
			continue;
		while ((at = strchr(value, ' ')))
			*at = ',';
		for (at = value; *at > ' ' && *at <= '~'; at++)
			;
		for (i = CHANNEL; !*at && i < EVENT; i++) {
			if (!strcmp(key, columns[i].name))
				set_cell(&row, i, value);
		}
	}
	fclose(f);
	if (*row.cell[CHANNEL]) {
		/*
		 * users can create other files whose fdinfo contains such lines, so check the file
		 * type
		 */
		fd_link(link, sizeof(link), path);
		if (stat(link, &fd) || !S_ISCHR(fd.st_mode))
			return KSIG_DONE;
		set_cell(&row, PROVIDER, "module");
	} else if (!read_memfd(st, &row, path)) {
		return KSIG_DONE;
	}

	snprintf(line, sizeof(line), "/proc/%s/comm", st->pid);
	f = fopen(line, "re");
	if (!f)
		return KSIG_DONE;
	len = fread(row.cell[COMM], 1, KSIG_NAME_MAX - 1, f);
	fclose(f);
	if (!len)
		return KSIG_DONE;
	/* the kernel appends the last newline; any others are part of the name */
	row.cell[COMM][len - 1] = '\0';
	set_cell(&row, PID, st->pid);
	set_cell(&row, FD, last_name(path));

	rows = reallocarray(st->rows, st->n_rows + 1, sizeof(*rows));
	if (!rows) {
		ksig_error("out of memory");
		return KSIG_FAILED;
	}
	rows[st->n_rows++] = row;
	st->rows = rows;
	return KSIG_DONE;
}

/*
 * Lists the descriptors of the process unless an earlier thread has shown them. The threads of a
 * process share their descriptors, so one thread is enough. But a group leader that has exited has
 * none, so other threads are tried.
 */
static int visit_thread(struct status *st, const char *path)
{
	char below[512];

	if (st->has_fds)
		return KSIG_DONE;
	snprintf(below, sizeof(below), "%s/fdinfo", path);
	return visit_all(st, below, visit_fd);
}

/*
 * Lists a libksig subscription of a channel only once, although it has two descriptors. The row
 * combines the kernel's report with the information that only the library has.
 */
static int visit_process(struct status *st, const char *path)
{
	static const size_t cells[] = { FILTER, EVENT, TARGET, SIGNO, MODE };
	size_t from, to = st->n_rows, first = to, i;
	char below[512];
	int ret;

	st->pid = last_name(path);
	st->has_fds = false;
	st->n_memfds = 0;
	if (!strcmp(st->pid, st->self))
		return KSIG_DONE;
	snprintf(below, sizeof(below), "%s/task", path);
	ret = visit_all(st, below, visit_thread);

	for (from = first; from < st->n_rows; from++) {
		struct row *memfd = &st->rows[from], *row = &st->rows[first];
		struct row *end = &st->rows[st->n_rows];

		while (row < end && (memfd->channel_fd < 0 || !*row->cell[CHANNEL] ||
				     atoi(row->cell[FD]) != memfd->channel_fd))
			row++;
		if (row == end) {
			st->rows[to++] = *memfd;
			continue;
		}
		for (i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
			if (!*row->cell[cells[i]])
				set_cell(row, cells[i], memfd->cell[cells[i]]);
		}
	}
	st->n_rows = to;
	return ret;
}

/* -------------------------------------------------------------------- output */

static const char *cell_text(const struct row *row, size_t column)
{
	return *row->cell[column] ? row->cell[column] : "-";
}

static int print_line(const struct row *row, const int *width)
{
	size_t i;

	for (i = 0; i < EVENT; i++)
		printf("%*s ", width[i], cell_text(row, i));
	ksig_print_plain(cell_text(row, EVENT));
	printf("%*s ", width[EVENT] + (int)strlen(cell_text(row, EVENT)), "");
	ksig_print_plain(cell_text(row, COMM));
	putchar('\n');
	return ksig_flush();
}

static int print_rows(const struct status *st, bool json)
{
	struct row heading = { };
	int width[COMM], len, ret = KSIG_DONE;
	size_t i, j;

	for (i = 0; !ret && json && i < st->n_rows; i++) {
		for (j = 0; j < N_COLUMNS; j++) {
			const char *value = st->rows[i].cell[j];

			printf("%s\"%s\":", j ? "," : "{", columns[j].name);
			if (!*value)
				fputs("null", stdout);
			else if (columns[j].type == NUMBER)
				fputs(value, stdout);
			else
				ksig_print_quoted(value);
		}
		puts("}");
		ret = ksig_flush();
	}
	if (json)
		return ret;

	for (i = 0; i < N_COLUMNS; i++) {
		for (j = 0; columns[i].name[j]; j++)
			heading.cell[i][j] = toupper((unsigned char)columns[i].name[j]);
	}
	for (i = 0; i < COMM; i++) {
		width[i] = strlen(columns[i].name);
		for (j = 0; j < st->n_rows; j++) {
			len = strlen(cell_text(&st->rows[j], i));
			if (width[i] < len)
				width[i] = len;
		}
		/* a negative width makes printf() align to the left */
		if (columns[i].type == TEXT)
			width[i] = -width[i];
	}
	ret = print_line(&heading, width);
	for (i = 0; !ret && i < st->n_rows; i++)
		ret = print_line(&st->rows[i], width);
	return ret;
}

static int status_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct status st = { };
	bool json = false;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'h':
			return ksig_help(&ksig_cmd_status);
		default:
			return ksig_usage(&ksig_cmd_status, NULL);
		}
	}
	if (optind < argc)
		return ksig_usage(&ksig_cmd_status,
				  "unexpected argument '%s'", argv[optind]);

	if (readlink("/proc/self", st.self, sizeof(st.self) - 1) < 0) {
		ksig_error("cannot read /proc/self: %s (is /proc mounted?)",
			   strerror(errno));
		return KSIG_NOT_HERE;
	}
	ret = visit_all(&st, "/proc", visit_process);
	if (!ret && !st.n_rows) {
		ksig_error("no subscriptions");
		if (st.hidden || geteuid())
			ksig_error("other processes' subscriptions may be hidden: /proc/PID/fdinfo is "
				   "readable by its owner only%s",
				   geteuid() ? " (try sudo)" : "");
	} else if (!ret) {
		ret = print_rows(&st, json);
	}
	free(st.rows);
	return ret;
}

const struct ksig_command ksig_cmd_status = {
	.name = "status",
	.summary = "list subscriptions and their counters",
	.help = help,
	.run = status_run,
};
