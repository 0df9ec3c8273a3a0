/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hil_charge_take, _find and _drop without a kernel: a table for the one owner that tests have.
 */
#ifndef PLUTON_TESTS_HIL_CHARGES_H
#define PLUTON_TESTS_HIL_CHARGES_H

#include "hil/contract.h"

/* How many are taken now. */
unsigned charges_taken(void);

/* The owner dies. */
void charges_drop_all(void);

/* The next takes answer -PLUTON_ENOMEM, until it is told otherwise. */
void charges_refuse(bool refuse);

#endif
