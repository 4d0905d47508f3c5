/* SPDX-License-Identifier: MIT */
#ifndef KSIG_VERSION_H
#define KSIG_VERSION_H

/*
 * The version, which all else takes from here; NEWS.md has a section with this number. The
 * library's soname has its first number.
 */
#define KSIG_VERSION "0.2.0"

#endif
