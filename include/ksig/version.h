/* SPDX-License-Identifier: MIT */
#ifndef KSIG_VERSION_H
#define KSIG_VERSION_H

/* The one place that says which version this is. */
#define KSIG_VERSION "0.1.0"

#endif
