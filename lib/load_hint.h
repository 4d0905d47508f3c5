/* SPDX-License-Identifier: MIT */
/* Advice on loading ksig.ko, used by the library and the command. */
#ifndef KSIG_LOAD_HINT_H
#define KSIG_LOAD_HINT_H

#include <stdio.h>
#include <unistd.h>

static inline int ksig_modules_disabled(void)
{
	FILE *f = fopen("/proc/sys/kernel/modules_disabled", "re");
	int c = f ? fgetc(f) : '0';

	if (f)
		fclose(f);
	return c == '1';
}

/* Returns text to append to "ksig.ko is not loaded". */
static inline const char *ksig_load_hint(void)
{
	if (!access("/proc/self", F_OK) && access("/proc/modules", F_OK))
		return ", and this kernel was built without modules";
	if (ksig_modules_disabled())
		return ", and loading modules is disabled until the next boot (kernel.modules_disabled)";
	/* in the virtual machine booted by 'make shell' */
	if (!access("/ksig/ksig.ko", F_OK))
		return " (insmod /ksig/ksig.ko)";
	return " ('sudo make load' in the source tree of ksig)";
}

#endif /* KSIG_LOAD_HINT_H */
