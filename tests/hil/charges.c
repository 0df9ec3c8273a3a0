/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's side of charged library objects, for tests of engines alone.
 */
#include "tests/hil/charges.h"

#define CHARGES_MAX 64u

static struct {
	const struct hil_charge *charge; /* NULL: free */
	void *object;
} table[CHARGES_MAX];

static bool refusing;

void charges_refuse(bool refuse)
{
	refusing = refuse;
}

unsigned charges_taken(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CHARGES_MAX; i++)
		count += table[i].charge != NULL;
	return count;
}

static void drop(unsigned i)
{
	const struct hil_charge *charge = table[i].charge;

	table[i].charge = NULL;
	if (charge)
		charge->release(table[i].object);
}

void charges_drop_all(void)
{
	for (unsigned i = 0; i < CHARGES_MAX; i++)
		drop(i);
}

int hil_charge_take(struct hil_owner *owner, const struct hil_charge *charge, void *object,
		    uint32_t *ret_handle)
{
	(void)owner;
	for (unsigned i = 0; i < CHARGES_MAX && !refusing; i++) {
		if (table[i].charge)
			continue;
		table[i].charge = charge;
		table[i].object = object;
		*ret_handle = i + 1;
		return 0;
	}
	return -PLUTON_ENOMEM;
}

void *hil_charge_find(struct hil_owner *owner, const struct hil_charge *charge, uint32_t handle)
{
	(void)owner;
	if (handle == 0 || handle > CHARGES_MAX || table[handle - 1].charge != charge)
		return NULL;
	return table[handle - 1].object;
}

void hil_charge_drop(struct hil_owner *owner, const struct hil_charge *charge, uint32_t handle)
{
	if (hil_charge_find(owner, charge, handle))
		drop(handle - 1);
}
