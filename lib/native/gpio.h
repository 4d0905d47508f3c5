/* SPDX-License-Identifier: MIT */
/* gpio.*: finds a GPIO line by chip and line. */
#ifndef KSIG_NATIVE_GPIO_H
#define KSIG_NATIVE_GPIO_H

#include <linux/gpio.h>

#include "native.h"

/**
 * struct ksig_gpio_place - a line
 * @chip: name of the chip, such as "gpiochip0"
 * @label: label of the chip, which its driver chooses
 * @offset: number of the line
 * @name: name of the line; "" if it has none
 * @consumer: consumer of the line; "" if unused
 */
struct ksig_gpio_place {
	char chip[GPIO_MAX_NAME_SIZE];
	char label[GPIO_MAX_NAME_SIZE];
	uint32_t offset;
	char name[GPIO_MAX_NAME_SIZE];
	char consumer[GPIO_MAX_NAME_SIZE];
};

/*
 * Finds the line that the settings "chip" and "line" refer to, and opens the chip.
 * Return: a descriptor of the chip; or -errno, with the reason in @e.
 */
int ksig_gpio_find(const struct ksig_spec *spec, struct ksig_gpio_place *place,
		   struct ksig_error *e);
/*
 * Checks whether there is a chip that can be opened. Return: 0; or -errno, with the reason in @e.
 */
int ksig_gpio_check(struct ksig_error *e);

#endif /* KSIG_NATIVE_GPIO_H */
