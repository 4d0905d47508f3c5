// SPDX-License-Identifier: MIT
/*
 * ksig watch --to: detects programs whose language runtime has a handler for HUP. The runtime's
 * handler terminates the program unless the program has installed a handler of its own. From
 * outside, the two cases look the same.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "watch.h"

/* The Go linker adds this section to every program, and stripping does not remove it. */
#define GO_SECTION ".note.go.buildid"
#define SECTIONS_MAX 4096
#define NAMES_MAX (1U << 20)

static bool read_at(int fd, void *to, size_t size, uint64_t at)
{
	return pread(fd, to, size, at) == (ssize_t)size;
}

/* Only 64-bit programs are recognised. */
static bool is_go(pid_t pid)
{
	char path[40], *names = NULL;
	Elf64_Shdr table, sh;
	bool found = false;
	Elf64_Ehdr head;
	int i, fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (!read_at(fd, &head, sizeof(head), 0) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) ||
	    head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_shentsize != sizeof(sh) || head.e_shnum > SECTIONS_MAX)
		goto out;
	/* read the section names */
	if (!read_at(fd, &table, sizeof(table), head.e_shoff +
		     (uint64_t)head.e_shstrndx * sizeof(table)) ||
	    !table.sh_size || table.sh_size > NAMES_MAX)
		goto out;
	names = malloc(table.sh_size);
	if (!names || !read_at(fd, names, table.sh_size, table.sh_offset))
		goto out;
	names[table.sh_size - 1] = '\0';
	for (i = 0; !found && i < head.e_shnum; i++)
		found = read_at(fd, &sh, sizeof(sh), head.e_shoff +
				(uint64_t)i * sizeof(sh)) &&
			sh.sh_name < table.sh_size &&
			!strcmp(names + sh.sh_name, GO_SECTION);
out:
	free(names);
	close(fd);
	return found;
}

void ksig_runtime_warn(pid_t pid, int signo)
{
	char path[40], *line = NULL;
	bool is_jvm = false;
	size_t size = 0;
	FILE *f;

	if (signo != SIGHUP)
		return;
	if (is_go(pid)) {
		ksig_note("process %d is a Go program: its runtime exits on HUP unless the program handles it",
			  pid);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	while (f && !is_jvm && getline(&line, &size, f) > 0)
		is_jvm = strstr(line, "/libjvm.so");
	free(line);
	if (f)
		fclose(f);
	if (is_jvm)
		ksig_note("process %d is a Java program: its runtime exits on HUP unless the program handles it",
			  pid);
}
