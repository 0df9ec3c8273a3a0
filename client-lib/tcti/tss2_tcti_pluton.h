/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCTI of Pluton's TPM (TCG TSS 2.0 TPM Command Transmission Interface API Specification).
 * Most programs do not need this header: they name the TCTI "pluton" to Tss2_TctiLdr_Initialize.
 */
#ifndef TSS2_TCTI_PLUTON_H
#define TSS2_TCTI_PLUTON_H

#include <tss2/tss2_tcti.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * Called twice: with tctiContext NULL it fills in *size, with that many bytes at tctiContext it
 * connects. `conf` is NULL or "address=unix:PATH,instance=NAME", each part optional. A sentence
 * about a failure goes to stderr unless TSS2_LOG has tcti+none or all+none.
 */
TSS2_RC Tss2_Tcti_Pluton_Init(TSS2_TCTI_CONTEXT *tctiContext, size_t *size, const char *conf);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
