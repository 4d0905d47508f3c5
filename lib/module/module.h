/* SPDX-License-Identifier: MIT */
/* Declarations shared by the files of the module provider. */
#ifndef KSIG_LIB_MODULE_H
#define KSIG_LIB_MODULE_H

#include "../provider.h"

#define DEV "/dev/ksig/"
#define CLASS "/sys/class/ksig/"

/* driver.c: the operations desc and desc_free of struct ksig_provider */
int ksig_module_desc(const char *name, const struct ksig_sub_opts *opts,
		     struct ksig_event_desc **out, struct ksig_error *e);
void ksig_module_desc_free(struct ksig_event_desc *d);

#endif /* KSIG_LIB_MODULE_H */
