// SPDX-License-Identifier: MIT
/*
 * ksig watch --to: programs whose runtime has a handler for HUP, and ends them by
 * it when they have asked for none. From outside these two look alike.
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

/* In every program that Go has linked, stripped or not. */
#define GO_SECTION ".note.go.buildid"
#define SECTIONS_MAX 4096
#define NAMES_MAX (1U << 20)

static bool read_at(int fd, void *to, size_t size, uint64_t at)
{
	return pread(fd, to, size, at) == (ssize_t)size;
}

/* Of a 64-bit program: Go's 32-bit ones are not looked into. */
static char *read_names(int fd, const Elf64_Ehdr *head, size_t *size)
{
	Elf64_Shdr names;
	char *text;

	if (!read_at(fd, &names, sizeof(names), head->e_shoff +
		     (uint64_t)head->e_shstrndx * sizeof(names)) ||
	    !names.sh_size || names.sh_size > NAMES_MAX)
		return NULL;
	text = malloc(names.sh_size);
	if (!text)
		return NULL;
	if (!read_at(fd, text, names.sh_size, names.sh_offset)) {
		free(text);
		return NULL;
	}
	text[names.sh_size - 1] = '\0';
	*size = names.sh_size;
	return text;
}

static bool has_section(int fd, const char *wanted)
{
	bool found = false;
	Elf64_Ehdr head;
	Elf64_Shdr sh;
	size_t size = 0;
	char *names;
	int i;

	if (!read_at(fd, &head, sizeof(head), 0) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) ||
	    head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_shentsize != sizeof(sh) || head.e_shnum > SECTIONS_MAX)
		return false;
	names = read_names(fd, &head, &size);
	for (i = 0; names && !found && i < head.e_shnum; i++)
		found = read_at(fd, &sh, sizeof(sh), head.e_shoff +
				(uint64_t)i * sizeof(sh)) &&
			sh.sh_name < size &&
			!strcmp(names + sh.sh_name, wanted);
	free(names);
	return found;
}

static bool is_go(pid_t pid)
{
	char path[40];
	bool go;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	go = has_section(fd, GO_SECTION);
	close(fd);
	return go;
}

static bool is_jvm(pid_t pid)
{
	char path[40], *line = NULL;
	bool jvm = false;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	while (f && !jvm && getline(&line, &size, f) > 0)
		jvm = strstr(line, "/libjvm.so");
	free(line);
	if (f)
		fclose(f);
	return jvm;
}

void ksig_runtime_warn(pid_t pid, int signo)
{
	const char *what;

	if (signo != SIGHUP)
		return;
	what = is_go(pid) ? "a Go program" : is_jvm(pid) ? "a Java program" :
	       NULL;
	if (what)
		ksig_note("process %d is %s: unless it handles HUP itself, its runtime exits",
			  pid, what);
}
